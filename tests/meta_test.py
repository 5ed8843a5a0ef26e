#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must turn CI red does: each check of `./dev test` is shown something that is wrong.

A check that cannot fail is worth nothing. Here the checks themselves run, on a wrong input: a
campaign with a planted bug in it, binaries that disagree about a digest, a log of tests that did
not end as they should, a fuzzer that dies. That a sanitizer ends a program in which it sees
something is shown by tests/sanitized.cpp, which meson expects to fail.
"""
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import digests

ROOT = pathlib.Path(__file__).resolve().parents[1]
ORRERY = os.environ["ORRERY"]

# Stands for the binary, and lies about the digest of one run, or about the exit code.
LIAR = """#!{python}
import json, subprocess, sys
done = subprocess.run([{orrery!r}] + sys.argv[1:], capture_output=True, text=True)
sys.stderr.write(done.stderr)
for number, line in enumerate(done.stdout.splitlines()):
    row = json.loads(line)
    if number == {late} and "digest" in row:
        row["digest"] = "0x" + "0" * 16
    print(json.dumps(row))
sys.exit(done.returncode)
"""

# The same, where a condition holds: of the run of that number, or of each if it is -1.
LIAR_THEN = """#!{python}
import json, os, resource, subprocess, sys
done = subprocess.run([{orrery!r}] + sys.argv[1:], capture_output=True, text=True)
sys.stderr.write(done.stderr)
for number, line in enumerate(done.stdout.splitlines()):
    row = json.loads(line)
    if "digest" in row and {number} in (number, -1) and {condition}:
        row["digest"] = "0x" + "0" * 16
    print(json.dumps(row))
sys.exit(done.returncode)
"""

# The bug is in code that not every scenario plays, and where it is not, --bug is refused.
PLANTED = """#!/bin/sh
case $* in
  run\\ append-log*|run\\ damaged-log*) exec {orrery} "$@" ;;
  run*) exec {orrery} "$@" --bug garnet-385 --out {scratch} ;;
  *) exec {orrery} "$@" ;;
esac
"""


# Stands for the binary, and has its fuzzers played by a script.
FUZZED_BY = """#!/bin/sh
verb=$1 target=$2
shift 2
[ "$verb" = fuzz ] || exec {orrery} "$verb" "$target" "$@"
exec {orrery} fuzz "$target" --fuzzer {fuzzer} "$@"
"""

# Stands for the binary where every fuzz ends as it should, and its corpus holds an input.
FUZZED_WELL = """#!/bin/sh
[ "$1" = fuzz ] || exit 1
mkdir -p {desk}/corpus-$2
echo input >{desk}/corpus-$2/input
touch {desk}/it.orry
printf '%s' '{log}' >{desk}/libfuzzer.log
case $* in *--bug*) exit {found} ;; esac
"""

# What libFuzzer says where it has our mutator, and counters of the state besides those of the code.
WHOLE_LOG = "found LLVMFuzzerCustomMutator (0), #2 INITED cov: 885 ft: 966, MS: CustomCrossOver-"

# Stands for a target with sanitizers: what it does with what it is given, $kept being where.
SANITIZED = """#!/bin/sh
for word; do case $word in -artifact_prefix=*) kept=${{word#*=}} ;; esac; done
{does}
"""


# Stands for all that `./dev test` calls: says so in $CALLS, and fails if that is what is $BROKEN.
# In the log of its tests those that must fail stand as meson writes them.
PLAYED = r"""
called() { echo "$*" >>"$CALLS"; [[ $* != "$BROKEN" ]]; }
setup_all() { called setup_all; }
tidy() { called tidy "$@"; }
fmt() { called fmt "$@"; }
configure() { mkdir -p "$1" && called configure "$@"; }
ninja() { called ninja "$@"; }
python3() {
  if [[ $1 == tests/last_words.py ]]; then echo "the last words"; else called python3 "$@"; fi
}
bash() { called bash "$@"; }
meson() {
  local log=$3/meson-logs/testlog.json result=OK
  mkdir -p "$3/meson-logs"
  called "$@" || result=FAIL
  printf '{"name": "heart", "result": "%s"}\n' "$result" >"$log"
  local seen=()
  case $3 in build/asan) seen=(undefined address) ;; build/tsan) seen=(thread) ;; esac
  for one in "${seen[@]}"; do
    called sees "$one" || continue
    printf '{"name": "sanitized_%s", "result": "EXPECTEDFAIL"}\n' "$one" >>"$log"
  done
  [[ $result == OK ]]
}
"""

# What is broken, and the name under which `./dev test` must tell it.
RERUN = "meson test -C build/{} --print-errorlogs heart"
DIGESTS = "python3 tests/digests.py build/release/cli/orrery build/asan/cli/orrery " \
    "build/debug/cli/orrery build/fuzz/cli/orrery build/plain/cli/orrery"
DEBUGGED = "cli/orrery tests/test_engine tests/test_faults bench/heart_without_hooks"
FUZZERS = "fuzzers cli/orrery"
MESON_TEST = "test -C build/{} --no-rebuild --print-errorlogs --num-processes 2"
TOGETHER = "-Dunity=on -Dunity_size=20"
BREAKS = {
    "tidy": "./dev tidy",
    "fmt --check": "./dev fmt --check",
    MESON_TEST.format("release"): RERUN.format("release"),
    MESON_TEST.format("asan"): RERUN.format("asan"),
    MESON_TEST.format("debug") + " engine faults": RERUN.format("debug"),
    MESON_TEST.format("tsan") + " native native_killed sanitized_thread sanitized_nothing":
        RERUN.format("tsan"),
    # Without these flags what they are for would be missing, and nothing else would be red.
    f"configure build/release g++ {TOGETHER}": "meson setup build/release",
    f"configure build/asan clang++-19 -Doptimization=1 {TOGETHER} -Db_sanitize=address,undefined "
    "-Db_lundef=false -Dcpp_args=-D_GLIBCXX_ASSERTIONS": "meson setup build/asan",
    f"configure build/debug g++ -Doptimization=0 {TOGETHER} "
    "-Dcpp_args=-D_GLIBCXX_ASSERTIONS -DORRERY_NO_SWITCHES": "meson setup build/debug",
    f"configure build/tsan clang++-19 -Doptimization=1 {TOGETHER} -Db_sanitize=thread "
    "-Db_lundef=false":
        "meson setup build/tsan",
    **{f"ninja -C build/{one} -j 2 --quiet all meson-test-prereq":
       f"ninja -C build/{one} all meson-test-prereq" for one in ("release", "asan")},
    f"ninja -C build/debug -j 2 --quiet {DEBUGGED}": f"ninja -C build/debug {DEBUGGED}",
    "ninja -C build/tsan -j 2 --quiet tests/test_native tests/sanitized":
        "ninja -C build/tsan tests/test_native tests/sanitized",
    "sees undefined": "undefined behaviour ends a sanitized program",
    "sees address": "a stray read ends a sanitized program",
    "sees thread": "a race ends a sanitized program",
    f"configure build/fuzz clang++-19 {TOGETHER} -Db_lundef=false":
        f"ninja -C build/fuzz {FUZZERS}",
    f"ninja -C build/fuzz -j 2 --quiet {FUZZERS}": f"ninja -C build/fuzz {FUZZERS}",
    "configure build/plain clang++-19 -Doptimization=0 -Dunity=on -Dunity_size=8":
        "ninja -C build/plain cli/orrery",
    "ninja -C build/plain -j 2 --quiet cli/orrery": "ninja -C build/plain cli/orrery",
    DIGESTS: DIGESTS,
    "bash tests/campaign.sh 10000 20261128": "bash tests/campaign.sh 10000 20261128",
    "bash tests/fuzz_smoke.sh": "bash tests/fuzz_smoke.sh",
}


def run(command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=ROOT,
                          **more)


class Meta(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def script(self, text, name="orrery", **words):
        path = pathlib.Path(self.folder.name) / name
        path.write_text(text.format(python=sys.executable, orrery=ORRERY,
                                    scratch=self.folder.name, **words))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def test_a_planted_bug_turns_the_campaign_red(self):
        planted = self.script(PLANTED)
        red = run(["bash", "tests/campaign.sh", "400", "1"], env=dict(os.environ, ORRERY=planted))
        self.assertEqual(red.returncode, 1, red.stdout + red.stderr)
        self.assertIn("FAILED  walks: ", red.stdout)
        self.assertNotIn("in code that", red.stderr)
        green = run(["bash", "tests/campaign.sh", "400", "1"])
        self.assertEqual(green.returncode, 0, green.stdout + green.stderr)

    def test_one_wrong_digest_turns_the_comparison_red(self):
        # So late that only the longest comparison of a second binary comes to it.
        self.assertLess(digests.RUNS_IN_OTHER_WAYS, digests.RUNS_OF_OTHERS)
        liar = self.script(LIAR, late=digests.RUNS_OF_OTHERS - 1)
        red = run([sys.executable, "tests/digests.py", "--only", "canary", ORRERY, liar])
        self.assertNotEqual(red.returncode, 0)
        self.assertIn("differs", red.stderr)
        green = run([sys.executable, "tests/digests.py", "--only", "canary", ORRERY])
        self.assertEqual(green.returncode, 0, green.stderr)

    def test_a_digest_that_an_environment_changes_turns_the_comparison_red(self):
        tunables = "os.environ.get('GLIBC_TUNABLES', '').startswith('glibc.{}')"
        for condition in ("'PATH' not in os.environ", "os.getcwd() == '/'",
                          "os.environ.get('MALLOC_PERTURB_') == '165'",
                          tunables.format("malloc"), tunables.format("cpu"),
                          "resource.getrlimit(resource.RLIMIT_STACK)[0] == 256 * 1024"):
            with self.subTest(condition), self.assertRaisesRegex(SystemExit, "differs"):
                liar = self.script(LIAR_THEN, condition=condition, number=7)
                digests.compare_environments("canary", [liar], self.folder.name)

    def test_a_digest_that_a_way_to_play_changes_turns_the_comparison_red(self):
        unmoved = "int(open('/proc/self/personality').read(), 16) & 0x40000"
        here = int(pathlib.Path("/proc/self/personality").read_text(), 16)
        conditions = [] if here & 0x40000 else [unmoved]
        if not conditions:
            print("not tried, as memory lies where it always does", file=sys.stderr)
        for condition in (*conditions, "'ORRERY_PADDING' in os.environ", "'1' == sys.argv[-1]",
                          "'2' == sys.argv[-1]", "'--guarded' in sys.argv"):
            with self.subTest(condition), self.assertRaisesRegex(SystemExit, "differs"):
                liar = self.script(LIAR_THEN, condition=condition, number=7)
                digests.compare_ways("canary", [liar], self.folder.name)
        self.assertGreater(digests.compare_ways("canary", [ORRERY], self.folder.name), digests.RUNS)

    def test_every_binary_is_played_in_every_way_in_its_turn(self):
        liar = self.script(LIAR_THEN, condition="'--guarded' in sys.argv", number=7)
        red = 0
        for turn in range(len(digests.ways()) - 1):
            try:
                digests.compare_ways("canary", [ORRERY, liar], self.folder.name, turn)
            except SystemExit:
                red += 1
        self.assertEqual(red, 1)

    def test_a_digest_of_a_large_run_turns_the_comparison_red(self):
        # Of a small scenario, as that costs less.
        well = self.script(LIAR_THEN, name="well", condition="False", number=0)
        self.assertEqual(digests.compare_large("canary", [well, well]), 2)
        liar = self.script(LIAR_THEN, condition="sys.argv[1] == 'replay'", number=0)
        with self.assertRaisesRegex(SystemExit, "differs"):
            digests.compare_large("canary", [well, liar])

    def test_all_that_is_compared_is_compared_of_every_scenario(self):
        calls = []
        names = ("compare_ways", "compare_environments", "compare_failing", "compare_failing_ways",
                 "compare_large")
        noted = {name: lambda first, second, *_, name=name: calls.append((name, first, second)) or 1
                 for name in names}
        small, large = digests.scenarios(ORRERY), digests.scenarios(ORRERY, large=True)
        with mock.patch.multiple(digests, under_valgrind=lambda _: calls.append("valgrind") or 4,
                                 **noted), mock.patch.object(sys, "argv", ["", ORRERY, ORRERY]):
            digests.main()
        both = [os.path.abspath(ORRERY)] * 2
        self.assertEqual(calls, [("compare_ways", one, both) for one in small]
                         + [("compare_environments", "many-sessions", both)]
                         + [(what, bug, one) for bug, one, _ in digests.FAILING
                            for what in ("compare_failing", "compare_failing_ways")]
                         + [("compare_large", one, both) for one in large] + ["valgrind"])
        self.assertGreater(len(small), 10)
        self.assertGreater(len(large), 0)

    def test_what_valgrind_makes_different_turns_the_comparison_red(self):
        plays = 'shift 2; "$@" | '
        for other, why in ((plays + "sed s/digest/another/", "differs under valgrind"),
                           ("exit 9", "ended with 9")):
            self.script("#!/bin/sh\n" + other + "\n", name="valgrind")
            path = self.folder.name + os.pathsep + os.environ["PATH"]
            with self.subTest(why), mock.patch.dict(os.environ, PATH=path):
                with self.assertRaisesRegex(SystemExit, why):
                    digests.under_valgrind(ORRERY)
        self.script("#!/bin/sh\n" + plays + "cat\n", name="valgrind")
        with mock.patch.dict(os.environ, PATH=path):
            self.assertEqual(digests.under_valgrind(ORRERY), len(digests.VALGRIND_SEEDS))

    def test_a_digest_of_a_failing_run_turns_the_comparison_red(self):
        for bug, scenario, runs in digests.FAILING:
            with self.subTest(bug):
                liar = self.script(LIAR_THEN, number=-1, condition="'failed' in row.values()")
                with self.assertRaisesRegex(SystemExit, "differs"):
                    digests.compare_failing(bug, scenario, runs, [ORRERY, liar], self.folder.name)
                digests.compare_failing(bug, scenario, runs, [ORRERY, ORRERY], self.folder.name)

    def test_a_failing_run_that_a_way_to_play_changes_turns_the_comparison_red(self):
        bug, scenario, runs = digests.FAILING[1]
        for condition in ("'ORRERY_PADDING' in os.environ", "'2' == sys.argv[-1]"):
            liar = self.script(LIAR_THEN, number=-1,
                               condition=f"'failed' in row.values() and {condition}")
            with self.subTest(condition), self.assertRaisesRegex(SystemExit, "differs"):
                digests.compare_failing_ways(bug, scenario, runs, liar, self.folder.name)
        digests.compare_failing_ways(bug, scenario, runs, ORRERY, self.folder.name)

    def test_guard_pages_end_a_failing_run_and_no_later(self):
        fine = ("0x1", "ok", "", "0xa", 10, 10)
        broken = ("0x2", "failed", "walks: a window", "0xb", 20, 20)
        seen = ("0x2", "failed", "memory: SIGSEGV", "0xc", 15, 15)
        way = ([], {}, ["--guarded"])
        digests.compare("scenario", "orrery", way, [fine, broken], [fine, seen])
        for first, now in ((broken, ("0x2", "ok", "", "0xb", 20, 20)), (seen, broken),
                           (fine, ("0x1", "failed", "memory: SIGSEGV", "0xa", 10, 10))):
            with self.subTest(now), self.assertRaisesRegex(SystemExit, "differs"):
                digests.compare("scenario", "orrery", way, [first], [now])

    def compared(self, runs, traces=("", ""), switches=True):
        """What a comparison of two binaries with these runs, and these traces, comes to."""
        with mock.patch.multiple(digests, play=lambda binary, *_: runs[binary],
                                 up_to=lambda _, binary, *__: traces[binary],
                                 has_switches=lambda *_: switches):
            return digests.compare_failing("bug", "scenario", 2, [0, 1], self.folder.name)

    def test_what_memory_ends_earlier_is_equal_up_to_there(self):
        fine = ("0x1", "ok", "", "0xa", 10, 10)
        broken = ("0x2", "failed", "walks: a window", "0xb", 20, 20)
        earlier = ("0x2", "failed", "memory: SIGSEGV", "0xc", 15, 15)
        other = ("0x2", "failed", "walks: another", "0xd", 15, 15)
        self.assertEqual(self.compared([[fine, broken], [fine, broken]]), 4)
        self.assertEqual(self.compared([[fine, broken], [fine, earlier]]), 4)
        self.assertEqual(self.compared([[fine, broken], [fine, other]], switches=False), 0)
        for runs, traces in (([[fine, broken], [fine, earlier]], "ab"),
                             ([[fine, broken], [fine, other]], "aa"), ([[fine], [fine]], "aa")):
            with self.subTest(runs), self.assertRaises(SystemExit):
                self.compared(runs, traces)

    def test_every_end_of_a_test_but_the_good_ones_counts_as_failed(self):
        ends = ["OK", "EXPECTEDFAIL", "SKIP", "FAIL", "TIMEOUT", "ERROR", "UNEXPECTEDPASS",
                "INTERRUPT"]
        log = pathlib.Path(self.folder.name) / "testlog.json"
        log.write_text("".join(json.dumps({"name": end, "result": end}) + "\n" for end in ends))
        self.assertEqual(self.dev(f"tally {log} again 1"), "2 6")

    def test_what_a_failed_test_said_last_is_said_again_at_the_end(self):
        log = pathlib.Path(self.folder.name) / "testlog.json"
        ends = [{"name": "well", "result": "OK", "stdout": "all is well"},
                {"name": "ill", "result": "FAIL", "returncode": 1,
                 "stdout": "\n".join(f"line {i}" for i in range(90)), "stderr": "x" * 999}]
        log.write_text("".join(json.dumps(end) + "\n" for end in ends))
        told = self.dev(f"tally {log} again 1; printf %s \"$last_words\"").splitlines()
        self.assertIn("---- again ill: FAIL, exit code 1", told)
        self.assertEqual([line for line in told if line.startswith("line ")],
                         [f"line {i}" for i in range(50, 90)])
        self.assertIn("x" * 300, told)
        self.assertNotIn("all is well", told)

    def test_what_a_compiler_said_last_is_said_again_at_the_end(self):
        played = ("configure_asan() { mkdir -p $1; }; say() { :; }; "
                  "compile() { seq 90 >&2; echo 'x.cpp:7: error' >&2; false; }")
        script = f"cd {self.folder.name}; {played}; run_tests asan; printf %s \"$last_words\""
        told = self.dev(script).splitlines()
        self.assertEqual(told[-2:], ["x.cpp:7: error", "0 1"])
        self.assertEqual(told[:2], ["---- building build/asan", "62"])

    def test_tests_that_did_not_run_count_as_failed(self):
        log = pathlib.Path(self.folder.name) / "testlog.json"
        self.assertEqual(self.dev(f"tally {log} again 0"), "0 1", "no log")
        log.write_text("")
        self.assertEqual(self.dev(f"tally {log} again 0"), "0 1", "an empty log")
        log.write_text(json.dumps({"name": "one", "result": "OK"}) + "\n")
        self.assertEqual(self.dev(f"tally {log} again 1"), "1 1", "meson failed for another reason")
        self.assertEqual(self.dev(f"tally {log} again 0"), "1 0")

    def test_a_check_that_fails_counts_as_failed(self):
        self.assertEqual(self.dev("check a false; check b true"), "1 1")

    def test_a_file_that_is_laid_out_wrongly_turns_the_check_red_and_is_mended(self):
        folder = pathlib.Path(self.folder.name) / "laid out"
        folder.mkdir()
        shutil.copy(ROOT / ".clang-format", folder.parent)
        ill = folder / "ill one.cpp"
        ill.write_text("int  one() { return 1; }\nint two()  { return 2; }\n")
        (folder / "ill.hpp").write_text("int  three();\n")
        (folder / "well.hpp").write_text("int four();\n")
        (folder / "build").mkdir()
        (folder / "build" / "made.cpp").write_text("int  five();\n")
        fmt = f"source ./dev help >/dev/null; cd {self.folder.name}; fmt"
        red = run(["bash", "-c", f"{fmt} --check"])
        self.assertEqual(red.returncode, 1, red.stdout + red.stderr)
        self.assertEqual(red.stderr.splitlines(), [
            f"laid out/{name}: the layout differs; run ./dev fmt" for name in ("ill one.cpp",
                                                                              "ill.hpp")])
        self.assertEqual(run(["bash", "-c", fmt]).returncode, 0)
        self.assertEqual(ill.read_text(), "int one() { return 1; }\nint two() { return 2; }\n")
        self.assertEqual(run(["bash", "-c", f"{fmt} --check"]).returncode, 0)
        self.script("#!/bin/sh\necho broken >&2; exit 1\n", "clang-format-19")
        broken = run(["bash", "-c", f"PATH={self.folder.name}:$PATH; {fmt} --check"])
        self.assertEqual((broken.returncode, broken.stderr), (1, "broken\n"))

    def test_all_that_dev_test_asks_is_asked_and_well(self):
        done, calls = self.dev_test("nothing")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "17 passed, 0 failed")
        self.assertNotIn("dev: failed:", done.stderr)
        self.assertEqual(calls[0], "setup_all")
        self.assertEqual(sorted(calls[1:]), sorted(BREAKS))

    def test_each_check_of_dev_test_alone_turns_it_red_and_is_named(self):
        for broken, name in BREAKS.items():
            with self.subTest(broken):
                done, calls = self.dev_test(broken)
                self.assertIn(broken, calls)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                told = [line for line in done.stderr.splitlines() if "dev: failed:" in line]
                # Nothing is seen where no test ran.
                if re.match("(configure|ninja -C) build/(asan|tsan)", broken):
                    told = [line for line in told if "sanitized program" not in line]
                self.assertEqual(told, [f"dev: failed: {name}"])
                is_test = broken.startswith("test -C")
                self.assertEqual(done.stderr.endswith(f"the last words\n{told[0]}\n"), is_test)
                self.assertRegex(done.stdout.splitlines()[-1], r"^[0-9]+ passed, [123] failed$")

    def dev_test(self, broken):
        """`./dev test` itself, with all that it calls played: how it ended, and what it called."""
        script = (ROOT / "dev").read_text()
        end = script.index("\nverb=${1:-help}\n")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        dev, calls = pathlib.Path(folder.name) / "dev", pathlib.Path(folder.name) / "calls"
        dev.write_text(script[:end] + PLAYED + script[end:])
        done = run(["bash", dev, "test"],
                   env=dict(os.environ, BROKEN=broken, CALLS=str(calls), JOBS="2"))
        return done, calls.read_text().splitlines()

    def dev(self, script):
        """What `passed` and `failed` of ./dev come to after a piece of its own script."""
        script = f'source ./dev help >/dev/null; {script}; echo "$passed $failed"'
        return run(["bash", "-c", script]).stdout.strip()

    def test_a_fuzzer_that_dies_ends_with_a_code_that_nobody_reads_as_skipped(self):
        dying = self.script("#!/bin/sh\nkill -ABRT $$\n")
        out = pathlib.Path(self.folder.name) / "out"
        red = run([ORRERY, "fuzz", "tape", "--fuzzer", dying, "--out", out, "--time", "5s", "-q"])
        self.assertNotIn(red.returncode, (0, 77, 99), red.stdout + red.stderr)

    def test_a_fuzzer_that_dies_or_sees_nothing_turns_the_smoke_red(self):
        desk = pathlib.Path(self.folder.name) / "smoke"
        for fuzzer in ("kill -ABRT $$", "exit 77", "exit 0"):
            played = self.script("#!/bin/sh\n" + fuzzer + "\n", "fuzzer")
            played = self.script(FUZZED_BY, fuzzer=played)
            red = run(["bash", "tests/fuzz_smoke.sh"],
                      env=dict(os.environ, ORRERY=str(played), DESK=str(desk)))
            self.assertEqual(red.returncode, 1, f"{fuzzer}: {red.stdout}{red.stderr}")
            if fuzzer != "exit 0":  # which is how a fuzzer ends to which little happened
                self.assertIn("fuzz_smoke: orrery fuzz tape", red.stderr, fuzzer)
            self.assertIn("fuzz_smoke: orrery fuzz schedule", red.stderr, fuzzer)

    def smoke_with(self, target, does, log=WHOLE_LOG, found=1):
        """The smoke, where one target with sanitizers does this and all else is well."""
        folder = pathlib.Path(self.folder.name)
        for name in ("tape", "checkpoint", "schedule"):
            well = "echo stat::number_of_executed_units: 1000000"
            self.script(SANITIZED, name, does=does if name == target else well)
        orrery = self.script(FUZZED_WELL, desk=folder / "smoke", log=log, found=found)
        return run(["bash", "tests/fuzz_smoke.sh"], env=dict(
            os.environ, ORRERY=str(orrery), DESK=str(folder / "smoke"), SANITIZED=str(folder)))

    def test_an_input_that_only_a_sanitizer_stumbles_over_turns_the_smoke_red_and_is_kept(self):
        green = self.smoke_with("none", "")
        self.assertEqual((green.returncode, green.stderr), (0, ""))
        for target in ("tape", "checkpoint", "schedule"):
            red = self.smoke_with(target, "echo ill >${kept}crash-1; echo SUMMARY: why; exit 1")
            self.assertEqual(red.returncode, 1, target)
            kept = f"{self.folder.name}/smoke-sanitized/{target}/crash-1"
            self.assertTrue(pathlib.Path(kept).is_file(), kept)
            binary = f"{self.folder.name}/{target}"
            self.assertEqual(red.stderr, f"fuzz_sanitized: {binary}: does not survive {kept}; "
                             f"again: {binary} {kept}    (SUMMARY: why)\n")

    def test_a_planted_bug_that_no_fuzz_finds_turns_the_smoke_red(self):
        red = self.smoke_with("none", "", found=0)
        self.assertEqual(red.returncode, 1)
        self.assertIn("fuzz_smoke: orrery fuzz schedule --time 60s --bug garnet-385 -- "
                      "-runs=60000: exit code 0 instead of 1\n", red.stderr)

    def test_a_fuzzer_without_its_mutator_or_the_state_of_the_engine_turns_the_smoke_red(self):
        for part in ("found LLVMFuzzerCustomMutator", "CustomCrossOver-"):
            red = self.smoke_with("none", "", WHOLE_LOG.replace(part, ""))
            self.assertEqual(red.returncode, 1, part)
            self.assertEqual(red.stderr, f"fuzz_smoke: libFuzzer did not say of schedule: {part}\n")
        for none in (WHOLE_LOG.replace("ft: 966", "ft: 885"), WHOLE_LOG.replace("INITED", "")):
            red = self.smoke_with("none", "", none)
            self.assertEqual(red.returncode, 1, none)
            self.assertIn("fuzz_smoke: schedule is fuzzed by its code alone", red.stderr)

    def test_a_sanitizer_that_plays_nothing_turns_the_smoke_red(self):
        few = "echo stat::number_of_executed_units: 100001"  # of 100,005
        for does, why in ((few, "played 100001 of"), ("exit 0", "played none of"),
                          ("exit 77", "ended with 77 and kept no input"),
                          ("kill -KILL $$", "ended with 137 and kept no input")):
            red = self.smoke_with("tape", does)
            self.assertEqual(red.returncode, 1, does)
            self.assertIn(why, red.stderr)
        for binary, corpus, why in (
                ("none", "tests/data/corpus/tape", "no such program; ./dev test builds it"),
                ("tape", f"{self.folder.name}/none", "nothing to play in")):
            red = run(["bash", "tests/fuzz_sanitized.sh", f"{self.folder.name}/{binary}", "0",
                       f"{self.folder.name}/kept", corpus])
            self.assertEqual(red.returncode, 1, why)
            self.assertIn(why, red.stderr)


if __name__ == "__main__":
    unittest.main()
