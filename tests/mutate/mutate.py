#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the tester: breaks the engine in one place at a time, and sees whether a campaign notices.

usage: tests/mutate/mutate.py [--runs N] [--scenario NAME]... [NAME...]
       tests/mutate/mutate.py --native [NAME...]

The tree is copied to build/mutate/tree and built there once; then each break of mutations.py is
applied, built, and hunted: so many runs of each small scenario in turn (or of those that are named;
a break of the append log in the three that have one), for at most N runs of each (default 5,000).
One that expected.py has AT_HOME is hunted in that scenario first. The script says which share was
killed within N runs, those of all scenarios counted together, and after how many in the median. It
ends with 1 if the unbroken tree fails or tells nothing, if a break does not compile, if neither a
run nor the unit test that expected.py names notices one, if a hunt comes to no conclusion, if a
run notices one of those that are explained as harmless there, or if N runs have killed fewer than
95 of a hundred of all the others. What only damage shows that no fault does counts as little as
what is harmless.

With --native the breaks are those of native_mutations.py, and the native tests must notice each.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from expected import AT_HOME, BEYOND_FAULTS, EXPLAINED, OF_UNIT_TESTS  # noqa: E402
from mutations import MUTATIONS  # noqa: E402
from native_mutations import NATIVE_MUTATIONS  # noqa: E402

BY_TESTS = OF_UNIT_TESTS | BEYOND_FAULTS
ROOT = pathlib.Path(__file__).resolve().parents[2]
TREE = ROOT / "build" / "mutate" / "tree"
BUILD = ROOT / "build" / "mutate" / "build"
SCENARIOS = ["snapshot-full-cache", "many-sessions", "snapshot-at-rest", "late-flush",
             "checkpoint-under-load", "crash-loop", "short-lives", "fold-over", "recover-smaller",
             "copy-reads", "append-log", "reset-with-io", "dispose-with-io",
             "operation-log", "damaged-log"]
SHARE = 125  # runs of one scenario before the next has its turn
HUNT_SECONDS = 300
NATIVE_SECONDS = 180  # many times what the native tests take
KILLED_AFTER = []  # runs of all scenarios together, of each break that was noticed


def run(command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)


def copy_tree():
    """Copies the working tree; what is as it was keeps its time, so that ninja is quick."""
    listed = run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"]).stdout.splitlines()
    for name in listed:
        source, target = ROOT / name, TREE / name
        if not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copy(source, target)  # as of now: what was broken here is built again


def build(target="cli/orrery"):
    if not (BUILD / "build.ninja").exists():
        done = run(["meson", "setup", BUILD, TREE])
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
    return run(["ninja", "-C", BUILD, target])


def failing_tests():
    """What the unit tests of the engine say if one fails, as XML; or None."""
    built = build("tests/test_engine")
    if built.returncode:
        raise Inconclusive("the unit tests do not compile:\n" + built.stdout[-2000:])
    try:
        done = run([BUILD / "tests" / "test_engine", "-r", "xml"], timeout=HUNT_SECONDS)
    except subprocess.TimeoutExpired:
        raise Inconclusive(f"the unit tests did not end in {HUNT_SECONDS} s") from None
    return done.stdout if done.returncode else None


def is_red(file):
    """Whether a test of this file fails."""
    return any(f"tests/{file}" in case.split(">")[0]
               and ('success="false"' in case or "FatalError" in case)
               for case in (failing_tests() or "").split("<TestCase "))


def noticed_by_tests(name, file):
    if not is_red(file):
        return f"no run noticed, and no test of {file} either"
    print(f"by tests  {name}", flush=True)
    return None


class Inconclusive(Exception):
    """Neither killed nor survived."""


def scenarios_for(path, chosen):
    """Who has an append log in it: by itself, or for what it does."""
    if path.startswith("engine/store/append_log"):
        return ["append-log", "damaged-log", "operation-log"]
    return chosen or SCENARIOS


def turns(runs, scenarios, home):
    """(scenario, first run) of each share, in the order in which they are played."""
    at_home = [(home, first) for first in range(0, runs, SHARE) if home]
    return at_home + [(scenario, first) for first in range(0, runs, SHARE)
                      for scenario in scenarios if scenario != home]


def hunt(runs, scenarios, oracle=None, home=None):
    """(scenario, runs of it, runs of all, oracle) of the first that notices; None if none does.

    With an oracle, only it is asked, and only what it reports counts. A hunt that does not end, or
    ends for a reason of the harness, says nothing about the break: Inconclusive."""
    for before, (scenario, first) in enumerate(turns(runs, scenarios, home)):
        failing = hunt_in(scenario, first, oracle)
        if failing:
            own = failing["index"] + 1
            return scenario, own, before * SHARE + own - first, failing["oracle"]
    return None


def hunt_in(scenario, first, oracle):
    command = [BUILD / "cli" / "orrery", "run", scenario, "--from", first, "-n", SHARE,
               "-s", "0x6d7574", "-q", "--json", "--out", BUILD / "found"]
    if oracle:
        command += ["--oracles", oracle]
    try:
        done = run(command, timeout=HUNT_SECONDS)
    except subprocess.TimeoutExpired:
        raise Inconclusive(f"the hunt in {scenario} did not end in {HUNT_SECONDS} s") from None
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    failing = [row for row in rows if row.get("verdict") == "failed"
               and oracle in (None, row["oracle"])]
    if failing:
        return failing[0]
    if done.returncode not in (0, 1, 4):  # 4: some runs came to no conclusion
        raise Inconclusive(f"exit {done.returncode} in {scenario}:\n{done.stderr[-2000:]}")
    return None


def try_one(runs, chosen, name, path, there, instead, oracle=None):
    file = TREE / path
    text = file.read_text()
    if text.count(there) != 1:
        return f"the text occurs {text.count(there)} times in {path}"
    file.write_text(text.replace(there, instead))
    try:
        built = build()
        if built.returncode:
            return "does not compile:\n" + built.stdout[-2000:]
        home = None if chosen else AT_HOME.get(name)
        found = hunt(runs, scenarios_for(path, chosen), oracle, home)
        if found is None and name in BY_TESTS:
            return noticed_by_tests(name, BY_TESTS[name])
    except Inconclusive as why:
        return f"no conclusion: {why}"
    finally:
        file.write_text(text)
    if name in EXPLAINED or name in BEYOND_FAULTS:
        if found:
            return f"explained, and yet noticed: {found}"
        print(f"harmless  {name}", flush=True)
        return None
    if found is None:
        return "SURVIVED"
    scenario, own, in_all, by = found
    print(f"killed    {name:30} {scenario:21} {own:6} runs ({in_all} in all)  {by}", flush=True)
    KILLED_AFTER.append(in_all)
    return None


def unfit(runs, scenarios):
    """Why the unbroken tree is no measure of the broken ones: each would look killed. Or None."""
    built = build()
    if built.returncode:
        return "the unbroken tree does not compile:\n" + built.stdout[-2000:] + built.stderr
    try:
        found = hunt(runs, scenarios)
        if found:
            return f"the unbroken tree fails already: {found}"
        failing = failing_tests()
    except Inconclusive as why:
        return f"the unbroken tree comes to no conclusion: {why}"
    return "the unit tests fail already:\n" + failing[-2000:] if failing else None


def native_tests_fail():
    """Whether they notice: also by not ending."""
    built = build("tests/test_native")
    if built.returncode:
        raise Inconclusive("it does not compile:\n" + built.stdout[-2000:])
    try:
        return run([BUILD / "tests" / "test_native"], timeout=NATIVE_SECONDS).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def chosen_of(rows, names):
    """The breaks with these names, or all. A name that none has is a mistake of who gave it."""
    unknown = set(names) - {row[0] for row in rows}
    if unknown:
        print(f"no break is called {', '.join(sorted(unknown))}", file=sys.stderr)
        sys.exit(2)
    return [row for row in rows if not names or row[0] in names]


def native(chosen):
    noticed = 0
    try:
        if native_tests_fail():
            sys.exit("the native tests fail already")
        for name, path, there, instead in chosen:
            file = TREE / path
            text = file.read_text()
            try:
                file.write_text(text.replace(there, instead))
                seen = native_tests_fail()
            finally:
                file.write_text(text)
            noticed += seen
            print(f"killed    {name}" if seen else f"NOT KILLED {name}", flush=True)
    except Inconclusive as why:
        sys.exit(f"no conclusion: {why}")
    print(f"{noticed} of {len(chosen)} breaks were noticed")
    return 0 if noticed == len(chosen) else 1


def tell_rate(chosen, runs):
    """Returns the share of those that a run could notice."""
    matter = len([row for row in chosen if row[0] not in EXPLAINED])
    could = len([row for row in chosen if row[0] not in EXPLAINED | BEYOND_FAULTS])
    in_time = len([after for after in KILLED_AFTER if after <= runs])
    print(f"killed {in_time} of {could} that a run could notice within {runs:,} runs of all "
          f"scenarios together ({100 * in_time / could:.1f} %), {len(KILLED_AFTER)} within "
          f"{runs:,} of each; after {statistics.median(KILLED_AFTER):g} in the median, "
          f"{max(KILLED_AFTER):,} at most")
    print(f"of all {matter} that matter, also those that no fault here can show: "
          f"{100 * in_time / matter:.1f} %")
    return in_time / could


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--native", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.native and (arguments.scenario or arguments.runs is not None):
        parser.error("--native plays the native tests: it goes with neither --runs nor --scenario")
    runs = 5000 if arguments.runs is None else arguments.runs
    if runs < 1:
        parser.error("--runs wants a whole number from 1 on")
    chosen = chosen_of(NATIVE_MUTATIONS if arguments.native else MUTATIONS, arguments.names)
    copy_tree()
    if arguments.native:
        return native(chosen)
    wrong = unfit(runs, arguments.scenario or SCENARIOS)
    if wrong:
        sys.exit(wrong)
    survivors = 0
    for row in chosen:
        wrong = try_one(runs, arguments.scenario, *row)
        if wrong:
            survivors += 1
            print(f"NOT KILLED {row[0]}: {wrong}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} breaks went as they should")
    rate = tell_rate(chosen, runs) if KILLED_AFTER else 0
    return 1 if survivors or (rate < 0.95 and not arguments.names) else 0


if __name__ == "__main__":
    sys.exit(main())
