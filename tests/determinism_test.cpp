// SPDX-License-Identifier: Apache-2.0
// Same plan, same digest: in one world twice, at every level of protection, watched or not, from
// the seed or from the deviations that it took. Across builds: tests/digests.py.
#include "scenarios/run.hpp"
#include "tests/catch.hpp"

namespace orrery::scenarios {
namespace {

constexpr uint64_t kSeeds = 200;

struct Seen {
  uint64_t digest = 0;
  uint64_t steps = 0;
  Verdict verdict = Verdict::ok;
  std::string signature;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Runner& runner() {
  static const std::unique_ptr<Runner> kRunner = std::make_unique<Runner>();
  return *kRunner;
}

Seen seen(const Run& run) {
  return {run.digest, run.steps, run.verdict, run.finding ? run.finding->signature : ""};
}

Seen play(const Plan& plan) { return seen(runner().play(plan)); }

std::vector<const Scenario*> small_scenarios() {
  std::vector<const Scenario*> small;
  for (const Scenario* scenario : all_scenarios()) {
    if (!scenario->is_large()) small.push_back(scenario);
  }
  return small;
}

}  // namespace

TEST_CASE("every scenario gives the same digest twice, 200 seeds each") {
  for (const Scenario* scenario : small_scenarios()) {
    INFO(scenario->name());
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const Plan plan = plan_of_seed(*scenario, seed);
      const Seen first = play(plan);
      // Another run in between: nothing of it may be left in the world.
      play(plan_of_seed(*scenario, seed + 1'000'000));
      REQUIRE(play(plan) == first);
    }
  }
}

TEST_CASE("guards and details change what is seen, never what happens") {
  for (const Scenario* scenario : small_scenarios()) {
    INFO(scenario->name());
    for (uint64_t seed = 0; seed < 40; ++seed) {
      Plan plan = plan_of_seed(*scenario, seed);
      const Seen plain = play(plan);
      if (plain.verdict != Verdict::ok) continue;  // equal only up to the first broken promise
      plan.guarded = true;
      REQUIRE(play(plan) == plain);
      plan.detailed = true;
      REQUIRE(play(plan) == plain);
    }
  }
}

TEST_CASE("the deviations that a run took replay it, failing or not") {
  for (const Scenario* scenario : small_scenarios()) {
    INFO(scenario->name());
    for (const char* bug : {"", "garnet-2063.b"}) {
      for (uint64_t seed = 0; seed < 60; ++seed) {
        Plan plan = plan_of_seed(*scenario, seed);
        if (*bug != '\0') plan.bugs.emplace_back(bug);
        const Run& run = runner().play(plan);
        const Seen seeded = seen(run);
        const sim::Tape tape = tape_of(run);
        sim::Tape read;
        REQUIRE_FALSE(sim::parse_tape(sim::print_tape(tape), read));
        REQUIRE(read == tape);
        Plan replay;
        REQUIRE(plan_of_tape(read, replay).empty());
        const Run& again = runner().play(replay);
        REQUIRE(seen(again) == seeded);
        REQUIRE(tape_of(again).deviations == tape.deviations);
      }
    }
  }
}

TEST_CASE("a switch that is off changes nothing") {
  // The counts of reached switches are all that a run knows of them, and a switch that is off never
  // counts.
  const Scenario& scenario = *find_scenario("snapshot-full-cache");
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Run& run = runner().play(plan_of_seed(scenario, seed));
    for (const uint64_t reached : run.reached) REQUIRE(reached == 0);
  }
}

TEST_CASE("the genuine case of 40 GiB gives the same digest twice") {
  Plan plan = plan_of_seed(*find_scenario("garnet-385-40g"), 0);
  plan.bugs.emplace_back("garnet-385");
  const Seen first = play(plan);
  REQUIRE(first.verdict == Verdict::failed);
  REQUIRE(play(plan) == first);
}

}  // namespace orrery::scenarios
