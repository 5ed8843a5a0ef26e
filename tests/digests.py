#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Same seed, same digest: across builds, address layouts, environments, workers and guards.

usage: tests/digests.py [--only SCENARIO] ORRERY [ORRERY...]

Plays every small scenario with each binary, with the first most, and compares verdict, digest,
steps and points seed by seed. Less of it is played in other ways (without address randomisation, in
a larger environment, with one worker and with two, behind guard pages): in all of them by the first
binary, and by each other in one, a different one for each scenario; so not every binary plays every
scenario in every way. Then one seed of every large scenario is played with each binary, once. A few
runs of one scenario are played in still other environments. With a bug planted, runs are compared
among the binaries that have its switch, and in all ways of the first. Runs that broke a promise are
equal only up to there: behind guard pages they fail as well, and no later. A few seeds are replayed
by the first binary under valgrind as well: it has no sanitizer.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

RUNS, RUNS_OF_OTHERS, RUNS_IN_OTHER_WAYS = 120, 80, 50
CAMPAIGN = "0x5eed"
# What has made other programs differ: no environment, other bytes in fresh memory, another
# allocator, plainer string functions, another folder, and a stack that moves all that is mapped.
SHELL = ["bash", "-c", 'ulimit -s "$0" && exec "$@"']
ENVIRONMENTS = (
    (["env", "-i"], {}, []),
    ([], {"MALLOC_PERTURB_": "165"}, []),
    ([], {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mmap_threshold=4096"}, []),
    ([], {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-ERMS"}, []),
    (["env", "-C", "/"], {}, []),
    (SHELL + ["256"], {}, []),
    (SHELL + ["hard"], {}, []),  # unlimited, nearly everywhere
)
ENVIRONMENT_SCENARIO, ENVIRONMENT_RUNS = "many-sessions", 25
# Planted bug, scenario, and so many runs that some of them fail.
FAILING = (("garnet-385", "snapshot-full-cache", 400), ("garnet-2063.b", "snapshot-full-cache", 50))
VALGRIND_SEEDS = (("canary", 1), ("canary", 2), ("canary", 3), ("many-sessions", 1))


def scenarios(binary, large=False):
    text = subprocess.run([binary, "list", "scenarios", "--json"], check=True, capture_output=True,
                          text=True).stdout
    rows = [json.loads(line) for line in text.splitlines()]
    return [row["name"] for row in rows if row["large"] == large and not row["nondeterministic"]]


def play(binary, scenario, way, scratch, count=RUNS):
    prefix, extra, options = way
    environment = dict(os.environ, **extra)
    command = prefix + [binary, "run", scenario, "-n", str(count), "-s", CAMPAIGN, "--keep-going",
                        "--json", "-q", "--out", scratch] + options
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode not in (0, 1, 6):  # 6: so few runs have not found a canary
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    runs = [row for row in rows if "seed" in row]
    if len(runs) != count:
        sys.exit(f"{' '.join(command)} played {len(runs)} of {count} runs")
    keys = ("seed", "verdict", "signature", "digest", "steps", "points")
    return [tuple(row.get(key) for key in keys) for row in runs]


def ways():
    return ([([], {}, []), (["setarch", "-R"], {}, [])]
            + [([], {"ORRERY_PADDING": "x" * 9999}, []), ([], {}, ["-j", "1"]),
               ([], {}, ["-j", "2"]), ([], {}, ["--guarded"])])


def sees_more(first, now):
    """Guard pages end a run that fails, if anything, earlier."""
    return first[0] == now[0] and first[1] == now[1] == "failed" and now[4] <= first[4]


def compare(scenario, binary, way, wanted, got):
    guarded = "--guarded" in way[2]
    for first, now in zip(wanted, got):
        if first != now and not (guarded and sees_more(first, now)):
            extra = [f"{name}={value[:80]}" for name, value in way[1].items()]
            sys.exit(f"{scenario}: {' '.join(extra + way[0])} {binary} {' '.join(way[2])} differs:"
                     f"\n  {first}\n  {now}")


def compare_ways(scenario, binaries, scratch, turn=0):
    """Every binary has had every way when the turn has gone round."""
    first, *others = ways()
    wanted, compared = None, 0
    for place, binary in enumerate(binaries):
        runs = RUNS if place == 0 else RUNS_OF_OTHERS  # which are not optimised, or watched
        for way in [first] + (others if place == 0 else [others[(turn + place) % len(others)]]):
            got = play(binary, scenario, way, scratch, runs if way == first else RUNS_IN_OTHER_WAYS)
            wanted = wanted or got
            compare(scenario, binary, way, wanted, got)
            compared += len(got)
    return compared


def compare_environments(scenario, binaries, scratch):
    wanted = play(binaries[0], scenario, ([], {}, []), scratch, ENVIRONMENT_RUNS)
    compared = 0
    for binary in binaries:
        for way in ENVIRONMENTS:
            got = play(binary, scenario, way, scratch, ENVIRONMENT_RUNS)
            compare(scenario, binary, way, wanted, got)
            compared += len(got)
    return compared


def has_switches(binary, bug, scenario):
    done = subprocess.run([binary, "replay", scenario, "1", "--bug", bug, "-q", "--json"],
                          capture_output=True, text=True)
    return "this build has no switches" not in done.stderr


def up_to(steps, binary, scenario, seed, bug):
    """Every point until then, with the digest of all before it."""
    command = [binary, "replay", scenario, seed, "--bug", bug, "--trace", "--until", str(steps),
               "-q"]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"{' '.join(map(str, command))} says nothing: {done.stderr.strip()}")
    return done.stdout


def same_up_to(steps, scenario, seed, bug, *binaries):
    traces = {up_to(steps, binary, scenario, seed, bug) for binary in binaries if steps > 0}
    return len(traces) < 2


def compare_failing(bug, scenario, runs, binaries, scratch):
    """The same promise is broken at the same step. What a sanitizer, or the machine, sees of it
    earlier ends a run there, and up to there it is the same."""
    switchable = [binary for binary in binaries if has_switches(binary, bug, scenario)]
    way = ([], {}, ["--bug", bug])
    wanted, failing = None, 0
    for binary in switchable:
        got = play(binary, scenario, way, scratch, runs)
        wanted = wanted or got
        for first, now in zip(wanted, got):
            failing += now[1] == "failed"
            if first == now:
                continue
            by_memory = [run for run in (first, now) if (run[2] or "").startswith("memory: ")]
            if not by_memory or not same_up_to(min(first[4], now[4]) - 1, scenario, first[0], bug,
                                               switchable[0], binary):
                compare(scenario, binary, way, [first], [now])
    if switchable and failing < len(switchable):
        sys.exit(f"{scenario} --bug {bug}: too few of {runs} runs fail to compare them")
    return len(switchable) * runs


def compare_failing_ways(bug, scenario, runs, binary, scratch):
    """Whichever way it is played, the same promise is broken at the same step."""
    planted = ["--bug", bug]
    wanted = play(binary, scenario, ([], {}, planted), scratch, runs)
    others = ways()[1:]
    for prefix, extra, options in others:
        way = (prefix, extra, planted + options)
        compare(scenario, binary, way, wanted, play(binary, scenario, way, scratch, runs))
    return len(others) * runs


def replay(prefix, binary, scenario, seed):
    command = prefix + [binary, "replay", scenario, str(seed), "--json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True)
    # Also what valgrind itself has to say is an error: an uninitialised value, a stray access.
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def compare_large(scenario, binaries):
    wanted = replay([], binaries[0], scenario, 1)
    for binary in binaries[1:]:
        got = replay([], binary, scenario, 1)
        if wanted != got:
            sys.exit(f"{scenario} 1: {binary} differs:\n  {wanted}\n  {got}")
    return len(binaries)


def under_valgrind(binary):
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing; ./dev setup installs it")
    for scenario, seed in VALGRIND_SEEDS:
        wanted = replay([], binary, scenario, seed)
        got = replay(["valgrind", "-q", "--error-exitcode=9"], binary, scenario, seed)
        if wanted != got:
            sys.exit(f"{scenario} {seed} differs under valgrind:\n  {wanted}\n  {got}")
    return len(VALGRIND_SEEDS)


def main():
    binaries = sys.argv[1:]
    only = None
    if binaries[:1] == ["--only"]:
        only, binaries = binaries[1], binaries[2:]
    if not binaries:
        sys.exit(__doc__)
    compared = 0
    binaries = [os.path.abspath(binary) for binary in binaries]
    scratch = tempfile.mkdtemp()
    for turn, scenario in enumerate([only] if only else scenarios(binaries[0])):
        compared += compare_ways(scenario, binaries, scratch, turn)
    compared += compare_environments(only or ENVIRONMENT_SCENARIO, binaries, scratch)
    for bug, scenario, runs in FAILING:
        if only in (None, scenario):
            compared += compare_failing(bug, scenario, runs, binaries, scratch)
            compared += compare_failing_ways(bug, scenario, runs, binaries[0], scratch)
    for scenario in [] if only else scenarios(binaries[0], large=True):
        compared += compare_large(scenario, binaries)
    shutil.rmtree(scratch, ignore_errors=True)
    watched = 0 if only else under_valgrind(binaries[0])
    print(f"digests: {compared} runs are equal, and {watched} under valgrind")


if __name__ == "__main__":
    main()
