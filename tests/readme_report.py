#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The report that the README shows is one that Orrery gives.

usage: readme_report.py [--update]    ($ORRERY: the binary; default: build/release/cli/orrery)

Runs the command above the report, shrinks and replays what it finds, cuts the story to its heart
and compares, or with --update writes it there.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
RUN = ["run", "snapshot-full-cache", "--bug", "garnet-385", "-s", "3"]
# The rows of the table that tell it: of the page, and of what happened to the request.
HEART = re.compile(r"deviation \d|: hands \[|parks page|\(device\) request|walk after|BROKEN")


def orrery(*arguments, code):
    binary = os.environ.get("ORRERY", str(ROOT / "build/release/cli/orrery"))
    done = subprocess.run([binary, *arguments], capture_output=True, text=True)
    if done.returncode != code:
        what = " ".join(arguments)
        sys.exit(f"orrery {what} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def find(pattern, text):
    found = re.search(pattern, text)
    return found.groups() if found else sys.exit(f"nothing like {pattern!r} in:\n{text}")


def report():
    with tempfile.TemporaryDirectory() as folder:
        campaign = orrery(*RUN, "--out", folder, code=1)
        run, = find(r"\(run ([\d,]+) of the campaign", campaign)
        tape, before = find(r"shrink (\S+\.orry)  # ([\d,]+) deviations?", campaign)
        small = f"{folder}/small.orry"
        story = orrery("shrink", tape, "-o", small, code=0)
        story = orrery("replay", small, code=1)
    after, = find(r"what differs from the calm run: (\d+) deviation", story)
    head, table = story.split("around the failure\n")
    lines = head[head.index("what differs"):].rstrip().split("\n") + [""] + rows(table)
    shown = "\n".join("    " + line if line else "" for line in lines)
    run = f"Run {run} of `orrery {' '.join(RUN)}`"
    return (f"{run}, shrunk from {before} deviations to {after} (cut to its\n"
            f"heart; `orrery replay small.orry` prints the rest):\n\n{shown}\n")


def rows(table):
    """The rows that tell it, each with its task in front instead of in a column."""
    lines = table.split("\n\n")[0].split("\n")
    lanes = [(match.start(), match.group()) for match in re.finditer(r"\S+", lines[0])][2:]
    kept = []
    for line in filter(HEART.search, lines[1:]):
        text = re.match(r"(.{15}).{16}\s*(.*)", line)
        at = text.start(2)
        who = max((lane for lane in lanes if lane[0] <= at), default=lanes[0])[1]
        who = "" if who == "others" or text.group(2).startswith("(device)") else who + ": "
        kept.append(f"{text.group(1).rstrip()}  {who}{text.group(2)}")
    return kept


def main(arguments):
    text = README.read_text()
    begin = text.index("## A real report\n\n") + len("## A real report\n\n")
    end = text.index("\nThe walk should have ended", begin)
    wanted = report()
    if arguments == ["--update"]:
        README.write_text(text[:begin] + wanted + text[end:])
    elif text[begin:end] != wanted:
        sys.exit(f"README.md shows another report; run {sys.argv[0]} --update:\n{wanted}")


if __name__ == "__main__":
    main(sys.argv[1:])
