// SPDX-License-Identifier: Apache-2.0
// What a caller changes in the plan that a seed draws: bugs, faults, sizes, oracles.
//
// Seeds of a campaign and seeds of runs are two things. A campaign seed S stands for the endless
// list of run seeds run_seed(S, scenario, 0), (1), (2), ...; so any number of workers plays the
// same runs, and what a campaign prints as a failing seed is the run's own, which a replay takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/run.hpp"

namespace orrery::fuzz {

struct Changes {
  std::vector<std::string> bugs;
  std::vector<std::string> faults;  // besides the scenario's own
  bool no_faults = false;           // not even those
  std::vector<sim::Size> sizes;
  std::vector<std::string> oracles;
};

/// The seed of the k-th run of a campaign.
uint64_t run_seed(uint64_t campaign_seed, const scenarios::Scenario& scenario, uint64_t k);

/// The plan of a seed, changed. If the sizes that the seed draws do not go together with those that
/// were given, others are drawn, as a pure function of the seed; what must be larger beside them to
/// be safe at rest is (Scenario::keep_safe). Returns what is wrong in one line; empty if nothing
/// is.
std::string plan_for(const scenarios::Scenario& scenario, uint64_t seed, const Changes& changes,
                     scenarios::Plan& plan);

/// The same changes to a plan that comes from a tape.
std::string change(const Changes& changes, scenarios::Plan& plan);

}  // namespace orrery::fuzz
