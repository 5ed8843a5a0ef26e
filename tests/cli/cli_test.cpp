// SPDX-License-Identifier: Apache-2.0
// The command line as its users meet it: the binary is run, in a folder of its own, and what it
// prints, writes and returns is looked at. $ORRERY names the binary.
#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "engine/base/sanitizers.hpp"
#include "sim/fiber.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours
#include "tests/cli/place.hpp"

namespace orrery::cli {
namespace {

std::string first_failing_seed(const Place& place, std::string& tape) {
  const Ended hunt = place.run("run canary -n 5000 -s 1 -j 2 --json --out found");
  REQUIRE(hunt.code == 1);
  const std::string seed = lines_of(hunt.out).back()["first_failing_seed"];
  tape = "found/canary-" + seed + ".orry";
  return seed;
}

}  // namespace

TEST_CASE("a tape of another revision is replayed and shrunk with a warning") {
  const Place place;
  const Ended made = place.shell(
      "$ORRERY run canary -n 5000 -s 1 -q && exit 9\n"
      "sed 's/^revision .*/revision 0123456/' orrery-out/*.orry > old.orry");
  REQUIRE(made.code == 0);
  const std::string warning = "orrery: warning: old.orry was recorded at revision 0123456";
  for (const char* const verb : {"replay", "shrink"}) {
    INFO(verb);
    CHECK_THAT(place.run(std::string(verb) + " old.orry").err, ContainsSubstring(warning));
    CHECK(place.run(std::string(verb) + " old.orry -q").err.empty());
  }
}

TEST_CASE("JSON lines have their fields, and the last one sums up") {
  const Place place;
  const Ended ended = place.run("run many-sessions -n 6 -s 0x2a -j 2 --json -q --bug garnet-1413");
  REQUIRE(ended.code == 0);
  CHECK(ended.err.empty());
  const std::vector<Json> lines = lines_of(ended.out);
  REQUIRE(lines.size() == 7);
  for (size_t i = 0; i < 6; ++i) {
    const Json& line = lines[i];
    CHECK(line["schema"] == "orrery-run/1");
    CHECK(line["scenario"] == "many-sessions");
    CHECK(line["index"] == i);
    CHECK(line["seed"].get<std::string>().size() == 18);
    CHECK(line["digest"].get<std::string>().size() == 18);
    CHECK(line["verdict"] == "ok");
    CHECK(line["oracle"].is_string());
    CHECK(line["signature"].is_string());
    CHECK(line["bugs"].contains("garnet-1413"));
    for (const char* count : {"steps", "points", "virtual_ns", "deviations"}) {
      CHECK(line[count].is_number());
    }
  }
  const Json& last = lines.back();
  CHECK(last["schema"] == "orrery-campaign/1");
  CHECK(last["runs"] == 6);
  CHECK(last["failed"] == 0);
  CHECK(last["inconclusive"] == 0);
  CHECK(last["first_failing_seed"].is_null());
  CHECK(last["wall_s"].is_number());
  CHECK(last["cpu_s"].is_number());
  uint64_t seen = 0;
  for (const Json& one : last["sometimes"]) {
    CHECK(one["label"].is_string());
    CHECK(one["place"].is_string());
    seen += one["hits"].get<uint64_t>() > 0 ? 1 : 0;
  }
  CHECK(seen > 0);
}

TEST_CASE("-v tells of each run beside the result, which stays what it is") {
  const Place place;
  const Ended plain = place.run("run canary -n 30 -s 7 -j 1 --keep-going --json -q");
  const Ended told = place.run("run canary -n 30 -s 7 -j 1 --keep-going --json -q -v");
  CHECK(told.code == plain.code);
  CHECK_THAT(told.err, ContainsSubstring("run 0  seed 0x"));
  CHECK_THAT(told.err, ContainsSubstring("run 29  seed 0x"));
  CHECK(lines_of(told.out).size() == lines_of(plain.out).size());
}

TEST_CASE("where no signal comes, --abort answers as the oracles do, and --strict is kept") {
  const Place place;
  const Ended hunt = place.shell(
      "$ORRERY run snapshot-full-cache --bug garnet-2063.b -n 100 -s 0x77 -q --out found\n"
      "mv found/*.orry small.orry");
  REQUIRE(hunt.code == 0);
  const Ended asked = place.run("replay small.orry --abort");
  CHECK(asked.code == 1);
  CHECK_THAT(asked.out,
             ContainsSubstring("no signal came; asked of its oracles, the run is failed: "));
  // Another number in the last deviation: there is no such point.
  REQUIRE(place
              .shell("grep -v '^end' small.orry | sed -E '$ s/^(at [^ ]*) [0-9]+/\\1 99999999/'"
                     " > lost.orry; grep '^end' small.orry >> lost.orry")
              .code == 0);
  for (const char* options : {"--strict", "--strict --abort", "--strict --until 3"}) {
    INFO(options);
    CHECK(place.run("replay lost.orry " + std::string(options)).code == 4);
    const bool stops = std::string_view(options) == "--strict --until 3";
    CHECK(place.run("replay small.orry " + std::string(options)).code == (stops ? 0 : 1));
  }
  CHECK_THAT(place.run("replay small.orry --until 10000000").out,
             ContainsSubstring(", before step 10,000,000"));
}

TEST_CASE("no verb leaks") {
  // Other tests of the command line do not look for it, as that takes long.
  const Place place;
  for (const char* const words :
       {"list oracles", "doctor", "run canary -n 30 --out out", "replay snapshot-full-cache 2",
        "shrink canary 4 --replays 50", "fuzz tape --fuzzer /bin/false --time 1s"}) {
    INFO(words);
    const Ended ended = place.run(words, "ASAN_OPTIONS=detect_leaks=1");
    CHECK_THAT(ended.err, !ContainsSubstring("LeakSanitizer"));
  }
}

TEST_CASE("a result that cannot be written is told") {
  const Place place;
  for (const char* const verb : {"list", "doctor", "--version"}) {
    if (ORRERY_ASAN && std::string_view(verb) == "doctor") continue;  // slow there
    INFO(verb);
    const Ended ended = place.shell("$ORRERY " + std::string(verb) + " >/dev/full");
    CHECK(ended.code == 5);
    CHECK(ended.err == "orrery: the result could not be written to the standard output\n");
  }
}

TEST_CASE("an access violation is a verdict, and with --abort a debugger's") {
  const Place place;
  const std::string replay = "replay garnet-385-40g 1 --bug garnet-385 --oracles memory";
  const Ended judged = place.run(replay);
  CHECK(judged.code == 1);
  CHECK_THAT(judged.out, ContainsSubstring("access violation"));
  // Nor does a sanitizer lose sight of the stack on which the verdict is reached.
  CHECK_THAT(judged.err, !ContainsSubstring("False positive error reports may follow"));
  const Ended aborted = place.run(replay + " --abort");
  // A sanitizer has its own word to say, and a code of its own.
  const bool sanitized = aborted.err.find("AddressSanitizer: SEGV") != std::string::npos;
  CHECK((sanitized || aborted.code == 128 + SIGSEGV));
}

TEST_CASE("one worker and two give the same seeds and digests") {
  const Place place;
  const Ended one = place.run("run many-sessions -n 20 -s 7 -j 1 --json -q");
  const Ended two = place.run("run many-sessions -n 20 -s 7 -j 2 --json -q");
  const std::vector<Json> ones = lines_of(one.out);
  const std::vector<Json> twos = lines_of(two.out);
  REQUIRE(ones.size() == 21);
  REQUIRE(twos.size() == 21);
  for (size_t i = 0; i < 20; ++i) CHECK(ones[i] == twos[i]);
}

TEST_CASE("the canary is found, saved, replayed, shrunk, and told") {
  const Place place;
  std::string tape;
  const std::string seed = first_failing_seed(place, tape);
  const Ended by_seed = place.run("replay canary " + seed + " --json -q");
  CHECK(by_seed.code == 1);
  const Ended by_tape = place.run("replay " + tape + " --json -q");
  CHECK(by_tape.code == 1);
  CHECK(lines_of(by_seed.out)[0]["digest"] == lines_of(by_tape.out)[0]["digest"]);
  CHECK(place.run("replay canary " + tape + " --strict -q").code == 1);

  const Ended shrunk = place.run("shrink " + tape + " -o small.orry");
  CHECK(shrunk.code == 0);
  CHECK_THAT(shrunk.out, ContainsSubstring("without it: the run is ok"));
  const Ended told = place.run("replay small.orry");
  CHECK(told.code == 1);
  CHECK_THAT(told.out, ContainsSubstring("what differs from the calm run"));
  CHECK_THAT(told.out, ContainsSubstring("without it: the run is ok"));
  CHECK_THAT(told.out, ContainsSubstring("scenarios/canary.cpp"));
  CHECK_THAT(told.out, ContainsSubstring("orrery replay small.orry"));
}

TEST_CASE("a replay stops where it is told to and says where every task is") {
  const Place place;
  const Ended ended = place.run("replay many-sessions 5 --until 500");
  CHECK(ended.code == 0);
  CHECK_THAT(ended.out, ContainsSubstring("stopped at step 500"));
  CHECK_THAT(ended.out, ContainsSubstring("session/0"));
  // A run that ends before is told as any other.
  const Ended whole = place.run("replay many-sessions 5 --until 900000000 -q");
  CHECK(whole.code == 0);
  CHECK_THAT(whole.out, ContainsSubstring("many-sessions  ok"));
  CHECK(place.run("replay many-sessions 1 --set operations=1000000 --until 900000000 -q").code ==
        4);
  CHECK(place.run("replay many-sessions 5 --until 500 --json").code == 2);
  const Ended trace = place.run("replay canary 5 --trace -q");
  CHECK(trace.code == 0);
  CHECK_THAT(trace.out, ContainsSubstring("frame-acquired"));
}

TEST_CASE("a deviation that takes no effect is told") {
  const Place place;
  std::string tape;
  first_failing_seed(place, tape);
  REQUIRE(place.run("shrink " + tape + " -o small.orry -q").code == 0);
  const std::string small = place.read("small.orry");
  const size_t at = small.find("\nat ") + 1;
  place.write("lost.orry",
              small.substr(0, at) + "at nobody/0#0@0 3 preempt cleaner/0#0@0\n" + small.substr(at));
  const Ended lenient = place.run("replay lost.orry");
  CHECK(lenient.code == 1);
  CHECK_THAT(lenient.err, ContainsSubstring("orrery: warning: "));
  CHECK_THAT(lenient.err,
             ContainsSubstring("took effect; the first that did not: nobody/0#0@0 3 preempt "));
  const Ended strict = place.run("replay lost.orry --strict");
  CHECK(strict.code == 4);
  CHECK_THAT(strict.err, ContainsSubstring("took effect; the first that did not: nobody/0#0@0"));
  CHECK(place.run("replay lost.orry -q").err.empty());
  // That the calm run ends well says nothing of the tape, so that is told whatever was asked.
  place.write("calm.orry", small.substr(0, at) + "at nobody/0#0@0 3 preempt cleaner/0#0@0\nend\n");
  const Ended calm = place.run("replay calm.orry -q");
  CHECK(calm.code == 0);
  CHECK_THAT(calm.err, ContainsSubstring("0 of 1 deviation took effect"));
  CHECK(place.run("replay small.orry").err.empty());
}

TEST_CASE("what a deviation was needed for is told of the same plan that fails, and no other") {
  const Place place;
  std::string tape;
  first_failing_seed(place, tape);
  REQUIRE(place.run("shrink " + tape + " -o small.orry -q").code == 0);
  const auto told = [&](const std::string& words) { return place.run("replay " + words).out; };
  const std::string io_points = behind(place.read("small.orry"), "size io_points ");
  CHECK_THAT(told("small.orry"), ContainsSubstring("without it: "));
  CHECK_THAT(told("small.orry --set io_points=" + io_points), ContainsSubstring("without it: "));
  CHECK_THAT(told("small.orry --set point_ns=21"), !ContainsSubstring("without it: "));
  CHECK_THAT(told("small.orry --fault io-error"), !ContainsSubstring("without it: "));
  CHECK_THAT(told("small.orry --oracles resources"), !ContainsSubstring("without it: "));
  // A run that is well needs nothing.
  const Ended made = place.shell(
      "$ORRERY replay many-sessions 5 --save ok.orry -q > /dev/null\n"
      "grep '^at ' ok.orry | head -n 3 > three\n"
      "(grep -v '^at \\|^end' ok.orry; sed 'a # without it: the run is ok' three; echo end) \\\n"
      "  > well.orry");
  REQUIRE(made.code == 0);
  const Ended well = place.run("replay well.orry");
  CHECK(well.code == 0);
  CHECK_THAT(well.out, ContainsSubstring("what differs from the calm run"));
  CHECK_THAT(well.out, !ContainsSubstring("without it: "));
}

TEST_CASE("what was never seen is listed where something of its file was") {
  const Place place;
  const std::string log = place.run("run append-log -n 200 -s 5 --keep-going").out;
  CHECK_THAT(log, ContainsSubstring(" more in files of which none was\n"));
  CHECK_THAT(log, !ContainsSubstring("a checkpoint was given up"));
  CHECK_THAT(place.run("run canary -n 1 -s 2").out, !ContainsSubstring("never: "));
}

TEST_CASE("a standstill shows the page that was never counted down") {
  const Place place;
  const Ended hunt = place.run("run snapshot-full-cache --bug garnet-1679b.b -n 3000 -s 1 -q");
  REQUIRE(hunt.code == 1);
  const std::string shrink = behind(hunt.out, "  shrink:  ");
  REQUIRE(place.shell(shrink.substr(0, shrink.find("  # ")) + " -o small.orry -q").code == 0);
  const std::string story = place.run("replay small.orry").out;
  CHECK_THAT(story, ContainsSubstring("left out and not\n  counted down") ||
                        ContainsSubstring(": left out and not counted down"));
  CHECK_THAT(story, ContainsSubstring(": evicted already, not written"));
}

TEST_CASE("exit codes") {
  const Place place;
  CHECK(place.run("run many-sessions -n 3 -s 1 -q").code == 0);
  // A canary that is not found is a goal not met; and there is nothing to shrink in a calm run.
  CHECK(place.run("run canary -n 1 -s 2 -q").code == 6);
  place.write(
      "calm.orry",
      "orrery-tape 1\nscenario canary\nsize point_ns 20\nsize io_points 50\nsize stuck 0\n");
  CHECK(place.run("replay calm.orry -q").code == 0);
  CHECK(place.run("shrink calm.orry -q").code == 6);
  place.write("old.orry",
              "orrery-tape 1\nscenario canary\nrevision 0000\n"
              "size point_ns 20\nsize io_points 50\nsize stuck 0\n");
  CHECK(place.run("replay calm.orry --strict").code == 4);  // it does not say of which revision
  CHECK_THAT(place.run("replay calm.orry").err,
             ContainsSubstring("calm.orry does not say at which revision it was recorded"));
  const Ended lenient = place.run("replay old.orry");
  CHECK(lenient.code == 0);
  CHECK_THAT(lenient.err, ContainsSubstring("warning: old.orry was recorded at revision 0000"));
  CHECK(place.run("replay old.orry --strict").code == 4);
  place.write("lost.orry",
              "orrery-tape 1\nscenario canary\nsize point_ns 20\nsize io_points 50\nsize stuck 0\n"
              "at nobody/0#0@0 3 preempt cleaner/0#0@0\n");
  CHECK(place.run("replay lost.orry -q").code == 0);
  CHECK(place.run("replay lost.orry --strict").code == 4);
  CHECK(place.run("replay canary 1 --save " + std::string(300, 'x') + " -q").code == 5);
}

TEST_CASE("an inconclusive run is neither good nor bad") {
  const Place place;
  CHECK(place.run("run many-sessions -n 3 -s 1 --set operations=1000000 -q").code == 4);
  const Ended ended = place.run("replay many-sessions 1 --set operations=1000000 -q");
  CHECK(ended.code == 4);
  CHECK_THAT(ended.out, ContainsSubstring("inconclusive"));
}

TEST_CASE("Ctrl-C ends a campaign with what is known") {
  const Place place;
  const Ended ended = place.shell(kChildren + R"(
      $ORRERY run many-sessions --time 100h -s 1 --json -q & campaign=$!
      wait_until has_rows
      kill -INT $campaign
      wait $campaign)");
  CHECK(ended.code == 75);
  const std::vector<Json> lines = lines_of(ended.out);
  REQUIRE(lines.size() >= 2);
  CHECK(lines.back()["runs"] == lines.size() - 1);
  CHECK(lines.back()["interrupted"] == true);
}

#if !ORRERY_ASAN  // whose shadow wants more than any limit here, and time
TEST_CASE("Ctrl-C ends a shrink with a tape that fails, and says how to go on") {
  for (const std::string signal : {"INT", "TERM"}) {
    INFO(signal);
    const Place place;
    const Ended ended = place.shell("signal=" + signal + kChildren + R"(
        $ORRERY shrink garnet-385-40g 1 --bug garnet-385 -o small.orry -q --leave-safe-sizes \
          --replays 2000 & campaign=$!
        wait_until catches $signal $campaign
        kill -$signal $campaign
        wait $campaign)");
    CHECK(ended.code == 75);
    CHECK_THAT(ended.err, ContainsSubstring("orrery shrink small.orry --leave-safe-sizes "
                                            "--replays 2000\n"));
    CHECK_THAT(ended.out, ContainsSubstring("; stopped early)\n"));
    CHECK(place.run("replay small.orry -q").code == 1);
  }
}

TEST_CASE("a machine without room for a world is told so in one line") {
  const Place place;
  for (const char* words :
       {"run canary -n 5 -s 1", "replay canary 1", "shrink canary 1", "doctor"}) {
    const Ended ended = place.run(words, "ulimit -v 2000000 &&");
    CHECK(ended.code == 5);
    CHECK_THAT(ended.out + ended.err, ContainsSubstring("address space"));
    CHECK_THAT(ended.out + ended.err, ContainsSubstring("ulimit -v unlimited"));
  }
}

TEST_CASE("a machine with room for a world, if hardly more, plays the same runs") {
  const Place place;
  const std::string words = "run many-sessions -n 3 -s 1 -j 1 --json -q --check-determinism off";
  const Ended all = place.run(words);
  REQUIRE(all.code == 0);
  for (const char* kib : {"4000000", "5000000", "7000000", "9000000", "20000000"}) {
    INFO(kib);
    const Ended ended = place.run(words, std::string("ulimit -v ") + kib + " &&");
    CHECK(ended.err.empty());
    REQUIRE(ended.code == 0);
    REQUIRE(rows_of(ended.out).size() == 3);
    for (size_t i = 0; i < 3; ++i) {
      CHECK(rows_of(ended.out)[i]["digest"] == rows_of(all.out)[i]["digest"]);
    }
  }
}

#endif

TEST_CASE("a full disk is a harness failure, and hides no failing seed") {
  const Place place;
  // No file system has names of this length, and nothing tells before one is made.
  const std::string long_name(300, 'x');
  const Ended tapeless = place.run("run canary -n 5000 -s 1 -q --out " + long_name);
  CHECK(tapeless.code == 5);
  // A standard output that is not there is none of the files that are opened next.
  const Ended closed = place.shell("$ORRERY run many-sessions -n 3 -s 1 --json -q >&-");
  CHECK(closed.code == 5);
  CHECK_THAT(closed.err, !ContainsSubstring("orrery-run/1"));
  CHECK_THAT(closed.err, ContainsSubstring("run 0 is the first that is missing"));
  const Ended rows = place.run("run canary -n 5000 -s 1 -q --json --out " + long_name);
  CHECK(lines_of(rows.out).back()["defects"] == 1);
  CHECK_THAT(tapeless.out, ContainsSubstring("first failing seed 0x"));
  CHECK_THAT(tapeless.err, ContainsSubstring("could be saved"));
  // A redirection behind the one of run() wins.
  CHECK(place.run("run many-sessions -n 3 -s 1 --json -q > /dev/full; exit $? #").code == 5);
}

TEST_CASE("lists, help and version") {
  const Place place;
  for (const char* kind : {"scenarios", "bugs", "faults", "oracles", "reports"}) {
    const Ended ended = place.run(std::string("list ") + kind + " --json");
    CHECK(ended.code == 0);
    for (const Json& line : lines_of(ended.out)) CHECK(line["kind"] == kind);
  }
  CHECK_THAT(place.run("list sizes canary").out, ContainsSubstring("io_points"));
  for (const char* verb : {"run", "replay", "shrink", "list", "doctor"}) {
    const Ended help = place.run(std::string(verb) + " --help");
    CHECK(help.code == 0);
    CHECK(help.out.starts_with("examples\n"));
  }
  CHECK(place.run("--help").code == 0);
  CHECK_THAT(place.run("--version").out, ContainsSubstring("revision"));
}

TEST_CASE("seeds are taken in every form") {
  const Place place;
  place.write("seed", "0x2a\n");
  const std::string wanted = place.run("replay canary 42 --json -q").out;
  CHECK(place.run("replay canary 0x2a --json -q").out == wanted);
  CHECK(place.run("replay canary 0x000000000000002A --json -q").out == wanted);
  CHECK(place.run("replay canary @seed --json -q").out == wanted);
  const std::string hash = place
                               .run(
                                   "replay canary 2f6ad01c2f6ad01c2f6ad01c2f6ad01c2f6ad01c"
                                   " --json -q")
                               .out;
  CHECK(hash.size() > 10);
  CHECK(hash != wanted);
}

}  // namespace orrery::cli
