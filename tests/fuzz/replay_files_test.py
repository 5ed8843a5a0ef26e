#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where there is no libFuzzer: what cannot be read is no finding, and a missing one is seen.

usage: replay_files_test.py TARGET...    (the fuzz targets)
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = {pathlib.Path(path).name.removeprefix("replay_"): path for path in sys.argv[1:]}
CORPUS = ROOT / "tests" / "data" / "corpus"


def play(target, *words):
    return subprocess.run([TARGETS[target], *words], capture_output=True, text=True, timeout=60)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def refused(self, done, *names):
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for name in names:
            self.assertIn(str(name), done.stderr)

    def test_what_is_in_folders_below_is_played_as_well(self):
        (self.folder / "below" / "empty").mkdir(parents=True)
        (self.folder / "one").write_text("orrery-tape 1\n")
        (self.folder / "below" / "other").write_text("orrery-tape 1\n")
        done = play("tape", self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, "2 inputs, nothing wrong\n"))

    def test_what_cannot_be_read_is_refused_in_a_line(self):
        missing = self.folder / "missing"
        self.refused(play("tape", missing), missing)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.refused(play("tape", self.folder), pipe)

    def test_a_finding_that_is_known_ends_nothing(self):
        words = ("--bug=garnet-385", CORPUS / "schedule" / "garnet-385")
        found = play("schedule", *words).stderr
        self.assertRegex(found, "^schedule: FOUND walks: .*\n$")
        known = self.folder / "known"
        known.write_text(found.removeprefix("schedule: FOUND "))
        self.assertEqual(play("schedule", f"--known={known}", *words).returncode, 0)

    def test_nothing_to_play_is_not_well(self):
        self.refused(play("tape", self.folder), "0 inputs")


class Finding(unittest.TestCase):
    """What corpus_finding.py makes of the ends of a target."""

    def ends_with_finding(self, text, target, *words):
        script = pathlib.Path(__file__).parent / "corpus_finding.py"
        done = subprocess.run([sys.executable, script, text, TARGETS[target], *words],
                              capture_output=True, text=True, timeout=60)
        return done.returncode == 0

    def test_a_finding_is_one_if_it_is_the_one_expected(self):
        words = ("schedule", "--bug=garnet-385", CORPUS / "schedule" / "garnet-385")
        self.assertTrue(self.ends_with_finding("schedule: FOUND walks: ", *words))
        self.assertFalse(self.ends_with_finding("FOUND recovery: ", *words))

    def test_refused_words_a_missing_corpus_and_a_clean_end_are_none(self):
        for words in (("--bug=garnet-385x", CORPUS / "schedule"),
                      ("--bug=garnet-385", CORPUS / "missing"),
                      (CORPUS / "schedule",)):
            self.assertFalse(self.ends_with_finding("", "schedule", *words), words)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
