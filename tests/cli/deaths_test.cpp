// SPDX-License-Identifier: Apache-2.0
// orrery run among processes that die, and told to end before it can say what it found.
#include "tests/catch.hpp"
#include "tests/cli/place.hpp"

namespace orrery::cli {

TEST_CASE("ends of workers are heard, whatever started the campaign wanted to hear of its own") {
  const Place place;
  const Ended ended = place.shell(kChildren + R"(
      bash -c "trap '' CHLD; exec $ORRERY run many-sessions -n 1000000 -s 3 -j 2 --json -q \
        --check-determinism off" &
      campaign=$!
      find_child run
      wait_until has_rows
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
        $ORRERY run many-sessions -n 1000000 -s 3 -j 2 --json -q --check-determinism off &
        campaign=$!
        find_child run
        wait_until has_rows
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

TEST_CASE("Ctrl-C twice loses no failure that was found, nor the wish for JUnit") {
  const Place place;
  const Ended ended = place.shell(kChildren + R"(
      $ORRERY run snapshot-full-cache --bug garnet-385 -s 3 -n 1000000 --keep-going -q -j 2 \
        --check-determinism off --junit j.xml & campaign=$!
      find_child run  # before there are fresh processes
      wait_until grep -q 'replay:  ' ../err
      kill -STOP $child  # so that there is a second one to come
      sleep 0.2
      kill -INT $campaign
      wait_until has_said_the_way_on
      sleep 0.1
      kill -INT $campaign
      wait $campaign)");
  CHECK(ended.code == 130);
  CHECK(place.read("j.xml").empty());
  const std::string told = behind(ended.err, "orrery: FAILED  ");
  CHECK(told.starts_with("walks: "));
  const size_t at = told.find("  replay:  ");
  REQUIRE(at != std::string::npos);
  const Ended again = place.shell(told.substr(at + 11) + " -q");
  CHECK(again.code == 1);
  CHECK_THAT(again.out + again.err, ContainsSubstring("walk"));
  CHECK_THAT(behind(ended.err, "then go on with:  "), ContainsSubstring(" --junit j.xml"));
}

TEST_CASE("a campaign that ends by itself tells each failure once, where it belongs") {
  const Place place;
  const std::string words =
      "run snapshot-full-cache --bug garnet-2063.b -s 11 -n 300 -q --check-determinism off";
  const Ended first = place.run(words);
  CHECK(first.code == 1);
  CHECK_THAT(first.err, !ContainsSubstring("FAILED"));  // its result follows at once
  const Ended all = place.run(words + " --keep-going");
  CHECK(all.code == 1);
  CHECK(count_of(all.out, "\nFAILED  ") >= 2);
  CHECK(count_of(all.err, "orrery: FAILED  ") == count_of(all.out, "\nFAILED  "));
  CHECK(count_of(all.err, "\n") == count_of(all.err, "orrery: FAILED  "));
  const Ended json = place.run(words + " --keep-going --json");
  CHECK_THAT(json.err, !ContainsSubstring("FAILED"));  // its rows are told at once
}

}  // namespace orrery::cli
