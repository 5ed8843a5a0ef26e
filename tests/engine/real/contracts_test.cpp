// SPDX-License-Identifier: Apache-2.0
// The machine keeps every contract of the boundary. A lost wake-up is a test that hangs.
#include <string>

#include "engine/real/machine.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/engine/runtime/contract.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;

TEST_CASE("the machine keeps the contracts of the boundary", "[contract]") {
  constexpr int kRounds = 8;
  const tests::TemporaryFolder folder;
  for (const tests::IoWay& way : tests::io_ways()) {
    for (const unsigned io_threads : {1U, 4U}) {
      auto machine =
          engine::Machine::open({folder.path(), io_threads, way.method, way.direct, false});
      REQUIRE(machine);
      for (const tests::Contract& contract : tests::all_contracts()) {
        INFO(contract.name << ", " << way.name << ", with " << io_threads << " threads");
        bool seen = false;
        for (int round = 0; round < kRounds; ++round) {
          tests::Expect expect;
          contract.body((*machine)->runtime(), expect);
          REQUIRE(std::string(expect.broken() == nullptr ? "ok" : expect.broken()) == "ok");
          REQUIRE((*machine)->frames().live_count() == 0);
          seen = seen || expect.has_seen();
        }
        // With one thread it is certain.
        REQUIRE((seen || !contract.shows || io_threads > 1));
      }
    }
  }
}
