#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A fuzz target that is given its corpus ends with a finding, and with the one that is expected.

usage: corpus_finding.py TEXT TARGET [WORD...]

Exits 0 if the target died of what it found and said TEXT. A target that refuses its words, finds no
corpus or dies of something else ends otherwise than well, too, and is no finding.
"""
import signal
import subprocess
import sys

# As libFuzzer ends it (-error_exitcode=1), and as abort() does where there is none.
ENDS = (1, -signal.SIGABRT)


def main():
    text, command = sys.argv[1], sys.argv[2:]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode in ENDS and text in done.stderr:
        return 0
    print(f"{' '.join(command)} ended with {done.returncode}; wanted is one of {ENDS}, and "
          f"\"{text}\":\n{done.stderr[-4000:]}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
