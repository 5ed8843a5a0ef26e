// SPDX-License-Identifier: Apache-2.0
// A tape prints and parses to itself, and every text that is none is told apart line by line.
#include "sim/tape.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sim/hash.hpp"
#include "tests/catch.hpp"

using namespace orrery;
using sim::Ask;
using sim::Tape;

namespace {

Tape some_tape() {
  Tape tape;
  tape.scenario = "snapshot-full-cache";
  tape.revision = "2f6ad01c";
  tape.seed = 42;
  tape.sizes = {{"pages", 16}, {"page_bits", 9}, {"shift", -3}};
  tape.bugs = {"garnet-385", "garnet-2063.a"};
  tape.faults = {"io-error"};
  tape.deviations = {
      {{"upsert", 12, 0, 0}, Ask::preempt, 17, 0, {"done-write:store/hlog", 4096, 3, 1}},
      {{"write:store/hlog", 4096, 0, 0}, Ask::latency, 0, 11, {}},
      {{"main", UINT64_MAX, UINT32_MAX, UINT32_MAX}, Ask::next, UINT64_MAX, 0, {"a", 0, 0, 0}},
      {{"store/hlog", 0, 1, 2}, Ask::power, 0, 1, {}},
  };
  return tape;
}

const std::string kHead = "orrery-tape 1\nscenario s\n";

/// "3: text" of the error that the parser finds, or "fine".
std::string complaint(const std::string& text) {
  Tape tape = some_tape();
  const auto error = sim::parse_tape(text, tape);
  if (!error) return "fine";
  REQUIRE(tape == some_tape());  // nothing is half read
  return std::to_string(error->line) + ": " + error->text;
}

}  // namespace

TEST_CASE("a tape is read as it was printed", "[tape]") {
  Tape read;
  REQUIRE_FALSE(sim::parse_tape(sim::print_tape(some_tape()), read));
  REQUIRE(read == some_tape());
  REQUIRE(sim::print_tape(read) == sim::print_tape(some_tape()));
}

TEST_CASE("a tape reads like the page that documents it", "[tape]") {
  const std::string text = sim::print_tape(some_tape());
  for (const char* line : {"orrery-tape 2\nscenario snapshot-full-cache\n", "\nrevision 2f6ad01c\n",
                           "\nseed 0x000000000000002a\n", "\nsize pages 16\n", "\nsize shift -3\n",
                           "\nbug garnet-2063.a\n", "\nfault io-error\n",
                           "\nat upsert/12#0@0 17 preempt done-write:store/hlog/4096#3@1\n",
                           "\nat write:store/hlog/4096#0@0 0 latency 11\n"}) {
    REQUIRE_THAT(text, Catch::Matchers::ContainsSubstring(line));
  }
  REQUIRE_THAT(text, Catch::Matchers::EndsWith("\nend\n"));
}

TEST_CASE("comments, blank lines and foreign line ends do no harm", "[tape]") {
  std::string text = "orrery-tape 1\n\n# a remark\nscenario s\nsize  pages   16  \n";
  REQUIRE(complaint(text) == "fine");
  Tape read;
  REQUIRE_FALSE(sim::parse_tape("orrery-tape 1\r\nscenario s\r\nseed 0x2a\r\n", read));
  REQUIRE(read.scenario == "s");
  REQUIRE(read.seed == uint64_t{42});
  REQUIRE_FALSE(sim::parse_tape("orrery-tape 1\nscenario s", read));  // no last line break
  REQUIRE(read.scenario == "s");
  REQUIRE_FALSE(read.seed);
}

TEST_CASE("every malformed line is named by number, with what would be right", "[tape]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"scenario", "3: \"scenario\" wants a value"},
      {"seed 12x", "3: a seed is a decimal number, or 0x"},
      {"seed 0x1ffffffffffffffff", "3: a seed is a decimal number, or 0x"},
      {"scenario other", "3: a second \"scenario\""},
      {"size pages", "3: size pages wants a whole number"},
      {"size pages many", "3: size pages wants a whole number"},
      {"size pages 99999999999999999999", "3: size pages wants a whole number"},
      {"size pages 1 2", "3: \"2\" stands behind the end"},
      {"bug a b", "3: \"b\" stands behind the end"},
      {"tempo 3", "3: \"tempo\" is not known"},
      {"at", "3: \"\" is no actor"},
      {"at upsert 1 latency 2", "3: \"upsert\" is no actor"},
      {"at /1#0@0 1 latency 2", "3: \"/1#0@0\" is no actor"},
      {"at a/x#0@0 1 latency 2", "3: \"a/x#0@0\" is no actor"},
      {"at a/1#4294967296@0 1 latency 2", "3: \"a/1#4294967296@0\" is no actor"},
      {"at a/1@0#0 1 latency 2", "3: \"a/1@0#0\" is no actor"},
      {"at a/1#0@0 one latency 2", "3: \"one\" is no occurrence"},
      {"at a/1#0@0 1 delay 2",
       "3: \"delay\" is no kind of choice; preempt, next, latency, transfer, delivery, error, "
       "shortfall, allocate, power, wake, spurious, tear, image, edge, name, rot, cut and "
       "directory are"},
      {"at a/1#0@0 1 latency", "3: \"\" is no answer"},
      {"at a/1#0@0 1 latency 0", "3: \"0\" is no answer"},
      {"at a/1#0@0 1 latency -1", "3: \"-1\" is no answer"},
      {"at a/1#0@0 1 preempt 2", "3: \"2\" is no task"},
      {"at a/1#0@0 1 latency 2 3", "3: \"3\" stands behind the end"},
      {"bug a\r\r", "3: a control character"},  // one of them would be a line end
      {"size pages\t16", "3: a control character"},
  };
  for (const auto& [line, wanted] : cases) {
    REQUIRE_THAT(complaint(kHead + line + "\n"), Catch::Matchers::StartsWith(wanted));
    REQUIRE_THAT(complaint(kHead + "\n# x\n" + line + "\n"), Catch::Matchers::StartsWith("5"));
  }
  REQUIRE_THAT(complaint(""), Catch::Matchers::StartsWith("1: "));
  REQUIRE_THAT(complaint("tape\n"), Catch::Matchers::StartsWith("1: a tape begins with"));
  REQUIRE_THAT(complaint("orrery-tape 3\n"), Catch::Matchers::StartsWith("1: a tape begins with"));
  REQUIRE_THAT(complaint("orrery-tape 1\n"), Catch::Matchers::StartsWith("1: no scenario"));
}

TEST_CASE("a tape that was cut off is no tape, wherever that was", "[tape]") {
  const std::string whole = sim::print_tape(some_tape());
  for (size_t size = 0; size + 4 < whole.size(); ++size) {
    REQUIRE(complaint(whole.substr(0, size)) != "fine");
  }
  const std::string last = std::to_string(std::count(whole.begin(), whole.end(), '\n') - 1);
  REQUIRE(complaint(whole.substr(0, whole.size() - 4)) ==
          last + ": cut off here: a tape ends with the line \"end\"");
  REQUIRE(complaint(whole + "# a remark\n\n") == "fine");
  REQUIRE(complaint(whole.substr(0, whole.size() - 1) + "  \r\n") == "fine");
  REQUIRE_THAT(complaint(whole + "bug b\n"),
               Catch::Matchers::EndsWith(": \"bug b\" stands behind the end"));
  REQUIRE(complaint(kHead + "end\n") == "fine");  // those of version 1 may, and need not
}

TEST_CASE("a tape says nothing twice", "[tape]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"size pages 1\nsize pages 1\n", "4: size pages stands in an earlier line"},
      {"seed 1\nseed 2\n", "4: a second \"seed\""},
      {"revision a\nrevision a\n", "4: a second \"revision\""},
      {"bug a\nbug b\nbug a\n", "5: bug a stands in an earlier line"},
      {"fault a\nfault a\n", "4: fault a stands in an earlier line"},
      {"at a/1#0@0 1 latency 2\nat a/1#0@0 1 latency 3\n", "4: this choice was answered"},
  };
  for (const auto& [lines, wanted] : cases) {
    REQUIRE_THAT(complaint(kHead + lines), Catch::Matchers::StartsWith(wanted));
  }
  REQUIRE(complaint(kHead + "at a/1#0@0 1 latency 2\nat a/1#0@0 1 transfer 2\n") == "fine");
}

TEST_CASE("no bytes at all make the parser crash, and what it takes it can print", "[tape]") {
  const std::string good = sim::print_tape(some_tape());
  uint64_t accepted = 0;
  for (uint64_t round = 0; round < 20'000; ++round) {
    std::string text = good;
    const uint64_t edits = 1 + sim::below(sim::mix(round, 1), 4);
    for (uint64_t i = 0; i < edits; ++i) {
      const size_t at = sim::below(sim::mix(round, 2, i), text.size());
      const char byte = static_cast<char>(sim::mix(round, 3, i));
      switch (sim::below(sim::mix(round, 4, i), 4)) {
        case 0: text[at] = byte; break;
        case 1: text.erase(at, 1 + sim::below(sim::mix(round, 5, i), 9)); break;
        case 2: text.insert(at, 1, byte); break;
        default: text.resize(at + 1); break;
      }
    }
    Tape tape;
    if (sim::parse_tape(text, tape)) continue;
    ++accepted;
    Tape again;
    REQUIRE_FALSE(sim::parse_tape(sim::print_tape(tape), again));
    REQUIRE(again == tape);
  }
  REQUIRE(accepted > 1000);
}

TEST_CASE("the key of a deviation is that of its actor, and names its task by key", "[tape]") {
  const sim::Deviation switched = some_tape().deviations[0];
  const sim::Deviated plain = switched.deviated();
  REQUIRE(plain.key == sim::key_of(sim::hash_of("upsert"), 12, 0, 0));
  REQUIRE(plain.value == sim::key_of(sim::hash_of("done-write:store/hlog"), 4096, 1, 3));
  REQUIRE(some_tape().deviations[1].deviated().value == 11);
}
