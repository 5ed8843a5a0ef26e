#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A read out of bounds that only a mutation of a corpus reaches is found, kept and told.

usage: sanitized_test.py OVER_READ    (the target of tests/fuzz/over_read.cpp)
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OVER_READ = sys.argv[1]


class Sanitized(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.corpus, self.kept = (pathlib.Path(folder.name) / name for name in ("corpus", "kept"))
        self.corpus.mkdir()
        (self.corpus / "well").write_bytes(b"\x04four")

    def play(self, mutations):
        return subprocess.run(
            ["bash", ROOT / "tests" / "fuzz_sanitized.sh", OVER_READ, str(mutations), self.kept,
             self.corpus], capture_output=True, text=True, timeout=60)

    def test_what_only_a_mutation_reaches_is_kept_and_told(self):
        well = self.play(0)
        self.assertEqual((well.returncode, well.stderr), (0, ""))
        ill = self.play(20000)
        self.assertEqual(ill.returncode, 1, ill.stderr)
        self.assertRegex(ill.stderr, r"\A.*AddressSanitizer: heap-buffer-overflow.*\n\Z")
        command = ill.stderr.split("; again: ")[1].split("    (")[0].split()
        self.assertEqual(pathlib.Path(command[1]).parent, self.kept)
        again = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("heap-buffer-overflow", again.stderr)

    def test_an_input_of_the_corpus_itself_is_told(self):
        (self.corpus / "ill").write_bytes(b"\xc8two")
        ill = self.play(0)
        self.assertEqual(ill.returncode, 1, ill.stderr)
        self.assertIn(f"does not survive {self.kept}/crash-", ill.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
