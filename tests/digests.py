#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Same seed, same digest: across builds, address layouts, environments, workers and guards.

usage: tests/digests.py [--only SCENARIO] ORRERY [ORRERY...]

Plays every small scenario with each binary in several ways (without address randomisation, in a
larger environment, with one worker and with two, behind guard pages) and compares verdict, digest,
steps and points seed by seed; and one seed of every large scenario with each binary, once. Runs
that broke a promise are equal only up to there, and guards see more, so those are not compared with
guarded ones. A few seeds are replayed under valgrind as well, unless the first binary has a
sanitizer.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

RUNS = 200
CAMPAIGN = "0x5eed"
VALGRIND_SEEDS = (("canary", 1), ("canary", 2), ("canary", 3), ("many-sessions", 1))


def scenarios(binary, large=False):
    text = subprocess.run([binary, "list", "scenarios", "--json"], check=True, capture_output=True,
                          text=True).stdout
    rows = [json.loads(line) for line in text.splitlines()]
    return [row["name"] for row in rows if row["large"] == large and not row["nondeterministic"]]


def play(binary, scenario, way, scratch):
    prefix, extra, options = way
    environment = dict(os.environ, **extra)
    command = prefix + [binary, "run", scenario, "-n", str(RUNS), "-s", CAMPAIGN, "--keep-going",
                        "--json", "-q", "--out", scratch] + options
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    runs = [row for row in rows if "seed" in row]
    if len(runs) != RUNS:
        sys.exit(f"{' '.join(command)} played {len(runs)} of {RUNS} runs")
    keys = ("seed", "verdict", "signature", "digest", "steps", "points")
    return [tuple(row.get(key) for key in keys) for row in runs]


def ways():
    return ([([], {}, []), (["setarch", "-R"], {}, [])]
            + [([], {"ORRERY_PADDING": "x" * 9999}, []), ([], {}, ["-j", "1"]),
               ([], {}, ["-j", "2"]), ([], {}, ["--guarded"])])


def compare(scenario, binary, way, wanted, got):
    guarded = "--guarded" in way[2]
    for first, now in zip(wanted, got):
        if first != now and not (guarded and first[1] == "failed"):
            sys.exit(f"{scenario}: {binary} {' '.join(way[0] + way[2])} differs:\n"
                     f"  {first}\n  {now}")


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
    version = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout
    if "sanitizers: none" not in version:
        return 0
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
    scratch = tempfile.mkdtemp()
    for scenario in [only] if only else scenarios(binaries[0]):
        wanted = None
        for binary in binaries:
            for way in ways():
                got = play(binary, scenario, way, scratch)
                wanted = wanted or got
                compare(scenario, binary, way, wanted, got)
                compared += len(got)
    for scenario in [] if only else scenarios(binaries[0], large=True):
        compared += compare_large(scenario, binaries)
    shutil.rmtree(scratch, ignore_errors=True)
    watched = 0 if only else under_valgrind(binaries[0])
    print(f"digests: {compared} runs are equal, and {watched} under valgrind")


if __name__ == "__main__":
    main()
