// SPDX-License-Identifier: Apache-2.0
// Inputs of the fuzz target `schedule`: every one means a run, the same run each time, and what the
// run took is a tape of the same run. The mutator makes nothing but inputs.
#include "fuzz/schedule.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "fuzz/schedule_mutator.hpp"
#include "fuzz/state_coverage.hpp"
#include "tests/catch.hpp"

using namespace orrery;
using fuzz::ScheduleInput;
using sim::Ask;
using sim::Selection;

namespace {

using Bytes = std::vector<uint8_t>;

const scenarios::Scenario& scenario() { return *scenarios::find_scenario("snapshot-full-cache"); }

// Bytes without any sense, of any length up to 300.
Bytes noise(uint64_t seed) {
  Bytes bytes(sim::below(sim::mix(seed, 1), 300));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(sim::mix(seed, 2, i));
  return bytes;
}

Bytes grown(uint64_t seed, int mutations) {
  Bytes bytes;
  for (int i = 0; i < mutations; ++i) {
    bytes = fuzz::mutated(bytes, ScheduleInput::kSizeMax, sim::mix(seed, static_cast<uint64_t>(i)));
  }
  return bytes;
}

struct Outcome {
  uint64_t digest = 0;
  std::string signature;
  size_t taken = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome outcome_of(const scenarios::Run& run) {
  return {run.digest, run.finding ? run.finding->signature : "", run.taken().size()};
}

}  // namespace

TEST_CASE("a survey is the calm run, and lists what it asks", "[schedule]") {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    scenarios::Runner runner;
    scenarios::Plan plan = scenarios::plan_of_seed(scenario(), seed);
    plan.sizes.set("operations", 40);
    plan.seed.reset();
    const uint64_t calm = runner.play(plan).digest;
    sim::Survey survey;
    const scenarios::Run& run = runner.play(plan, survey);
    REQUIRE(run.digest == calm);
    REQUIRE(run.taken().empty());
    REQUIRE(survey.places()[Ask::latency].size() == run.trace->requests.size());
    REQUIRE(survey.places()[Ask::preempt].size() * sim::Places::kStretch >= run.points);
  }
}

TEST_CASE("every input means a run, the same again, and its tape the same once more",
          "[schedule]") {
  fuzz::Changes changes;
  changes.bugs = {"garnet-385"};
  fuzz::SchedulePlayer player(scenario(), changes);
  REQUIRE(player.wrong().empty());
  size_t with_deviations = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const Bytes bytes = seed % 2 == 0 ? noise(seed) : grown(seed, 12);
    const scenarios::Run& run = player.play(bytes);
    const Outcome first = outcome_of(run);
    const sim::Tape tape = scenarios::tape_of(run);
    with_deviations += first.taken > 0;
    REQUIRE(tape.seed == std::nullopt);
    REQUIRE(outcome_of(player.play(bytes)) == first);
    scenarios::Plan plan;
    REQUIRE(scenarios::plan_of_tape(tape, plan).empty());
    // One world a process: the player's own one is the wrong one to replay in.
    REQUIRE(plan.deviations.size() == first.taken);
  }
  REQUIRE(with_deviations > 20);
}

TEST_CASE("what an input's run took replays to its digest", "[schedule]") {
  std::vector<std::pair<sim::Tape, Outcome>> tapes;
  {
    fuzz::Changes changes;
    changes.bugs = {"garnet-385"};
    fuzz::SchedulePlayer player(scenario(), changes);
    for (uint64_t seed = 0; seed < 40; ++seed) {
      const scenarios::Run& run = player.play(grown(seed, 16));
      tapes.emplace_back(scenarios::tape_of(run), outcome_of(run));
    }
  }
  scenarios::Runner runner;
  for (const auto& [tape, outcome] : tapes) {
    scenarios::Plan plan;
    REQUIRE(scenarios::plan_of_tape(tape, plan).empty());
    REQUIRE(outcome_of(runner.play(plan)) == outcome);
  }
}

TEST_CASE("an input is known by its bytes; what is missing is zero", "[schedule]") {
  const ScheduleInput none = ScheduleInput::read({});
  REQUIRE(none.seed == 0);
  REQUIRE(none.selections.empty());
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Bytes bytes = noise(seed);
    const ScheduleInput input = ScheduleInput::read(bytes);
    const Bytes again = input.bytes();
    REQUIRE(again.size() <= ScheduleInput::kSizeMax);
    REQUIRE(ScheduleInput::read(again).bytes() == again);
    REQUIRE(std::equal(
        again.begin(),
        again.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), again.size())),
        bytes.begin()));
  }
}

TEST_CASE("sizes that were given hold for every input", "[schedule]") {
  fuzz::Changes changes;
  changes.sizes = {{"operations", 30}, {"page_bits", 8}};
  {
    const fuzz::SchedulePlayer player(scenario(), changes);
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const scenarios::Plan plan = player.plan_of(ScheduleInput::read(noise(seed)));
      REQUIRE(plan.sizes["operations"] == 30);
      REQUIRE(plan.sizes["page_bits"] == 8);
      REQUIRE(scenarios::unfit(plan).empty());
    }
  }
  changes.sizes = {{"page_bits", 99}};
  const fuzz::SchedulePlayer refused(scenario(), changes);
  REQUIRE_FALSE(refused.wrong().empty());
}
