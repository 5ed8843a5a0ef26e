// SPDX-License-Identifier: Apache-2.0
// orrery run among processes that die, and told to end before it can say what it found.
#include "tests/catch.hpp"
#include "tests/cli/place.hpp"

namespace orrery::cli {

TEST_CASE("ends of workers are heard, whatever started the campaign wanted to hear of its own") {
  const Place place;
  const Ended ended = place.shell(kChildren + R"(
      bash -c "trap '' CHLD; exec $ORRERY run many-sessions -n 1000000 -s 3 -j 2 --json -q" &
      campaign=$!
      find_child run
      sleep 0.3
      kill -9 $child
      sleep 0.2
      kill -INT $campaign
      wait $campaign)");
  CHECK(ended.code == 5);
  CHECK_THAT(ended.err, ContainsSubstring("HARNESS FAILURE"));
  const std::vector<Json> rows = rows_of(ended.out);
  REQUIRE(rows.size() > 10);
  for (size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i]["index"] == i);
}

TEST_CASE("what a fresh process says by its exit code is heard as well") {
  const Place place;
  const std::string words = "$ORRERY run pointer-canary -n 60 -s 1 -q";
  const Ended heard = place.shell(words);
  const Ended ended = place.shell("bash -c \"trap '' CHLD; exec " + words + "\"");
  REQUIRE(heard.code == 3);
  CHECK(ended.code == 3);
  CHECK_THAT(heard.err, !ContainsSubstring("a fresh process does not see it"));
  CHECK_THAT(ended.err, !ContainsSubstring("a fresh process does not see it"));
  CHECK_THAT(ended.err, !ContainsSubstring("a fresh process says"));
}

TEST_CASE("a signal that another process has sent is no access violation of the engine") {
  for (const char* const name : {"SEGV", "BUS", "FPE", "ABRT"}) {
    const Place place;
    const Ended ended = place.shell(kChildren + R"(
        $ORRERY run many-sessions -n 1000000 -s 3 -j 2 --json -q & campaign=$!
        find_child run
        sleep 0.3
        kill -)" + name + R"( $child
        sleep 0.2
        kill -INT $campaign
        wait $campaign)");
    INFO(name << ": " << ended.err);
    CHECK(ended.code == 5);
    CHECK_THAT(ended.err, ContainsSubstring("HARNESS FAILURE"));
    CHECK_THAT(ended.err, !ContainsSubstring("NONDETERMINISM"));
    const std::vector<Json> rows = rows_of(ended.out);
    REQUIRE(rows.size() > 10);
    for (size_t i = 0; i < rows.size(); ++i) {
      REQUIRE(rows[i]["index"] == i);
      REQUIRE(rows[i]["verdict"] == "ok");
    }
  }
}

}  // namespace orrery::cli
