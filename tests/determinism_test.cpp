// SPDX-License-Identifier: Apache-2.0
// Same plan, same digest: in one world twice, at every level of protection, watched or not, from
// the seed or from the deviations that it took. Across builds: tests/digests.py.
#include "engine/base/sanitizers.hpp"
#include "reports/divergence.hpp"
#include "scenarios/run.hpp"
#include "tests/catch.hpp"

namespace orrery::scenarios {
namespace {

// Sanitizers take their time, and tests/digests.py plays a program that has them, too.
constexpr uint64_t share(uint64_t seeds) { return ORRERY_ASAN ? seeds / 4 : seeds; }

struct Seen {
  uint64_t digest = 0;
  uint64_t steps = 0;
  Verdict verdict = Verdict::ok;
  std::string signature;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen seen(const Run& run) {
  return {run.digest, run.steps, run.verdict, run.finding ? run.finding->signature : ""};
}

Seen play(Runner& runner, const Plan& plan) { return seen(runner.play(plan)); }

std::vector<const Scenario*> small_scenarios() {
  std::vector<const Scenario*> small;
  for (const Scenario* scenario : all_scenarios()) {
    if (!scenario->is_large() && !scenario->is_nondeterministic()) small.push_back(scenario);
  }
  return small;
}

}  // namespace

TEST_CASE("every scenario gives the same digest twice") {
  Runner runner;  // one a test: the framework takes the signals in between
  for (const Scenario* scenario : small_scenarios()) {
    INFO(scenario->name());
    for (uint64_t seed = 0; seed < share(200); ++seed) {
      const Plan plan = plan_of_seed(*scenario, seed);
      const Seen first = play(runner, plan);
      // Another run in between: nothing of it may be left in the world.
      play(runner, plan_of_seed(*scenario, seed + 1'000'000));
      REQUIRE(play(runner, plan) == first);
    }
  }
}

TEST_CASE("guards and details change what is seen, never what happens") {
  Runner runner;  // one a test: the framework takes the signals in between
  for (const Scenario* scenario : small_scenarios()) {
    INFO(scenario->name());
    for (uint64_t seed = 0; seed < share(40); ++seed) {
      Plan plan = plan_of_seed(*scenario, seed);
      const Seen plain = play(runner, plan);
      if (plain.verdict != Verdict::ok) continue;  // equal only up to the first broken promise
      plan.guarded = true;
      REQUIRE(play(runner, plan) == plain);
      plan.detailed = true;
      REQUIRE(play(runner, plan) == plain);
    }
  }
}

TEST_CASE("the layout of memory changes nothing") {
  Runner runner;
  for (const Scenario* scenario : small_scenarios()) {
    INFO(scenario->name());
    for (uint64_t seed = 0; seed < share(60); ++seed) {
      Plan plan = plan_of_seed(*scenario, seed);
      plan.guarded = seed % 2 == 1;
      const Seen straight = play(runner, plan);
      plan.mirrored = true;
      REQUIRE(play(runner, plan) == straight);
    }
  }
}

TEST_CASE("a subject that hashes a pointer is caught, and where it parts is named") {
  Runner runner;
  Plan plan = plan_of_seed(*find_scenario("pointer-canary"), 1);
  plan.detailed = true;
  const reports::Witness straight(runner.play(plan));
  const reports::Witness twice(runner.play(plan));
  CHECK(reports::divergence_text(straight, twice, "first", "second").empty());
  plan.mirrored = true;
  const reports::Witness mirrored(runner.play(plan));
  CHECK_FALSE(reports::agree(straight, mirrored));
  const auto found = reports::first_divergence(straight, mirrored);
  REQUIRE(found);
  const sim::Event& event = straight.events[found->event];
  CHECK(straight.tasks[event.task].starts_with("client/"));
  const std::string file = event.site.file_name();
  CHECK(file.ends_with("scenarios/pointer_canary.cpp"));
  const std::string text = reports::divergence_text(straight, mirrored, "first", "second");
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("client/"));
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("scenarios/pointer_canary.cpp:"));
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("step "));
}

TEST_CASE("the deviations that a run took replay it, failing or not") {
  Runner runner;  // one a test: the framework takes the signals in between
  for (const Scenario* scenario : small_scenarios()) {
    INFO(scenario->name());
    for (const char* bug : {"", "garnet-2063.b"}) {
      if (*bug != '\0' && !scenario->reaches(bug)) continue;
      for (uint64_t seed = 0; seed < share(60); ++seed) {
        Plan plan = plan_of_seed(*scenario, seed);
        if (*bug != '\0') plan.bugs.emplace_back(bug);
        const Run& run = runner.play(plan);
        const Seen seeded = seen(run);
        const sim::Tape tape = tape_of(run);
        sim::Tape read;
        REQUIRE_FALSE(sim::parse_tape(sim::print_tape(tape), read));
        REQUIRE(read == tape);
        Plan replay;
        REQUIRE(plan_of_tape(read, replay).empty());
        const Run& again = runner.play(replay);
        REQUIRE(seen(again) == seeded);
        REQUIRE(tape_of(again).deviations == tape.deviations);
      }
    }
  }
}

TEST_CASE("a run that goes into its fair phase replays as well") {
  Runner runner;
  const Scenario& scenario = *find_scenario("snapshot-full-cache");
  for (const int64_t budget : {20'000, 30'000, 40'000, 60'000}) {
    for (uint64_t seed = 0; seed < share(50); ++seed) {
      Plan plan = plan_of_seed(scenario, seed);
      REQUIRE(set_size(plan, "step_budget", budget).empty());
      const Run& run = runner.play(plan);
      const Seen seeded = seen(run);
      Plan replay;
      REQUIRE(plan_of_tape(tape_of(run), replay).empty());
      REQUIRE(play(runner, replay) == seeded);
    }
  }
}

TEST_CASE("the genuine case of 40 GiB gives the same digest twice") {
  Runner runner;  // one a test: the framework takes the signals in between
  Plan plan = plan_of_seed(*find_scenario("garnet-385-40g"), 0);
  plan.bugs.emplace_back("garnet-385");
  const Seen first = play(runner, plan);
  REQUIRE(first.verdict == Verdict::failed);
  REQUIRE(play(runner, plan) == first);
}

}  // namespace orrery::scenarios
