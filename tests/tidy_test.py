#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests tidy.py: each check finds the one violation planted for it, and nothing in a clean tree."""
import sys

sys.dont_write_bytecode = True  # the tree may be read-only
import tidy  # noqa: E402

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
BUILD = "# SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "#pragma once\n"

# A small tree that keeps every rule, with what a careless check would trip over.
CLEAN = {
    "engine/base/result.hpp": HEADER + "template <class T>\nclass [[nodiscard]] Result {};\n",
    "engine/runtime/atomic.hpp": HEADER + "extern thread_local int* world;\n",
    "engine/runtime/sync.cpp": SPDX + "#include <atomic>\nstd::atomic<int> word{0};\n",
    "engine/runtime/meson.build": BUILD + "sources = files('sync.cpp')\n",
    "sim/world.hpp": HEADER + "#include <map>\n#include <unordered_map>\n"
    '#include "engine/base/result.hpp"\nclass World {\n public:\n'
    "  Instant time() const;\n  Result<int> open(int name);\n\n private:\n"
    "  std::unordered_map<int, std::map<int, int>> tasks_;\n  std::map<int, int*> rows_;\n};\n",
    "sim/world.cpp": SPDX + '#include "sim/world.hpp"\n#include "engine/base/result.hpp"\n'
    "// A std::mutex, rand() and a double in a comment.\n"
    "#define WIDE(x) \\\n  do {          \\\n    x;          \\\n  } while (false)\n"
    'const char* text = "std::thread // no comment";\nconst char* raw = R"(getenv("}")\n)";\n'
    "constexpr long kBig = 1'000'000;\n"
    "World::World(int a) : clock_(a), rows_{}, tasks_{{1, {}}} { rows_.clear(); }\n"
    "Result<int> World::open(int name) { return device.open(name); }\n"
    "int World::find(int key) {\n  static constexpr int kNone = -1;\n"
    "  for (const auto& [name, row] : rows_) use(name, row, clock.now(), heap->rand());\n"
    "  const auto at = tasks_.find(key);\n"
    "  word.store(other.load());\n  if (a.load() && b.load()) return 0;\n"
    "  if (a.load() == 0) return b.load();\n"
    "  return at == tasks_.end() ? kNone : 1;\n}\n",
    "sim/meson.build": BUILD + "sources = files('world.cpp')\n",
    "faults/bit_rot.cpp": SPDX + '#include "sim/world.hpp"\n',
    "faults/catalogue.cpp": SPDX
    + "sim::Fault* bit_rot();\nRow rows[] = {\n    bit_rot(),  // a bit differs\n};\n",
    "faults/meson.build": BUILD + "sources = files(\n"
    "  'bit_rot.cpp',\n  'catalogue.cpp',\n)\n",
    "tests/sim/world_test.cpp": SPDX + '#include "sim/world.hpp"\n#include "tests/catch.hpp"\n',
    "tests/determinism_test.cpp": SPDX + "#include <thread>\n",
    "tests/catch.hpp": HEADER + "#include <catch2/catch.hpp>\n",
    "tests/meson.build": BUILD + "spanning = {'determinism_test': 60}\n"
    "sources = files('sim/world_test.cpp')\n",
    "README.md": "See https://example.org/home/orrery.\n" + "x" * 120 + "\n| " + "x" * 120 + " |\n",
    "docs/fault_model.md": "| `bit-rot` | a bit differs |\n",
}


def body(*lines):
    return "void run() {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


LONG = "\n" + "if (x) {\n  step();\n}\n" * 20 + "}\n"  # the rest of a function that is too long

# rule, path, text to add at the end of that file (or a new file); the rule must fire exactly there.
PLANTED = [
    ("include_own", "faults/catalogue.cpp", "const sim::World* forgotten; World* again;\n"),
    ("include_own", "engine/runtime/sync.cpp", "Result<int> forgotten;\n"),
    ("include_std", "engine/runtime/sync.cpp", "std::optional<int> forgotten;\n"),
    ("include_std", "sim/world.cpp", "std::map<int, std::vector<int>> the_first_it_has;\n"),
    ("clock", "sim/world.cpp", body("const auto now = std::chrono::steady_clock::now();")),
    ("clock", "sim/world.cpp", body("const long now = time(nullptr);")),
    ("clock", "sim/world.cpp", body("const long now = ::clock();")),
    ("clock", "sim/world.hpp", "#include <ctime>\n"),
    ("sleep", "faults/bit_rot.cpp", body("usleep(10);")),
    ("thread", "sim/world.cpp", body("std::jthread helper;")),
    ("thread", "sim/world.hpp", "#include <thread>\n"),
    ("lock", "sim/world.hpp", "std::mutex guard;\n"),
    ("lock", "sim/world.hpp", "std::shared_mutex guard;\n"),
    ("random", "faults/bit_rot.cpp", body("const int die = std::rand();")),
    ("random", "faults/bit_rot.cpp", body("std::uniform_int_distribution<int> die(1, 6);")),
    ("random", "faults/bit_rot.cpp", "#include <random>\n"),
    ("environment", "sim/world.cpp", body('const char* home = getenv("HOME");')),
    ("file", "sim/world.cpp", body('FILE* file = fopen("x", "r");')),
    ("file", "sim/world.cpp", body('const int file = ::open("x", 0);')),
    ("file", "sim/world.cpp", "#include <fstream>\n"),
    ("atomic", "sim/world.hpp", "std::atomic<int> word{0};\n"),
    ("atomic", "sim/world.hpp", "#define PEEK(x) __atomic_load_n(x, 5)\n"),
    ("thread_local", "sim/world.hpp", "extern thread_local int spare;\n"),
    ("float", "sim/world.hpp", "constexpr double kOdds = 1;\n"),
    ("float", "scenarios/plan.cpp", "constexpr double kOdds = 1;\n"),
    ("float", "sim/world.hpp", "constexpr auto kOdds = 0.5;\n"),
    ("address_order", "sim/world.hpp", "std::map<const Task*, int> order;\n"),
    ("shared_ptr", "sim/world.hpp", "std::shared_ptr<int> owner;\n"),
    ("iostream", "sim/world.hpp", "#include <iostream>\n"),
    ("static", "sim/world.cpp", body("static int calls = 0;")),
    ("static", "sim/world.cpp", "struct A {\n" + body("static Cache seen;") + "};\n"),
    ("hashed_order", "sim/world.cpp", body("for (const auto& [key, task] : tasks_) use(key);")),
    ("hashed_order", "sim/world.cpp", body("auto first = tasks_.begin();")),
    ("evaluation_order", "sim/world.cpp", body("place(head_.load(), tail_.load());")),
    ("evaluation_order", "sim/world.cpp", body("CHECK(head_->load() <= tail_.load());")),
    ("evaluation_order", "sim/world.cpp", body("a.compare_exchange(b.load(), c.load());")),
    ("evaluation_order", "sim/world.cpp", body("use(page.load<int>(), page.load_word());")),
    ("evaluation_order", "engine/store/log.cpp", SPDX
     + "int Log::tail() const { return t.load(); }\nint Log::end() const { return tail() + 8; }\n"
     + "void Log::end(int) {}\n" + body("use(end(), from_.load());", "use(end(1), from_.load());")),
    ("floor", "engine/base/result.hpp", '#include "engine/runtime/atomic.hpp"\n'),
    ("floor", "sim/world.cpp", "#include <engine/store/log.hpp>\n"),
    ("floor", "engine/store/log.hpp", HEADER + '#include "sim/world.hpp"\n'),
    ("floor", "faults/bit_rot.cpp", '#include "tests/catch.hpp"\n'),
    ("floor", "engine/lost.hpp", HEADER),
    ("library", "sim/world.hpp", "#include <CLI/CLI.hpp>\n"),
    ("library", "tests/sim/world_test.cpp", "#include <catch2/catch.hpp>\n"),
    ("include", "sim/world.cpp", '#include "world.hpp"\n'),
    ("file_size", "sim/world.hpp", "int filler;\n" * 500),
    ("line_size", "sim/world.hpp", "int " + "x" * 97 + ";\n"),
    ("line_size", "README.md", "word " * 24 + ".\n"),
    ("function_size", "sim/world.cpp", "void run() {" + LONG),
    ("function_size", "sim/world.cpp", "A::A(int a) : a_{a}, b_(a) {" + LONG),
    ("function_size", "sim/world.cpp",
     "struct A {\n  template <class T>\n  bool operator()(T x) const {" + LONG + "};\n"),
    ("function_size", "sim/world.cpp", "const auto run = [](int x) -> int {" + LONG[:-1] + ";\n"),
    ("function_size", "tests/sim/world_test.cpp", 'TEST_CASE("a{b") {' + LONG),
    ("build", "sim/heap.cpp", SPDX),
    ("build", "tests/canary_test.cpp", SPDX),
    ("tab", "sim/world.hpp", "int\tx;\n"),
    ("trailing_space", "README.md", "word \n"),
    ("control", "README.md", "bell \x07\n"),
    ("todo", "sim/world.hpp", "// TO" + "DO: later\n"),
    ("machine_path", "README.md", "see /ho" + "me/someone/orrery\n"),
    ("last_line", "README.md", "no line break"),
    ("spdx", "engine/store/log.hpp", "#pragma once\n"),
    ("spdx", "tests/demo.sh", "#!/bin/sh\n"),
    ("pragma_once", "engine/store/log.hpp", SPDX),
    ("name", "sim/fiber_utils.hpp", HEADER),
    ("name", "engine/common/list.hpp", HEADER),
]


def found_in(files, allowed=None):
    tree = {path: tidy.File(path, text) for path, text in files.items()}
    return tidy.violations(tree, allowed or {})


def check(condition, what):
    if not condition:
        print(f"failed: {what}", file=sys.stderr)
    return 0 if condition else 1


def test_planted(rule, path, text):
    planted = found_in({**CLEAN, path: CLEAN.get(path, "") + text})
    hits = [line for line in planted if f"[{rule}]" in line and line.startswith(path + ":")]
    return check(len(hits) == 1, f"[{rule}] in {path} once, for {text[:70]!r}; found {planted}")


# A folder, where a new file in it needs rows, and the rows for a file lost_write.cpp.
MISSING = [
    ("faults", [("faults/catalogue.cpp", "lost_write(),"),
                ("faults/catalogue.cpp", "sim::Fault* lost_write();")]),
    ("scenarios", [("scenarios/catalogue.cpp", "&lost_write(),"),
                   ("scenarios/catalogue.hpp", "const Scenario& lost_write();")]),
    ("scenarios/oracles", [
        ("scenarios/oracles/catalogue.cpp", '{"lost-write", "...", &judge_lost_write},'),
        ("scenarios/oracles/oracle.hpp",
         "Judgement judge_lost_write(const Run& run, OracleScratch& scratch);")]),
    ("reports", [("reports/catalogue.cpp", '{"lost-write", "...", &render_lost_write},'),
                 ("reports/catalogue.hpp",
                  "void render_lost_write(const Telling& telling, std::ostream& out);")]),
    ("fuzz/targets", [("fuzz/catalogue.cpp", '{"lost-write", "...", false},')]),
    ("cli", [("cli/main.cpp", '{"lost-write", "...", "...", &run_lost_write},'),
             ("cli/verb.hpp", "int run_lost_write(const Invocation& invocation);")]),
]


def with_file(folder, build):
    """The clean tree with a file of that name in the folder, and what its meson.build has more."""
    path = f"{folder}/meson.build"
    files = {**CLEAN, f"{folder}/lost_write.cpp": SPDX, path: CLEAN.get(path, BUILD) + build}
    if folder == "faults":
        files["docs/fault_model.md"] += "| `lost-write` | nothing is written |\n"
    return files


def test_missing_rows(folder, rows):
    target = folder == "fuzz/targets"
    files = with_file(folder, "more = {'lost_write': [1]}\n" if target
                      else "more = files('lost_write.cpp')\n")
    expected = (f"{folder}/lost_write.cpp:1: [catalogue] nobody can reach it; missing rows: "
                + "; ".join(f"in {place}: {row}" for place, row in rows))
    found = found_in(files)
    wrong = check(found == [expected], f"the rows of {folder} that are missing; found {found}")
    place, row = rows[0]
    files[place] = files.get(place, SPDX) + f"{row}\n"
    found = [line for line in found_in(files) if "lost_write" in line]
    return wrong + check(found == [], f"nothing is missing in {folder}; found {found}")


def test_missing_build(folder, row):
    found = found_in(with_file(folder, ""))
    expected = (f"{folder}/lost_write.cpp:1: [build] is not built; missing row in"
                f" {folder}/meson.build:  {row},")
    return check(expected in found, f"the row of {folder}/meson.build; found {found}")


def test_missing_prose():
    files = with_file("faults", "more = files('lost_write.cpp')\n")
    files["faults/catalogue.cpp"] += "lost_write(),\n"
    files["docs/fault_model.md"] = CLEAN["docs/fault_model.md"]
    expected = ("faults/lost_write.cpp:1: [catalogue] nobody can read of it; missing row in"
                " docs/fault_model.md: | `lost-write` | ...")
    found = found_in(files)
    return check(found == [expected], f"the fault is in no document; found {found}")


def test_shared_by_targets():
    files = with_file("fuzz/targets", "more = files('lost_write.cpp')\n")
    return check(found_in(files) == [], "what targets share is no target")


def test_room_needs_no_row():
    files = {**CLEAN, "faults/damage.cpp": SPDX, "faults/damage.hpp": HEADER}
    files["faults/meson.build"] += "more = files('damage.cpp')\n"
    return check(found_in(files) == [], "a source with a header of its own needs no row")


def test_allowed():
    planted = "#include <mutex>\nstd::mutex guard;\n"
    files = {**CLEAN, "sim/world.hpp": CLEAN["sim/world.hpp"] + planted}
    found = found_in(files, {"sim/world.hpp": {"lock": "planted"}})
    return check(found == [], "ALLOWED lifts a rule for one file")


def main():
    wrong = check(found_in(CLEAN) == [], f"the clean tree is clean; found {found_in(CLEAN)}")
    wrong += sum(test_planted(*row) for row in PLANTED)
    wrong += sum(test_missing_rows(*row) for row in MISSING)
    wrong += test_missing_build("faults", "'lost_write.cpp'")
    wrong += test_missing_build("fuzz/targets", "'lost_write': [..., ...]")
    wrong += test_missing_prose() + test_shared_by_targets()
    wrong += test_room_needs_no_row() + test_allowed()
    print(f"{len(PLANTED) + len(MISSING) + 7} tests of tidy, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
