#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every oracle has a break that it is known to report, and every break still has its place.

Playing the breaks takes a build each (mutate.py does it); this only keeps the list whole: an oracle
without a break might be one that cannot fail.
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mutations import EXPLAINED, MUTATIONS  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def oracles():
    listed = subprocess.run([os.environ["ORRERY"], "list", "oracles", "--json"],
                            capture_output=True, text=True, check=True).stdout
    return [json.loads(line)["name"] for line in listed.splitlines()]


def test_files():
    return [path.read_text() for path in (ROOT / "tests" / "scenarios").rglob("*_test.cpp")]


class Mutations(unittest.TestCase):
    def test_every_oracle_has_a_break_that_it_reports(self):
        reported = {row[4] for row in MUTATIONS if len(row) > 4}
        self.assertEqual(reported, set(oracles()))

    def test_every_oracle_is_seen_to_fire_in_a_unit_test(self):
        catalogue = (ROOT / "scenarios" / "oracles" / "catalogue.cpp").read_text()
        tests = test_files()
        for name in oracles():
            row = catalogue[catalogue.index('{"' + name + '"'):]
            last = row[:row.index("}")].split(",")[-1].strip()
            # An oracle of the world itself is named by what run_test.cpp expects.
            wanted = '== "' + name + '"' if last == "nullptr" else last.lstrip("&")
            self.assertTrue(any(wanted in text for text in tests), name)

    def test_every_break_has_its_place(self):
        for name, path, there, instead, *_ in MUTATIONS:
            self.assertEqual((ROOT / path).read_text().count(there), 1, name)
            self.assertNotEqual(there, instead, name)

    def test_every_explanation_is_of_a_break(self):
        names = [row[0] for row in MUTATIONS]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual(set(EXPLAINED), set(names))


if __name__ == "__main__":
    unittest.main()
