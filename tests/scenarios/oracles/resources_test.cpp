// SPDX-License-Identifier: Apache-2.0
// What is not given back at the end is found.
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "tests/catch.hpp"

using namespace orrery::scenarios;
namespace engine = orrery::engine;

TEST_CASE("a run that gave everything back is fine") {
  HandMadeRun made;
  made.in_world([](engine::Runtime runtime) {
    runtime.memory.free(*runtime.memory.allocate(64, 8, "a block"));
    runtime.frames.retire(*runtime.frames.acquire(7, 512));
  });
  REQUIRE(made.label(judge_resources) == "nothing");
}

TEST_CASE("a block that is left is found, unless the run was cut short") {
  HandMadeRun made;
  made.in_world(
      [](engine::Runtime runtime) { REQUIRE(runtime.memory.allocate(64, 8, "a block")); });
  REQUIRE(made.label(judge_resources) == "memory was not given back (a block)");
  made.run.completed = false;
  REQUIRE(made.label(judge_resources) == "nothing");
}

TEST_CASE("a frame that is left is found") {
  HandMadeRun made;
  made.in_world([](engine::Runtime runtime) { REQUIRE(runtime.frames.acquire(7, 512)); });
  made.trace.lifetimes.push_back({.page = 7, .size = 512, .acquired_at = {}, .retired_at = {}});
  REQUIRE(made.label(judge_resources) == "frames were not given back");
}
