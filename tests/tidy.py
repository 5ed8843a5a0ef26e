#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of docs/style.md that a program can check.

usage: tidy.py [ROOT]    (default: the tree this file is in)

Prints one line for each violation and exits 1 if there is one. A line reads
`path:line: [rule] what is wrong; what would be right`. A rule that cannot hold for one file is
lifted in ALLOWED, with the reason.
"""
import os
import pathlib
import re
import sys

from includes import check_includes

# path -> {rule: reason}
ALLOWED = {
    "sim/resident.cpp": {"file": "reads the kernel's map of this process; no choice depends on it"},
}

# The floors of docs/architecture.md. A neighbour on the same floor is not a lower floor.
FLOORS = {
    "engine/base": 0, "engine/runtime": 1,
    "engine/store": 2, "engine/real": 2, "sim": 2,
    "faults": 3,
    "scenarios": 4,
    "reports": 5,
    "fuzz": 6,
    "cli": 7,
}
PRODUCT = list(FLOORS)
ON_TOP = ["tests", "bench", "examples"]  # they see everything and nobody sees them
DETERMINISTIC = ["engine/store", "sim", "faults", "scenarios"]
# Libraries that few places may use.
LIBRARIES = {"CLI/": ("cli/", "bench/ycsb/main.cpp"), "catch2/": ("tests/catch.hpp",),
             "liburing": ("engine/real/io_ring.cpp", "engine/real/registered_frames.cpp",
                          "tests/engine/real/kernel_calls.cpp")}
MODEL = "docs/fault_model.md"  # has a row for each fault
# Folder -> what one more file in it needs elsewhere: the file, and the line. The first row tells
# whether all is there; what only declares, the compiler misses. {0} is the stem, {1} the name. A
# source with a header of its own is a room and needs no row.
ROWS = {
    "faults": [("faults/catalogue.cpp", "{0}(),"),
               ("faults/catalogue.cpp", "sim::Fault* {0}();")],
    "scenarios": [("scenarios/catalogue.cpp", "&{0}(),"),
                  ("scenarios/catalogue.hpp", "const Scenario& {0}();")],
    "scenarios/oracles": [("scenarios/oracles/catalogue.cpp", '{{"{1}", "...", &judge_{0}}},'),
                          ("scenarios/oracles/oracle.hpp",
                           "Judgement judge_{0}(const Run& run, OracleScratch& scratch);")],
    "reports": [("reports/catalogue.cpp", '{{"{1}", "...", &render_{0}}},'),
                ("reports/catalogue.hpp",
                 "void render_{0}(const Telling& telling, std::ostream& out);")],
    "fuzz/targets": [("fuzz/catalogue.cpp", '{{"{1}", "...", false}},')],
    "cli": [("cli/main.cpp", '{{"{1}", "...", "...", &run_{0}}},'),
            ("cli/verb.hpp", "int run_{0}(const Invocation& invocation);")],
}
TARGETS = "fuzz/targets"  # its sources are rows of a table, but for what targets share
LINES_MAX, FUNCTION_LINES_MAX, COLUMNS_MAX, PROSE_COLUMNS_MAX = 500, 60, 100, 120

CODE, SCRIPTS = (".cpp", ".hpp"), (".py", ".sh", ".build")
TEXT = CODE + SCRIPTS + (".md", ".json", ".txt", ".yml", ".toml")
SCRIPT_NAMES = ("dev", ".ci/run")
TEXT_NAMES = SCRIPT_NAMES + (".gitignore", ".clang-format", "LICENSE")
SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".cache"}
EXPECTED_OUTPUT = ["tests/golden", "tests/data"]  # what a program printed, byte for byte

# ---- The bans -----------------------------------------------------------------------------------

# A name of the global namespace or of std: no member, nothing of a namespace of ours.
FREE = r"(?<![\w.:])(?<!->)(?:std)?(?:::)?\b"
# rule, folders, what the code must not hold, what it must not include, what is wrong; what is right
BANS = [
    ("clock", DETERMINISTIC,
     r"\b(?:system|steady|high_resolution|utc|tai|file)_clock\b|\b(?:clock_gettime|gettimeofday)\b"
     r"|(?<![\w.:>])(?:std)?::(?:time|clock)\s*\(|\b_*rdtscp?\b"
     r"|" + FREE + r"time\s*\(\s*(?:nullptr|NULL|0|&\w+)\s*\)", "ctime time.h sys/time.h",
     "reads a clock of this machine; ask engine::Clock"),
    ("sleep", DETERMINISTIC, FREE + r"(?:sleep|usleep|nanosleep)\s*\(|\bsleep_(?:for|until)\b", "",
     "sleeps in real time; wait with a deadline on engine::Tasks"),
    ("thread", DETERMINISTIC,
     r"\bstd::(?:j?thread|this_thread|async|future|promise|packaged_task)\b|\bpthread_\w+",
     "thread future stop_token pthread.h",
     "uses a thread of the machine; spawn a task"),
    ("lock", DETERMINISTIC,
     r"\bstd::(?:\w*mutex|condition_variable\w*|(?:unique|scoped|shared)_lock|lock_guard|latch"
     r"|barrier|\w+_semaphore|once_flag|call_once)\b",
     "mutex shared_mutex condition_variable semaphore latch barrier",
     "blocks the thread of the whole world; use engine/runtime/sync.hpp"),
    ("random", DETERMINISTIC,
     r"\bstd::(?:random_device|mt19937\w*|minstd_rand0?|\w+_engine|\w+_distribution|shuffle"
     r"|sample)\b"
     r"|" + FREE + r"(?:s?rand|s?random|rand_r|[dlm]rand48|arc4random\w*|get(?:random|entropy))"
     r"\s*\(",
     "random sys/random.h",
     "draws what no tape records; ask a choice"),
    ("environment", DETERMINISTIC, r"\b(?:secure_getenv|getenv|setenv|putenv|environ)\b", "",
     "depends on the environment; make it a named size, or an option of the command line"),
    ("file", DETERMINISTIC,
     r"\bstd::(?:[io]?fstream|filesystem)\b|" + FREE + r"(?:(?:f|fd|fre|p)open|tmpfile|mkd?s?temp"
     r"|p?(?:read|write)v|pread|pwrite|fsync|fdatasync|openat|opendir)\s*\("
     r"|(?<![\w>])::(?:open|creat|read|write|close|unlink|rename|mkdir|f?stat|f?truncate)\s*\(",
     "fstream filesystem cstdio stdio.h fcntl.h dirent.h sys/stat.h",
     "touches files of this machine; go through engine::Storage, or leave it to cli/"),
    ("atomic", DETERMINISTIC, r"\bstd::atomic\w*|\b__(?:atomic|sync)_\w+", "",
     "is an atomic that the scheduler cannot see; use engine::Atomic"),
    ("thread_local", [f for f in PRODUCT if f not in ("engine/runtime", "engine/real")],
     r"\bthread_local\b|\b__thread\b", "",
     "is shared by all tasks of a world, for which engine/runtime has the one pointer to it"),
    ("float", DETERMINISTIC,
     r"\b(?:float|double)\b|(?<![\w.])\d[\d']*\.\d|(?<![\w.])\d+e[-+]?\d", "",
     "is floating point, which rounds differently elsewhere; use integers, as engine::Odds does"),
    ("address_order", DETERMINISTIC,
     r"\bstd::(?:multi)?(?:map|set)<\s*(?:const\s+)?[\w:]+(?:\s+const)?\s*\*", "",
     "is ordered by address, which differs from run to run; key it by an index or a name"),
    ("shared_ptr", PRODUCT, r"\b(?:shared_ptr|weak_ptr|make_shared|enable_shared_from_this)\b", "",
     "has no single owner; keep a value or a unique_ptr in one place and hand out references"),
    ("iostream", [f for f in PRODUCT if f != "cli"], r"\bstd::(?:cout|cerr|clog|cin)\b", "iostream",
     "brings global streams and static objects; take a std::ostream& from <ostream>"),
]
BANNED_NAMES = {"util", "utils", "common", "misc", "helper", "helpers", "detail", "details"}
OPEN_WORK = re.compile(r"\b(?:TO[D]O|FI[X]ME|X[X]X|HA[C]K)\b(?!\(#\d+\))")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|work|farm)/\w+")

# ---- Reading the tree ---------------------------------------------------------------------------

LITERAL = (r'R"(?P<raw>[^(\s]*)\(.*?\)(?P=raw)"|"(?:\\.|[^"\\\n])*"'
           r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'")  # 1'000 is a number
COMMENT = r"//(?:\\\n|[^\n])*|/\*.*?\*/"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)


class File:
    """A text file, also with its comments, its literals and its directives blanked in turn."""

    def __init__(self, path, text):
        self.path, self.text, self.lines = path, text, text.split("\n")
        self.folder, _, self.name = path.rpartition("/")
        self.stem, dot, ending = self.name.rpartition(".")
        self.suffix = dot + ending
        self.is_code = self.suffix in CODE
        # All of the same length as the text, so that an offset means the same line in each.
        self.uncommented = blank(f"(?P<keep>{LITERAL})|{COMMENT}", text) if self.is_code else text
        self.plain = blank(f"{LITERAL}|{COMMENT}", text) if self.is_code else text
        self.code = blank_directives(self.plain)
        self.includes = list(INCLUDE.finditer(self.uncommented)) if self.is_code else []

    def within(self, folders):
        return any(self.path.startswith(folder + "/") for folder in folders)

    def line(self, offset):
        return self.text.count("\n", 0, offset) + 1


def blank(pattern, text):
    """Replaces what matches by spaces; keeps a group named `keep`, and the quotes of a literal."""

    def spaces(match):
        found = match.group()
        if match.groupdict().get("keep"):
            return found
        empty = re.sub(r"[^\n]", " ", found)
        return found[-1] + empty[1:-1] + found[-1] if found[0] in "\"'R" else empty

    return re.sub(pattern, spaces, text, flags=re.S)


def blank_directives(code):
    """Blanks preprocessor lines, and all but the first branch of each #if: braces then balance."""
    lines, skipping, continued = code.split("\n"), [], False
    for index, line in enumerate(lines):
        word = "" if continued else (re.match(r"\s*#\s*(\w+)|", line).group(1) or "")
        if word.startswith("if"):
            skipping.append(False)
        elif word.startswith("el") and skipping:
            skipping[-1] = True
        elif word == "endif" and skipping:
            skipping.pop()
        directive = bool(word) or continued
        continued = directive and line.endswith("\\")
        if directive or any(skipping):
            lines[index] = " " * len(line)
    return "\n".join(lines)


def read_tree(root):
    tree = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for name in sorted(names):
            path = (pathlib.Path(folder) / name).relative_to(root).as_posix()
            if path.endswith(TEXT) or path in TEXT_NAMES:
                tree[path] = File(path, (root / path).read_bytes().decode("utf-8", "replace"))
    return tree


# ---- Finding functions --------------------------------------------------------------------------


def functions(code):
    """Yields (name, start, opening brace, closing brace) of each function, as offsets."""
    head, parentheses, braces = 0, 0, []  # head: where the declaration at hand began
    for match in re.finditer(r"[(){};]", code):
        at, sign = match.start(), match.group()
        inside = bool(braces) and braces[-1][0] != "scope"
        if sign == "{":
            kind = "value" if inside or parentheses else kind_of(code[head:at])
            braces.append((kind, head, at))
            head = at + 1 if kind == "scope" else head
        elif sign == "}" and braces:
            kind, began, opened = braces.pop()
            if kind == "function":
                began += re.match(r"(?:\s|(?:public|private|protected)\s*:)*", code[began:]).end()
                named = re.search(r"(operator[^(]*|[\w:~]+)\s*\(", code[began:opened])
                yield (named.group(1) if named else "a function"), began, opened, at
            head = head if kind == "value" else at + 1
        elif not inside and sign in "()":
            parentheses += 1 if sign == "(" else -1
        elif not inside and not parentheses:  # a semicolon
            head = at + 1


def kind_of(head):
    """What a brace opens, by the declaration before it: a scope, a function, or a mere value."""
    head = re.sub(r"\[\[.*?\]\]|\balignas\s*\([^)]*\)|->", " ", head, flags=re.S)
    head = re.sub(r"\boperator\s*(?:\(\s*\)|[^\s\w(]+)", "operator_", head)
    if re.search(r'\bnamespace\b|\bextern\s*"[^"]*"\s*$', head):
        return "scope"
    if re.search(r"\b(?:class|struct|union|enum)\b[^()=]*$", head):
        return "scope"
    before = None
    while before != head:  # from the inside out
        before, head = head, re.sub(r"<[^<>]*>", " ", re.sub(r"\([^()]*\)", "\0", head))
    if "\0" not in head:
        return "value"
    if re.search(r"(?<![=!<>])=(?!=)", head):
        return "function" if re.search(r"=\s*\[", head) else "value"  # a lambda, or a table
    initialises_member = re.search(r"\0[^:]*:(?!:)", head) and re.search(r"\w\s*$", head)
    return "value" if initialises_member else "function"


# ---- The checks: each yields (file, line, rule, message) ----------------------------------------


def check_bans(tree):
    for file in filter(lambda f: f.is_code, tree.values()):
        for rule, folders, pattern, headers, message in BANS:
            if not file.within(folders):
                continue
            for match in re.finditer(pattern, file.plain):
                yield file, file.line(match.start()), rule, f"`{match.group()}` {message}"
            for match in file.includes:
                if match.group(2) in headers.split():
                    yield file, file.line(match.start()), rule, f"<{match.group(2)}> {message}"


def check_statics(tree):
    changing = re.compile(r"\bstatic\s+(?!const\b|constexpr\b|constinit\s+const\b)[^;={(]+")
    for file in filter(lambda f: f.is_code and f.within(DETERMINISTIC), tree.values()):
        for _, _, opened, closed in functions(file.code):
            for match in changing.finditer(file.code, opened, closed):
                yield (file, file.line(match.start()), "static",
                       f"`{match.group().strip()}` outlives the world that set it; make it a field")


def check_hashed_order(tree):
    for file in filter(lambda f: f.is_code and f.within(DETERMINISTIC), tree.values()):
        header = tree.get(f"{file.folder}/{file.stem}.hpp", file)
        for name in hashed_names(file.code) | hashed_names(header.code):
            walk = rf"\bfor\s*\([^;()]*:[^;()]*?\b{name}\s*\)|\b{name}\s*(?:\.|->)\s*c?begin\s*\("
            for match in re.finditer(walk, file.code):
                yield (file, file.line(match.start()), "hashed_order",
                       f"walks `{name}` in the order of its hashes; use a sorted container")


def hashed_names(code):
    names = set()
    for match in re.finditer(r"\bstd::unordered_\w+\s*<", code):
        at, depth = match.end(), 1
        while depth and at < len(code):
            depth += {"<": 1, ">": -1}.get(code[at], 0)
            at += 1
        names.update(re.match(r"[\s&*]*(\w*)", code[at:]).groups())
    return names - {"", "const"}


# A visible operation itself. What a function of the engine does in the name of a query counts too.
VISIBLE = (r"(?:\.|->)(?:load|load_word|exchange|fetch_\w+|compare_exchange\w*|cas_word)"
           r"(?:<\w+>)?(?=\()")


def check_evaluation_order(tree):
    code = {f: f.code for f in tree.values() if f.is_code and f.within(DETERMINISTIC)}
    queries = visible_queries(text for f, text in code.items() if f.within(["engine/store"]))
    for file, text in code.items():
        calls = [VISIBLE] + (queries if file.within(["engine/store"]) else [])
        visible = re.compile("|".join(calls))
        for piece in re.finditer(r"(?:(?!&&|\|\||[;{}?]|(?<!:):(?!:)).)+", after_conditions(text),
                                 re.S):
            ends = []  # where the arguments of each visible operation of this piece end
            for match in visible.finditer(piece.group()):
                if any(end < match.start() for end in ends):
                    yield (file, file.line(piece.start() + match.start()), "evaluation_order",
                           "two visible operations in one expression, in an order the compiler"
                           " chooses; give the first one a name and a line of its own")
                    break
                ends.append(match.end() + closing_parenthesis(piece.group()[match.end():]))


def visible_queries(texts):
    """Patterns of calls of const functions that, whoever defines them, do a visible operation."""
    bodies = {}  # what calls a function -> what its definitions do
    for text in texts:
        for name, start, opened, closed in functions(text):
            name, head = name.split("::")[-1], text[start:opened]
            container = "" if name not in ("begin", "end", "size", "empty") else ".>"
            arguments = "[)]" if "()" in head else ""
            call = rf"(?<![\w:~{container}]){re.escape(name)}(?=\({arguments})"
            known = re.search(r"\)\s*const\b[^()]*$", head)  # others are for their effect
            bodies.setdefault(call, []).append(text[opened:closed] if known else "")
    queries, before = [], None
    while queries != before:
        before = queries
        queries = sorted(call for call, all_of in bodies.items()
                         if all(re.search("|".join([VISIBLE, call] + before), body)
                                for body in all_of)
                         and re.search("|".join([VISIBLE] + before), "\n".join(all_of)))
    return queries


def after_conditions(text):
    """The same text, where the condition of an if or a loop ends like a statement."""
    marks = list(text)
    for match in re.finditer(r"\b(?:if|while|for|switch)\s*(?:constexpr\s*)?(?=\()", text):
        marks[match.end() + closing_parenthesis(text[match.end():])] = ";"
    return "".join(marks)


def closing_parenthesis(text):
    depth = 0
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return at
    return len(text)


def place_of(path):
    return next((f for f in PRODUCT + ON_TOP if path.startswith(f + "/")), None)


def check_floors(tree):
    for file in filter(lambda f: f.is_code, tree.values()):
        here = place_of(file.path)
        if here is None:
            yield file, 1, "floor", "stands on no floor; see docs/architecture.md for the folders"
        for match in file.includes:
            line, name = file.line(match.start()), match.group(2)
            for library, home in LIBRARIES.items():
                if name.startswith(library) and not file.path.startswith(home):
                    yield file, line, "library", f"<{name}> belongs in {home[0]}; ask that place"
            there = place_of(name)
            if match.group(1) == '"' and name not in tree:
                yield (file, line, "include",
                       f'"{name}" is not in this tree; write the path from the top folder')
            if there in (None, here) or here is None or (here in ON_TOP and there in FLOORS):
                continue
            if there in ON_TOP and (here, there) != ("tests", "bench"):
                yield file, line, "floor", f"includes {there}/, which nobody may; move it down"
            elif FLOORS.get(there, 0) >= FLOORS.get(here, len(FLOORS)):
                yield (file, line, "floor", f"{here} (floor {FLOORS[here]}) includes {there} (floor"
                       f" {FLOORS[there]}); include only lower floors, let the upper one call down")


def check_sizes(tree):
    for file in tree.values():
        is_prose, count = file.path.endswith(".md"), len(file.lines) - 1
        if not (is_prose or file.path.endswith(CODE + SCRIPTS) or file.path in SCRIPT_NAMES):
            continue
        columns = PROSE_COLUMNS_MAX if is_prose else COLUMNS_MAX
        if count > LINES_MAX and not is_prose:
            yield file, count, "file_size", f"{count} lines, {LINES_MAX} at most; cut out a room"
        for number, line in enumerate(file.lines, 1):
            if len(line) > columns and not (is_prose and line[0] == "|"):  # a row of a table
                yield file, number, "line_size", f"{len(line)} columns; break it at {columns}"
        for name, start, _, end in functions(file.code) if file.is_code else ():
            count = file.line(end) - file.line(start) + 1
            if count > FUNCTION_LINES_MAX:
                yield (file, file.line(start), "function_size",
                       f"{name} has {count} lines, {FUNCTION_LINES_MAX} at most; name its parts")


def check_catalogues(tree):
    for file in tree.values():
        name, rows = file.stem.replace("_", "-"), ROWS.get(file.folder, [])
        if file.suffix != ".cpp" or place_of(file.path) is None:
            continue
        if not is_built(tree, file):
            row = f"'{file.stem}': [..., ...]" if file.folder == TARGETS else f"'{file.name}'"
            yield (file, 1, "build", f"is not built; missing row in {file.folder}/meson.build:"
                   f"  {row},")
        is_room = f"{file.folder}/{file.stem}.hpp" in tree or file.name == "catalogue.cpp"
        is_room |= file.folder == TARGETS and is_built(tree, file, whole_name=True)
        if not rows or is_room or file.path == rows[0][0]:
            continue
        missing = [(place, row.format(file.stem, name)) for place, row in rows]
        if not has_row(tree, *missing[0]):
            yield (file, 1, "catalogue", "nobody can reach it; missing rows: "
                   + "; ".join(f"in {place}: {row}" for place, row in missing))
        model = tree[MODEL].text if MODEL in tree else ""
        if file.folder == "faults" and f"`{name}`" not in model:
            yield (file, 1, "catalogue", f"nobody can read of it; missing row in {MODEL}:"
                   f" | `{name}` | ...")


def is_built(tree, file, whole_name=False):
    """True if a meson.build beside the file, or above, names it; if so wanted, with its ending."""
    folder = file.folder
    while True:
        build = tree.get((folder + "/" if folder else "") + "meson.build")
        name = file.path[len(folder) + 1 if folder else 0:]
        text = re.sub(r"#.*", "", build.text) if build else ""
        # A stem alone counts too: tests that span folders are rows of a table.
        by_stem = "" if whole_name else rf"|'{re.escape(name[:-4])}'\s*:"
        if re.search(rf"'{re.escape(name)}'" + by_stem, text):
            return True
        if not folder:
            return False
        folder = folder.rpartition("/")[0]


def has_row(tree, place, row):
    """True if the file has the row: what stands in quotes, or, where nothing does, all of it."""
    named = re.match(r'\{("[^"]*")', row)
    wanted = named.group(1) if named else row
    text = tree[place].uncommented if place in tree else ""
    return re.search(rf"(?<![\w-]){re.escape(wanted)}", text) is not None


def check_text(tree):
    for file in tree.values():
        if file.within(EXPECTED_OUTPUT):
            continue
        for number, line in enumerate(file.lines, 1):
            if "\t" in line:
                yield file, number, "tab", "a tab; indent with spaces"
            if line.rstrip() != line:
                yield file, number, "trailing_space", "white space ends the line; delete it"
            if re.search(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]", line):
                yield file, number, "control", "a control character or no UTF-8; plain text only"
            if file.path.endswith(CODE + SCRIPTS) and OPEN_WORK.search(line):
                yield file, number, "todo", "open work without an issue; write TO" + "DO(#number)"
            if MACHINE_PATH.search(line):
                yield file, number, "machine_path", "a path of one machine; make it relative"
        if not file.text.endswith("\n") or file.text.endswith("\n\n"):
            yield file, len(file.lines), "last_line", "end the file with exactly one line break"


def check_openings(tree):
    licence = "SPDX-License-Identifier: Apache-2.0"
    for file in tree.values():
        if file.is_code and file.lines[0] != f"// {licence}":
            yield file, 1, "spdx", f"opens without its licence; the first line is // {licence}"
        if file.path.endswith(SCRIPTS) and f"# {licence}" not in file.lines[:2]:
            yield file, 1, "spdx", f"opens without its licence; the first lines hold # {licence}"
        if file.suffix == ".hpp" and "\n#pragma once\n" not in file.text:
            yield file, 1, "pragma_once", "can be included twice; write #pragma once"
        bad = BANNED_NAMES & set(re.split(r"[/_.-]", file.path)) if file.is_code else ()
        if bad or file.name.endswith(("-inl.h", "-inl.hpp")):
            yield file, 1, "name", "a name that says nothing; name the file after its one noun"


CHECKS = [check_bans, check_statics, check_hashed_order, check_evaluation_order, check_floors,
          check_includes, check_sizes, check_catalogues, check_text, check_openings]


def violations(tree, allowed):
    """Every violation as one line of text, in order of place."""
    found = []
    for check in CHECKS:
        for file, line, rule, message in check(tree):
            if rule not in allowed.get(file.path, {}):
                found.append((file.path, line, f"{file.path}:{line}: [{rule}] {message}"))
    return [text for _, _, text in sorted(set(found))]


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent)
    found = violations(tree := read_tree(root), ALLOWED)
    found += [f"tests/tidy.py:1: [allowed] {path} is gone; delete its row in ALLOWED"
              for path in ALLOWED if path not in tree]
    for line in found:
        print(line)
    print(f"tidy: {len(tree)} files, {len(found)} violations", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
