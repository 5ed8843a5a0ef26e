// SPDX-License-Identifier: Apache-2.0
#include "fuzz/changes.hpp"

#include <algorithm>

#include "sim/hash.hpp"

namespace orrery::fuzz {
namespace {

constexpr uint64_t kDrawsMax = 64;

void add_names(const std::vector<std::string>& more, std::vector<std::string>& names);

}  // namespace

uint64_t run_seed(uint64_t campaign_seed, const scenarios::Scenario& scenario, uint64_t k) {
  return sim::mix(campaign_seed, sim::hash_of(scenario.name()), k);
}

std::string plan_for(const scenarios::Scenario& scenario, uint64_t seed, const Changes& changes,
                     scenarios::Plan& plan) {
  std::string first_wrong;
  for (uint64_t draw = 0; draw < kDrawsMax; ++draw) {
    plan = scenarios::plan_of_seed(scenario, seed);
    if (draw > 0) {
      plan.sizes.clear();
      scenario.draw(sim::mix(seed, 0xF17, draw), plan.sizes);
    }
    std::string wrong = change(changes, plan);
    if (wrong.empty()) {
      // As the draw has it; but what was given stays.
      scenario.keep_safe(plan.sizes);
      for (const sim::Size& size : changes.sizes) plan.sizes.set(size.name, size.value);
      return {};
    }
    if (first_wrong.empty()) first_wrong = std::move(wrong);
    if (changes.sizes.empty()) break;  // another draw would not help
  }
  return first_wrong;
}

std::string change(const Changes& changes, scenarios::Plan& plan) {
  for (const sim::Size& size : changes.sizes) {
    std::string wrong = scenarios::set_size(plan, size.name, size.value);
    if (!wrong.empty()) return wrong;
  }
  if (changes.no_faults) plan.faults.clear();
  add_names(changes.faults, plan.faults);
  add_names(changes.bugs, plan.bugs);
  if (!changes.oracles.empty()) plan.oracles = changes.oracles;
  return scenarios::unfit(plan);
}

namespace {

void add_names(const std::vector<std::string>& more, std::vector<std::string>& names) {
  for (const std::string& name : more) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

}  // namespace
}  // namespace orrery::fuzz
