// SPDX-License-Identifier: Apache-2.0
// Which run a seed stands for, and what a caller may change in it.
#include "fuzz/changes.hpp"

#include "tests/catch.hpp"

namespace orrery::fuzz {

TEST_CASE("the seed of a run depends on campaign, scenario and index, and on nothing else") {
  const auto& one = *scenarios::all_scenarios()[0];
  const auto& two = *scenarios::all_scenarios()[1];
  CHECK(run_seed(1, one, 0) == run_seed(1, one, 0));
  CHECK(run_seed(1, one, 0) != run_seed(1, one, 1));
  CHECK(run_seed(1, one, 0) != run_seed(2, one, 0));
  CHECK(run_seed(1, one, 0) != run_seed(1, two, 0));
}

TEST_CASE("changes that nobody can run are named with the nearest valid name") {
  const scenarios::Scenario* const scenario = scenarios::find_scenario("canary");
  REQUIRE(scenario != nullptr);
  scenarios::Plan plan;
  Changes changes;
  changes.sizes = {{"io_pints", 4}};
  CHECK_THAT(plan_for(*scenario, 1, changes, plan),
             Catch::Matchers::ContainsSubstring("io_points"));
  changes = {};
  changes.sizes = {{"io_points", 0}};
  CHECK_THAT(plan_for(*scenario, 1, changes, plan),
             Catch::Matchers::ContainsSubstring("io_points"));
  changes = {};
  changes.bugs = {"garnet-358"};
  CHECK_THAT(plan_for(*scenario, 1, changes, plan),
             Catch::Matchers::ContainsSubstring("garnet-385"));
  changes = {};
  changes.sizes = {{"io_points", 9}};
  CHECK(plan_for(*scenario, 1, changes, plan).empty());
  CHECK(plan.sizes["io_points"] == 9);
}

TEST_CASE("a size that is given takes with it what keeps it safe, unless that is given too") {
  const scenarios::Scenario* const scenario = scenarios::find_scenario("snapshot-full-cache");
  scenarios::Plan plan;
  Changes changes;
  changes.sizes = {{"page_bits", 12}};
  for (uint64_t seed = 0; seed < 20; ++seed) {
    REQUIRE(plan_for(*scenario, seed, changes, plan).empty());
    scenarios::Sizes safe = plan.sizes;
    scenario->keep_safe(safe);
    REQUIRE(safe.all() == plan.sizes.all());
    REQUIRE(plan.sizes["width_bits"] > 12);
  }
  changes.sizes.push_back({"width_bits", 9});
  REQUIRE(plan_for(*scenario, 1, changes, plan).empty());
  CHECK(plan.sizes["width_bits"] == 9);
}

}  // namespace orrery::fuzz
