// SPDX-License-Identifier: Apache-2.0
// Whatever a worker does once, to itself or to the memory that it shares, no run is lost unheard.
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include "fuzz/campaign.hpp"
#include "tests/catch.hpp"
#include "tests/fuzz/players.hpp"

namespace orrery::fuzz {
namespace {

/// What supervisor and workers share: the first such mapping that it fits into.
Shared* find_shared() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uintptr_t from = 0;
    uintptr_t to = 0;
    char dash = 0;
    std::string access;
    std::istringstream(line) >> std::hex >> from >> dash >> to >> access;
    if (access != "rw-s" || line.find("/dev/zero") == std::string::npos) continue;
    if (to - from >= sizeof(Shared)) return reinterpret_cast<Shared*>(from);
  }
  return nullptr;
}

}  // namespace

TEST_CASE("of a worker that gives up once the defect counts, and the row of its run") {
  SharedCount tries;
  const auto body = [&](RunRow& row) {
    if (row.index != 4 || tries.add() > 0) return;
    (void)!write(STDERR_FILENO, "no more\n", 8);
    _exit(5);
  };
  Listener listener;
  const Campaign campaign = run_campaign(order_of(20, 2, body), listener);
  CHECK(complete(listener, 20));
  CHECK(campaign.failed == 0);
  REQUIRE(campaign.defects.size() == 1);
  CHECK_THAT(campaign.defects[0].text, Catch::Matchers::EndsWith("and another did not: no more"));
}

TEST_CASE("a worker that writes where the others read whether to go on ends no campaign well") {
  const auto body = [](RunRow& row) {
    Shared* const shared = find_shared();
    if (shared == nullptr) _exit(1);
    if (row.index == 30) shared->stop = true;
  };
  Listener listener;
  const Campaign campaign = run_campaign(order_of(1000, 2, body), listener);
  CHECK(campaign.runs > 30);
  CHECK(campaign.runs < 1000);
  CHECK(campaign.broke_off);
  REQUIRE_FALSE(campaign.defects.empty());
  CHECK_THAT(campaign.defects[0].text, Catch::Matchers::ContainsSubstring("ended before all runs"));
}

}  // namespace orrery::fuzz
