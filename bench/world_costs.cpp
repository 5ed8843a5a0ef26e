// SPDX-License-Identifier: Apache-2.0
// What a world costs beside its points: a fault caught, and the reset between two runs.
#include "bench/player.hpp"
#include "bench/stopwatch.hpp"
#include "scenarios/run.hpp"

namespace orrery::bench {
namespace {

volatile uintptr_t bad_address = 64;  // not to be seen by the compiler

/// Time in begin() and in all, over some runs of the founding scenario, oracles left out.
struct Parts {
  double begin_ns = 0;
  double all_ns = 0;
  int runs = 100;
};
Parts measure_parts() {
  const scenarios::Scenario& scenario = *scenarios::find_scenario("snapshot-full-cache");
  const engine::Bugs bugs;
  sim::World world;
  scenarios::History history;
  Parts parts;
  for (int i = -1; i < parts.runs; ++i) {
    const auto seed = static_cast<uint64_t>(i + 1);
    const scenarios::Plan plan = scenarios::plan_of_seed(scenario, seed);
    sim::Seeded source(seed, sim::Temper::drawn_from(seed));
    history.clear();
    const Stopwatch all;
    const Stopwatch begin;
    // What the run before has touched is what this clears.
    world.begin(source, scenario.laws(plan.sizes), {});
    const double begin_ns = begin.ns();
    scenarios::Stage stage{world.runtime(), plan.sizes, bugs, history, world.scheduler()};
    run(world, [&] { scenario.play(stage); });
    CHECK(world.scheduler().failure() == nullptr, "a measured run failed, seed {}", seed);
    if (i < 0) continue;
    parts.begin_ns += begin_ns;
    parts.all_ns += all.ns();
  }
  return parts;
}

}  // namespace

double violation_caught() {
  constexpr int kFaults = 2'000;
  sim::World world;
  sim::Calm calm;
  double ns[2] = {};
  for (int i = 0; i < 2 * kFaults; ++i) {
    const bool faults = i % 2 == 0;
    world.begin(calm, {}, {});
    const Stopwatch stopwatch;
    run(world, [&] {
      if (faults) *reinterpret_cast<volatile int*>(bad_address) = 1;
    });
    ns[i % 2] += stopwatch.ns();
    CHECK((world.scheduler().failure() != nullptr) == faults, "run {} ended otherwise", i);
  }
  return (ns[0] - ns[1]) / kFaults / 1'000;
}

double begin_in_place() {
  const Parts parts = measure_parts();
  return parts.begin_ns / parts.runs / 1'000;
}

double begin_share() {
  const Parts parts = measure_parts();
  return 100 * parts.begin_ns / parts.all_ns;
}

}  // namespace orrery::bench
