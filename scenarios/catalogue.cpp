// SPDX-License-Identifier: Apache-2.0
#include "scenarios/catalogue.hpp"

#include <array>

namespace orrery::scenarios {

std::span<const Scenario* const> all_scenarios() {
  static const std::array kAll{
      &snapshot_full_cache(),
      &snapshot_at_rest(),
      &late_flush(),
      &many_sessions(),
      &checkpoint_under_load(),
      &crash_loop(),
      &fold_over(),
      &recover_smaller(),
      &copy_reads(),
      &reset_with_io(),
      &short_lives(),
      &dispose_with_io(),
      &operation_log(),
      &append_log(),
      &damaged_log(),
      &canary(),
      &pointer_canary(),
      &static_canary(),
      &garnet_385_40g(),
  };
  return kAll;
}

const Scenario* find_scenario(std::string_view name) {
  for (const Scenario* scenario : all_scenarios()) {
    if (scenario->name() == name) return scenario;
  }
  return nullptr;
}

}  // namespace orrery::scenarios
