#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every oracle has a break that it is known to report, and every break still has its place.

Playing the breaks takes a build each (mutate.py does it); this only keeps the list whole. That no
oracle is one that cannot fail, the canaries show that tests/planted_bugs_test.cpp plays.
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mutations import EXPLAINED, MUTATIONS, OF_UNIT_TESTS, RARE  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def oracles():
    listed = subprocess.run([os.environ["ORRERY"], "list", "oracles", "--json"],
                            capture_output=True, text=True, check=True).stdout
    return [json.loads(line)["name"] for line in listed.splitlines()]


class Mutations(unittest.TestCase):
    def test_every_oracle_has_a_break_that_it_reports(self):
        reported = {row[4] for row in MUTATIONS if len(row) > 4}
        self.assertEqual(reported, set(oracles()))

    def test_every_break_has_its_place(self):
        for name, path, there, instead, *_ in MUTATIONS:
            self.assertEqual((ROOT / path).read_text().count(there), 1, name)
            self.assertNotEqual(there, instead, name)

    def test_every_explanation_is_of_a_break(self):
        names = [row[0] for row in MUTATIONS]
        self.assertEqual(len(names), len(set(names)))
        explained = [*EXPLAINED, *OF_UNIT_TESTS, *RARE]
        self.assertEqual(len(explained), len(set(explained)))
        self.assertLessEqual(set(explained), set(names))


if __name__ == "__main__":
    unittest.main()
