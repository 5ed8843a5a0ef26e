// SPDX-License-Identifier: Apache-2.0
// What lives cost: points a second of the slowest scenario whose store dies, and crashes with their
// recoveries a second, of small stores.
#include <algorithm>
#include <string_view>

#include "bench/stopwatch.hpp"
#include "engine/store/events.hpp"
#include "scenarios/run.hpp"

namespace orrery::bench {
namespace {

constexpr std::string_view kScenarios[] = {"checkpoint-under-load",
                                           "crash-loop",
                                           "fold-over",
                                           "recover-smaller",
                                           "copy-reads",
                                           "append-log",
                                           "reset-with-io",
                                           "dispose-with-io",
                                           "operation-log",
                                           "short-lives"};

}  // namespace

/// Millions of points a second of CPU time, worlds begun and judged included.
double slowest_points() {
  double slowest = 0;
  scenarios::Runner runner;
  for (const std::string_view name : kScenarios) {
    const scenarios::Scenario& scenario = *scenarios::find_scenario(name);
    runner.play(scenarios::plan_of_seed(scenario, 1));  // maps its memory
    uint64_t points = 0;
    const Stopwatch stopwatch;
    for (uint64_t seed = 0; seed < 300; ++seed) {
      points += runner.play(scenarios::plan_of_seed(scenario, seed)).points;
    }
    const double speed = static_cast<double>(points) * 1e3 / stopwatch.ns();
    slowest = slowest == 0 ? speed : std::min(slowest, speed);
  }
  return slowest;
}

/// Of a checkpoint: where there is none yet nothing counts. The life between two crashes included.
double recoveries() {
  scenarios::Runner runner;
  const scenarios::Scenario& scenario = *scenarios::find_scenario("crash-loop");
  const auto play = [&](uint64_t seed) {
    scenarios::Plan plan = scenarios::plan_of_seed(scenario, seed);
    plan.sizes.set("crashes", 16);
    plan.sizes.set("keys", 16);
    plan.sizes.set("crash_steps", 5000);
    plan.sizes.set("snapshots", 4);
    plan.sizes.set("operations", 40);
    plan.sizes.set("sessions", 1);
    for (const char* other : {"index_permille", "back_permille", "names_permille"}) {
      plan.sizes.set(other, 0);
    }
    const scenarios::Run& run = runner.play(plan);
    const auto& all = run.trace->events;
    return std::count_if(all.begin(), all.end(), [](const sim::Event& event) {
      const bool from_checkpoint = event.kind == engine::events::kRecoveryEnded && event.c != 0;
      return from_checkpoint && event.a == static_cast<int64_t>(engine::Errc::ok);
    });
  };
  play(1);
  int64_t recovered = 0;
  const Stopwatch stopwatch;
  for (uint64_t seed = 0; seed < 300; ++seed) recovered += play(seed);
  return static_cast<double>(recovered) * 1e9 / stopwatch.ns();
}

}  // namespace orrery::bench
