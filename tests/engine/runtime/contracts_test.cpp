// SPDX-License-Identifier: Apache-2.0
// The simulated world keeps every contract of the boundary, under thousands of schedules.
#include <string>

#include "tests/engine/runtime/contract.hpp"
#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using tests::Contract;
using tests::Expect;
using tests::TestWorld;

namespace {

/// "ok", or what went wrong. Under seeds of both sorts; guarded now and then, so that a late touch
/// is an access violation.
std::string verdict_of(TestWorld& world, const Contract& contract) {
  bool seen = false;
  for (uint64_t seed = 0; seed < contract.seeds; ++seed) {
    Expect expect;
    const auto body = [&] { contract.body(world.runtime(), expect); };
    world.laws.guarded = seed % 8 == 0;
    tests::Restless restless(seed);
    for (const bool often : {false, true}) {
      often ? world.play(restless, body) : world.play_seed(seed, body);
      if (world.verdict() != "ok") return world.verdict() + " (seed " + std::to_string(seed) + ")";
      if (expect.broken() != nullptr) return expect.broken();
      seen = seen || expect.has_seen();
    }
  }
  return seen || !contract.shows ? "ok" : "it never saw what it is about";
}

}  // namespace

TEST_CASE("the simulated world keeps the contracts of the boundary", "[contract]") {
  TestWorld world;
  for (const Contract& contract : tests::all_contracts()) {
    INFO(contract.name);
    REQUIRE(verdict_of(world, contract) == "ok");
  }
}
