#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example in docs/embedding.md is the one that is built, and does what is said there.

usage: example_test.py PROGRAM
"""
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = sys.argv.pop()


def visits(*arguments, **settings):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, **settings)
    return done.returncode, done.stdout, done.stderr


class Example(unittest.TestCase):
    def test_the_text_shows_the_program(self):
        shown = re.search(r"```cpp\n(.*?)```", (ROOT / "docs/embedding.md").read_text(), re.S)[1]
        self.assertEqual(shown, (ROOT / "examples/visits.cpp").read_text())

    def test_it_counts_over_all_its_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(visits(folder, "alice", "bob"), (0, "alice 1\nbob 1\n", ""))
            self.assertEqual(visits(folder, "alice", "alice"), (0, "alice 2\nalice 3\n", ""))
            self.assertEqual(visits(folder, "bob"), (0, "bob 2\n", ""))

    def test_it_speaks_of_nothing_that_is_not_durable(self):
        def limited_to(size):
            def limit():
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

            return limit

        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(visits(folder, "a" * 4000)[0], 0)
            # What a start writes is small; the log that a commit writes to is not, by now.
            for size in range(0, 2048, 512):
                code, out, said = visits(folder, "alice", preexec_fn=limited_to(size))
                self.assertEqual((code, out), (1, ""))
                self.assertRegex(said, "^visits: .*\n$")
            # One that has failed may have happened, or not.
            self.assertRegex(visits(folder, "alice")[1], r"^alice \d+\n$")

    def test_what_it_cannot_do_it_says(self):
        self.assertEqual(visits("/tmp"), (2, "", "usage: visits FOLDER NAME...\n"))
        code, out, said = visits("/dev/null/folder", "alice")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(said, "^visits: the directory of a storage .*\n$")


if __name__ == "__main__":
    unittest.main()
