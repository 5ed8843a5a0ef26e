# SPDX-License-Identifier: Apache-2.0
"""Says of each test in a log of meson that did not end as it should what it said last: `./dev test`
repeats that at its end, where somebody reads who has no more of it than that.

    python3 tests/last_words.py build/asan/meson-logs/testlog.json "meson test -C build/asan"

The second word is what runs the tests of that log again.
"""

import json
import sys

WANTED = ("OK", "EXPECTEDFAIL")
LINES = 40  # of each stream
COLUMNS = 300


def words_of(test, rerun):
    yield f"---- {rerun} {test['name']}: {test['result']}, exit code {test.get('returncode', '?')}"
    for stream in ("stdout", "stderr"):
        for line in test.get(stream, "").splitlines()[-LINES:]:
            yield line[:COLUMNS]


def main(log, rerun):
    with open(log, encoding="utf-8", errors="replace") as lines:
        for test in map(json.loads, lines):
            if test["result"] not in WANTED:
                print("\n".join(words_of(test, rerun)))


if __name__ == "__main__":
    main(*sys.argv[1:])
