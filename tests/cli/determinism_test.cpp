// SPDX-License-Identifier: Apache-2.0
// What orrery run says of runs that it plays twice: what depends on an address is caught and told
// where, and a broken promise is never taken for it.
#include <sys/personality.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "sim/fiber.hpp"
#include "tests/catch.hpp"  // last: its CHECK replaces ours
#include "tests/cli/place.hpp"

namespace orrery::cli {
namespace {

// Why two processes have their program at the same address; empty if they need not.
std::string why_nothing_moves() {
  std::ifstream file("/proc/sys/kernel/randomize_va_space");
  if (int level = 0; file >> level && level == 0) return "kernel.randomize_va_space is 0";
  const int now = personality(0xFFFF'FFFF);  // asks, and changes nothing
  const bool off = now != -1 && (now & ADDR_NO_RANDOMIZE) != 0;
  return off ? "this process runs without randomisation (setarch -R, a debugger)" : "";
}

}  // namespace

TEST_CASE("a subject that hashes a pointer is caught, and told where") {
  const Place place;
  const Ended hunt = place.run("run pointer-canary -n 200 -s 1 -j 2");
  CHECK(hunt.code == 3);
  CHECK_THAT(hunt.out, ContainsSubstring("re-runs identical"));
  CHECK_THAT(hunt.err, ContainsSubstring("NONDETERMINISM  seed 0x"));
  CHECK_THAT(hunt.err, ContainsSubstring("step "));
  CHECK_THAT(hunt.err, ContainsSubstring("client/"));
  CHECK_THAT(hunt.err, ContainsSubstring("scenarios/pointer_canary.cpp:"));
  CHECK_THAT(hunt.err, ContainsSubstring("something depends on an address"));
  CHECK(place.shell(behind(hunt.err, "  again:   ") + " -q").code == 3);
  const Ended replay = place.run("replay pointer-canary 1 -q");
  CHECK(replay.code == 3);
  CHECK_THAT(replay.err, ContainsSubstring("scenarios/pointer_canary.cpp:"));
  CHECK(place.run("run pointer-canary -n 200 -s 1 -q --check-determinism off").code == 6);
}

TEST_CASE("one run in fifty is played twice unless somebody says otherwise") {
  const Place place;
  CHECK_THAT(place.run("run many-sessions -n 50 -s 1 -q").out,
             ContainsSubstring("determinism: 1 of 1 re-runs identical"));
  CHECK_THAT(place.run("run many-sessions -n 51 -s 1 -q").out,
             ContainsSubstring("determinism: 2 of 2 re-runs identical"));
}

#if !ORRERY_ASAN  // which needs no guards to see it
TEST_CASE("foreign memory that only guards make visible is a failure, and no nondeterminism") {
  const Place place;
  const std::string words =
      "run snapshot-full-cache --bug garnet-2063.a --oracles linearizable -s 2 "
      "-q --check-determinism ";
  const Ended hunt = place.run(words + "5 --junit memory.xml");
  CHECK(hunt.code == 1);
  CHECK(hunt.err.empty());
  CHECK_THAT(hunt.out, ContainsSubstring("FAILED  memory: access violation"));
  CHECK_THAT(hunt.out, ContainsSubstring("seen by memory after "));
  CHECK_THAT(hunt.out, ContainsSubstring("reproduced in a fresh process"));
  CHECK(place.shell(behind(hunt.out, "  replay:  ") + " -q").code == 1);
  const std::string shrink = behind(hunt.out, "  shrink:  ");
  CHECK(place.shell(shrink.substr(0, shrink.find("  # ")) + " -q").code == 0);
  require_schema(place, "memory.xml");
  CHECK(count_of(place.read("memory.xml"), "<failure ") == 1);
  CHECK_THAT(place.read("memory.xml"), ContainsSubstring("type=\"memory\">orrery replay"));
  CHECK_THAT(place.read("memory.xml"),
             ContainsSubstring("name=\"options\" value=\"--bug garnet-2063.a --oracles"));
  // The same in rows, whatever the number of workers; and the row is that of the failure.
  const std::vector<Json> rows = lines_of(place.run(words + "5 --json -j 1").out);
  const std::vector<Json> others = lines_of(place.run(words + "5 --json -j 3").out);
  REQUIRE(rows.size() == others.size());
  REQUIRE(rows.size() >= 2);
  for (size_t i = 0; i + 1 < rows.size(); ++i) CHECK(rows[i] == others[i]);
  const Json& failing = rows[rows.size() - 2];
  CHECK(failing["verdict"] == "failed");
  CHECK(failing["oracle"] == "memory");
  CHECK(rows.back()["failed"] == 1);
  CHECK(rows.back()["first_failing_seed"] == failing["seed"]);
  CHECK(rows.back()["reruns"] == rows.back()["reruns_identical"]);
  const std::string tape = "orrery-out/snapshot-full-cache-" + failing["seed"].get<std::string>();
  CHECK(lines_of(place.run("replay " + tape + ".orry --oracles linearizable --json -q")
                     .out)[0]["digest"] == failing["digest"]);
  // Nor does a process of its own say so (every 50th of the runs that are played twice), nor the
  // second play of a replay, for which the foreign memory lies elsewhere.
  for (const char* const bug : {"garnet-2063.a", "garnet-385"}) {
    INFO(bug);
    const Ended all = place.run(
        "run snapshot-full-cache -n 500 -s 1 -q --oracles linearizable "
        "--check-determinism 3 --keep-going --bug " +
        std::string(bug));
    CHECK(all.code == 1);
    // Nothing but the failures, each of which is told at once.
    CHECK(count_of(all.err, "\n") == count_of(all.err, "orrery: FAILED  "));
  }
}
#endif

TEST_CASE("a subject that hashes the address of a constant is caught elsewhere, and told where") {
  if (const std::string why = why_nothing_moves(); !why.empty()) {
    WARN("not tried, as every program lies where it always does: " << why);
    return;
  }
  const Place place;
  const Ended hunt = place.run("run static-canary -n 200 -s 1 -j 2 --junit static.xml");
  CHECK(hunt.code == 3);
  CHECK_THAT(hunt.out, ContainsSubstring("re-runs identical; 0 of 1 elsewhere"));
  CHECK_THAT(hunt.err, ContainsSubstring("NONDETERMINISM  seed 0x"));
  CHECK_THAT(hunt.err, ContainsSubstring("in a process of its own"));
  CHECK_THAT(hunt.err, ContainsSubstring("client/"));
  CHECK_THAT(hunt.err, ContainsSubstring("scenarios/static_canary.cpp:"));
  CHECK(place.shell(behind(hunt.err, "  again:   ") + " -q").code == 3);
  const std::string again = behind(place.read("static.xml"), "type=\"determinism\">orrery ");
  CHECK_THAT(again, ContainsSubstring("--from 0 -n 1 --check-determinism all"));
  CHECK(place.run(again + " -q").code == 3);
  // Rows of JSON say it as well.
  const std::vector<Json> lines =
      lines_of(place.run("run static-canary -n 200 -s 1 --json -q").out);
  const auto differs = std::find_if(lines.begin(), lines.end(), [](const Json& line) {
    return line.value("record", "") == "elsewhere";
  });
  REQUIRE(differs != lines.end());
  REQUIRE(differs != lines.begin());
  CHECK((*differs)["seed"] == (*(differs - 1))["seed"]);
  CHECK((*differs)["digest"] == (*(differs - 1))["digest"]);
  CHECK((*differs)["rerun_digest"] != (*differs)["digest"]);
  CHECK_THAT((*differs)["text"].get<std::string>(),
             ContainsSubstring("scenarios/static_canary.cpp:"));
  CHECK(lines.back()["nondeterministic"] == true);
  CHECK(lines.back()["elsewhere"] == 1);
  CHECK(lines.back()["elsewhere_identical"] == 0);
  // It ends the campaign, unless somebody wants more; and nothing else sees it.
  CHECK(count_of(hunt.err, "NONDETERMINISM") == 1);
  const std::string all = "run static-canary -n 200 -s 1 -q --check-determinism all";
  CHECK(count_of(place.run(all + " --keep-going").err, "NONDETERMINISM") >= 3);
  CHECK(place.run("run static-canary -n 200 -s 1 -q --check-determinism off").code == 6);
  CHECK(place.run("replay static-canary 1 -q").code == 0);
}

TEST_CASE("not for lack of looking elsewhere is nothing seen in others") {
  const Place place;
  CHECK_THAT(place.run("run many-sessions -n 120 -s 1 --check-determinism all").out,
             ContainsSubstring("120 of 120 re-runs identical; 3 of 3 elsewhere"));
}

TEST_CASE("a run whose second play differs has a line of JSON that says where") {
  const Place place;
  const Ended hunt = place.run("run pointer-canary -n 200 -s 1 -j 2 --json -q");
  CHECK(hunt.code == 3);
  const std::vector<Json> lines = lines_of(hunt.out);
  const auto rerun = std::find_if(lines.begin(), lines.end(), [](const Json& line) {
    return line["schema"] == "orrery-rerun/1";
  });
  REQUIRE(rerun != lines.end());
  REQUIRE(rerun != lines.begin());
  const Json& run = *(rerun - 1);
  CHECK((*rerun)["record"] == "rerun");
  for (const char* same : {"scenario", "index", "seed", "digest"}) {
    CHECK((*rerun)[same] == run[same]);
  }
  CHECK((*rerun)["rerun_digest"] != run["digest"]);
  const auto require_parts = [](const Json& line) {
    const Json& parts = line["parts"];
    CHECK(parts["step"].get<uint64_t>() > 0);
    CHECK(parts["task"].get<std::string>().starts_with("client/"));
    CHECK(parts["site"].get<std::string>().starts_with("scenarios/pointer_canary.cpp:"));
  };
  require_parts(*rerun);
  CHECK(rows_of(hunt.out).size() == lines.size() - 2);
  // A replay says it as well, behind its row.
  const std::string seed = run["seed"];
  const Ended replay = place.run("replay pointer-canary " + seed + " --json -q");
  CHECK(replay.code == 3);
  require_parts(lines_of(replay.out).at(1));
}

TEST_CASE("as many runs are played twice as was asked for") {
  const Place place;
  const auto reruns = [&](const std::string& rate) {
    const Ended ended =
        place.run("run many-sessions -n 40 -s 5 --json -q --check-determinism " + rate);
    CHECK(ended.code == 0);
    const Json last = lines_of(ended.out).back();
    CHECK(last["reruns"] == last["reruns_identical"]);
    CHECK(last["elsewhere"] == last["elsewhere_identical"]);
    CHECK(last["nondeterministic"] == false);
    return last["reruns"].get<uint64_t>();
  };
  CHECK(reruns("all") == 40);
  CHECK(reruns("1") == 40);
  CHECK(reruns("1/10") == 4);
  CHECK(reruns("20") == 2);
  CHECK(reruns("off") == 0);
  CHECK(reruns("0") == 0);
  CHECK_THAT(place.run("run many-sessions -n 40 -s 5 --check-determinism 1/10").out,
             ContainsSubstring("determinism: 4 of 4 re-runs identical"));
}

TEST_CASE("a campaign of which no run was played twice says so, and how to have it") {
  const Place place;
  const std::string said = "\ndeterminism: no run was played twice; ";
  const std::string words = "run many-sessions -s 5 -q -n 40 ";
  const Ended none = place.run(words + "--from 1");
  CHECK(none.code == 0);
  CHECK(behind(none.out, said) == "--check-determinism all plays each run twice");
  CHECK(lines_of(place.run(words + "--from 1 --json").out).back()["reruns"] == 0);
  // Nor is a large one, unless somebody wants it.
  const std::string large = "run garnet-385-40g -s 1 -q --set records=9 --check-determinism ";
  CHECK(count_of(place.run("run garnet-385-40g -s 1 -q --set records=9").out, said) == 1);
  CHECK(count_of(place.run(large + "all").out, "determinism: 1 of 1 re-runs identical") == 1);
  CHECK(count_of(place.run(large + "off").out, said) == 0);
  // Not to those who have it, or who want none of it.
  CHECK(count_of(place.run(words).out, said) == 0);
  CHECK(count_of(place.run(words + "--from 1 --check-determinism 10").out, said) == 0);
  CHECK(count_of(place.run(words + "--from 1 --check-determinism off").out, said) == 0);
  CHECK(count_of(place.run(words + "--from 1 --check-determinism 0").out, said) == 0);
}

}  // namespace orrery::cli
