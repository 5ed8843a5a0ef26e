#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every oracle has a break that it is known to report, every break still has its place, and every
scenario is hunted in, and played by the campaign of the clean engine.

Playing the breaks takes a build each (mutate.py does it); this only keeps the list whole. That no
oracle is one that cannot fail, the canaries show that tests/planted_bugs_test.cpp plays.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mutate  # noqa: E402
from expected import AT_HOME, EXPLAINED  # noqa: E402
from mutations import MUTATIONS  # noqa: E402
from native_mutations import NATIVE_MUTATIONS  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


# Scenarios of which nothing is to be learnt by many seeds, and why.
OF_THEIR_OWN = {
    "canary": "must fail; tests/planted_bugs_test.cpp plays it",
    "pointer-canary": "must differ; tests/cli/determinism_test.cpp plays it",
    "static-canary": "must differ elsewhere; tests/cli/determinism_test.cpp plays it",
    "garnet-385-40g": "one genuine case of 40 GiB, without seeds; tests/demo.sh plays it",
}


def names_of(kind):
    listed = subprocess.run([os.environ["ORRERY"], "list", kind, "--json"],
                            capture_output=True, text=True, check=True).stdout
    return [json.loads(line)["name"] for line in listed.splitlines()]


def campaign_scenarios():
    script = (ROOT / "tests" / "campaign.sh").read_text()
    return re.search(r"^scenarios=\(([^)]*)\)", script, re.M).group(1).split()


class Mutations(unittest.TestCase):
    def test_every_oracle_has_a_break_that_it_reports(self):
        reported = {row[4] for row in MUTATIONS if len(row) > 4}
        self.assertEqual(reported, set(names_of("oracles")))

    def test_every_scenario_is_in_the_hunts_and_in_the_clean_campaign(self):
        known = names_of("scenarios")
        self.assertLessEqual(set(OF_THEIR_OWN), set(known))
        wanted = sorted(set(known) - set(OF_THEIR_OWN))
        self.assertEqual(sorted(mutate.SCENARIOS), wanted, "SCENARIOS of tests/mutate/mutate.py")
        self.assertEqual(sorted(campaign_scenarios()), wanted, "scenarios of tests/campaign.sh")
        logs = mutate.scenarios_for("engine/store/append_log.cpp", None)
        self.assertLessEqual(set(logs), set(wanted))

    def test_every_break_has_its_place(self):
        for name, path, there, instead, *_ in MUTATIONS + NATIVE_MUTATIONS:
            self.assertEqual((ROOT / path).read_text().count(there), 1, name)
            self.assertNotEqual(there, instead, name)

    def test_every_explanation_is_of_a_break(self):
        names = [row[0] for row in MUTATIONS]
        self.assertEqual(len(names), len(set(names)))
        explained = [*EXPLAINED, *mutate.BY_TESTS]
        self.assertEqual(len(explained), len(set(explained)))
        self.assertLessEqual(set(explained), set(names))
        self.assertLessEqual(set(AT_HOME), set(names))
        self.assertLessEqual(set(AT_HOME.values()), set(mutate.SCENARIOS))
        for file in mutate.BY_TESTS.values():
            self.assertTrue((ROOT / "tests" / file).is_file(), file)
            self.assertTrue(file.startswith("engine/"), file)  # or mutate.py must play them


class Hunt(unittest.TestCase):
    """Runs are counted in the order in which they are played."""

    def found(self, kills, home=None, runs=375):
        """What a hunt in a, b and c finds if these (scenario, run) fail."""
        def hunt_in(scenario, first, _):
            failing = [run for where, run in kills
                       if where == scenario and first <= run < first + mutate.SHARE]
            return {"index": min(failing), "oracle": "any"} if failing else None

        with mock.patch.object(mutate, "hunt_in", hunt_in):
            return mutate.hunt(runs, ["a", "b", "c"], home=home)

    def test_the_first_that_is_played_counts_whatever_its_scenario(self):
        self.assertEqual(self.found([("b", 3), ("c", 1)]), ("b", 4, 129, "any"))

    def test_a_later_round_counts_all_before_it(self):
        self.assertEqual(self.found([("b", 130)]), ("b", 131, 3 * 125 + 125 + 6, "any"))

    def test_at_home_all_runs_come_first_and_are_not_played_again(self):
        self.assertEqual(self.found([("b", 300), ("a", 0)], home="b"), ("b", 301, 301, "any"))
        self.assertEqual(self.found([("c", 0)], home="b"), ("c", 1, 3 * 125 + 125 + 1, "any"))

    def test_who_survives_is_found_by_nobody(self):
        self.assertIsNone(self.found([("b", 400)]))


class UnbrokenTree(unittest.TestCase):
    """What is no measure of the breaks is told in a line."""

    def said_if(self, build=0, hunt=None, tests=None):
        def done(command, **_):
            raised = hunt if command[1] == "run" else tests
            if raised:
                raise raised
            return subprocess.CompletedProcess(command, 0, "", "")

        def built(target="cli/orrery"):
            failed = build if target == "tests/test_engine" else 0
            return subprocess.CompletedProcess([], failed, "an error", "")

        with (mock.patch.object(mutate, "copy_tree"), mock.patch.object(mutate, "build", built),
              mock.patch.object(mutate, "run", done), mock.patch.object(sys, "argv", ["mutate.py"]),
              self.assertRaises(SystemExit) as ended):
            mutate.main()
        return ended.exception.code  # a text: Python prints it and ends with 1

    def test_unit_tests_that_do_not_compile(self):
        self.assertEqual(self.said_if(build=1), "the unbroken tree comes to no conclusion: "
                         "the unit tests do not compile:\nan error")

    def test_unit_tests_that_do_not_end(self):
        self.assertEqual(self.said_if(tests=subprocess.TimeoutExpired("test_engine", 1)),
                         "the unbroken tree comes to no conclusion: "
                         f"the unit tests did not end in {mutate.HUNT_SECONDS} s")

    def test_a_hunt_that_does_not_end(self):
        self.assertEqual(self.said_if(hunt=subprocess.TimeoutExpired("orrery", 1)),
                         "the unbroken tree comes to no conclusion: the hunt in "
                         f"{mutate.SCENARIOS[0]} did not end in {mutate.HUNT_SECONDS} s")


if __name__ == "__main__":
    unittest.main()
