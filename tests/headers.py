#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles headers of the product alone, so that none leans on what its users happen to include
first. And looks that they say VERIFY: in a test, CHECK is Catch2's.

usage: headers.py SOURCE_ROOT SCRATCH_FOLDER COMPILER [FLAG...]

A header is compiled again only after it, something it includes, or the command has changed; and
not here if a source of the same name includes it first: that is compiled by every build, though
mostly behind others. What it is then given unasked tidy.py looks for (tests/includes.py).
"""
import os
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def main(root, scratch, command):
    scratch.mkdir(parents=True, exist_ok=True)
    headers = sorted(
        path.relative_to(root)
        for path in root.rglob("*.hpp")
        if not {"build", ".git", "tests", "bench"} & set(path.relative_to(root).parts)
    )
    rest = [header for header in headers if not is_first_of_its_source(root, header)]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        complaints = pool.map(lambda header: compile_alone(root, scratch, command, header), rest)
        failed = [complaint for complaint in complaints if complaint]
    failed += [f"{header}: says CHECK; in a header that is VERIFY" for header in headers
               if says_check(root, header)]
    for complaint in failed:
        print(complaint, file=sys.stderr)
    print(f"{len(headers)} headers, {len(failed)} complaints")
    return 1 if failed else 0


def says_check(root, header):
    text = (root / header).read_text()
    return header.name != "check.hpp" and re.search(r"\bCHECK\(", text) is not None


def is_first_of_its_source(root, header):
    """Then whatever else that source includes comes too late to help."""
    source = (root / header).with_suffix(".cpp")
    if not source.exists():
        return False
    first = re.search(r"^#include .*$", source.read_text(), re.MULTILINE)
    return first is not None and first[0] == f'#include "{header.as_posix()}"'


def compile_alone(root, scratch, command, header):
    """Returns what the compiler had to say, or an empty text if all is well."""
    base = scratch / "_".join(header.parts)
    source, inputs = base.with_suffix(".cpp"), base.with_suffix(".d")
    line = [*command, "-I", str(root), "-fsyntax-only", "-MD", "-MF", str(inputs), str(source)]
    text = f'// {" ".join(line)}\n#include "{header.as_posix()}"\n'
    if source.exists() and source.read_text() == text and is_fresh(inputs):
        return ""
    inputs.unlink(missing_ok=True)
    source.write_text(text)
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    inputs.unlink(missing_ok=True)
    return f"{header}: does not compile alone; include what it uses\n{done.stderr}"


def is_fresh(inputs):
    """True if nothing that the last compilation read has changed since."""
    if not inputs.exists():
        return False
    written = inputs.stat().st_mtime
    read = inputs.read_text().replace("\\\n", " ").split(": ", 1)[-1].split()
    return all(os.path.exists(path) and os.stat(path).st_mtime <= written for path in read)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]))
