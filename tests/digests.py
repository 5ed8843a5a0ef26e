#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Same seed, same digest: across builds, address layouts and environments.

usage: tests/digests.py ORRERY [ORRERY...]

Plays every small scenario with each binary, once as it is, once without address randomisation and
once in a larger environment, and compares verdict, digest, steps and points seed by seed.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

RUNS = 200
CAMPAIGN = "0x5eed"


def scenarios(binary):
    text = subprocess.run([binary, "list", "scenarios", "--json"], check=True, capture_output=True,
                          text=True).stdout
    rows = [json.loads(line) for line in text.splitlines()]
    return [row["name"] for row in rows if not row.get("large", False)]


def play(binary, scenario, prefix, extra, scratch):
    environment = dict(os.environ, **extra)
    command = prefix + [binary, "run", scenario, "-n", str(RUNS), "-s", CAMPAIGN, "--keep-going",
                        "--json", "-q", "--out", scratch]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    runs = [row for row in rows if "seed" in row]
    if len(runs) != RUNS:
        sys.exit(f"{' '.join(command)} played {len(runs)} of {RUNS} runs")
    keys = ("seed", "verdict", "signature", "digest", "steps", "points")
    return [tuple(row.get(key) for key in keys) for row in runs]


def main():
    binaries = sys.argv[1:]
    if not binaries:
        sys.exit(__doc__)
    fixed = [["setarch", "-R"]] if shutil.which("setarch") else []
    ways = [([], {})] + [(prefix, {}) for prefix in fixed] + [([], {"ORRERY_PADDING": "x" * 9999})]
    compared = 0
    scratch = tempfile.mkdtemp()
    for scenario in scenarios(binaries[0]):
        wanted = None
        for binary in binaries:
            for prefix, extra in ways:
                got = play(binary, scenario, prefix, extra, scratch)
                wanted = wanted or got
                for first, now in zip(wanted, got):
                    if first != now:
                        sys.exit(f"{scenario}: {binary} {' '.join(prefix)} differs:\n"
                                 f"  {first}\n  {now}")
                compared += len(got)
    shutil.rmtree(scratch, ignore_errors=True)
    print(f"digests: {compared} runs are equal")


if __name__ == "__main__":
    main()
