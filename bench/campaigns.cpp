// SPDX-License-Identifier: Apache-2.0
// What a campaign costs and finds: points a second of the founding scenario, seeds until Garnet 385
// is found in it, and what is left of the failure after a shrink.
#include <algorithm>
#include <memory>
#include <vector>

#include "bench/stopwatch.hpp"
#include "fuzz/changes.hpp"
#include "fuzz/shrink.hpp"
#include "scenarios/run.hpp"

namespace orrery::bench {
namespace {

using scenarios::Plan;
using scenarios::Run;
using scenarios::Runner;
using scenarios::Verdict;

constexpr uint64_t kCampaigns = 20;
constexpr uint64_t kSeedsMax = 4'000;

const scenarios::Scenario& scenario() { return *scenarios::find_scenario("snapshot-full-cache"); }

/// Millions of points a second of CPU time, worlds begun and judged included.
double points_per_second(bool guarded) {
  Runner runner;
  uint64_t points = 0;
  runner.play(scenarios::plan_of_seed(scenario(), 1));  // maps its memory
  const Stopwatch stopwatch;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Plan plan = scenarios::plan_of_seed(scenario(), seed);
    plan.guarded = guarded;
    points += runner.play(plan).points;
  }
  return static_cast<double>(points) * 1e3 / stopwatch.ns();
}

/// The first failing plan of each campaign, replayable, and how many seeds it took.
struct Hunts {
  std::vector<uint64_t> seeds;
  std::vector<Plan> plans;
};

Hunts hunt() {
  Runner runner;
  Hunts hunts;
  for (uint64_t campaign = 1; campaign <= kCampaigns; ++campaign) {
    for (uint64_t k = 0; k < kSeedsMax; ++k) {
      Plan plan = scenarios::plan_of_seed(scenario(), fuzz::run_seed(campaign, scenario(), k));
      plan.bugs.emplace_back("garnet-385");
      const Run& run = runner.play(plan);
      if (run.verdict != Verdict::failed && k + 1 < kSeedsMax) continue;
      hunts.seeds.push_back(k + 1);
      Plan replay;
      CHECK(scenarios::plan_of_tape(scenarios::tape_of(run), replay).empty(), "no tape of a run");
      hunts.plans.push_back(std::move(replay));
      break;
    }
  }
  return hunts;
}

/// The hunts are the same in every sample.
const Hunts& hunts() {
  static const Hunts kHunts = hunt();
  return kHunts;
}

template <typename Value>
double median(std::vector<Value> values) {
  std::sort(values.begin(), values.end());
  return static_cast<double>(values[values.size() / 2]);
}

struct Shrunk {
  std::vector<size_t> deviations;
  std::vector<double> seconds;
};

const Shrunk& shrunk() {
  const auto all = [] {
    Runner runner;
    Shrunk result;
    for (const Plan& plan : hunts().plans) {
      const Stopwatch stopwatch;
      const fuzz::Shrunk one = fuzz::shrink(
          plan, [&](const Plan& tried) -> const Run& { return runner.play(tried); }, {});
      result.seconds.push_back(stopwatch.ns() / 1e9);
      result.deviations.push_back(one.plan.deviations.size());
    }
    return result;
  };
  static const Shrunk kShrunk = all();
  return kShrunk;
}

}  // namespace

double campaign_points() { return points_per_second(false); }
double campaign_points_guarded() { return points_per_second(true); }
double seeds_to_385() { return median(hunts().seeds); }
double seeds_to_385_worst() {
  return static_cast<double>(*std::max_element(hunts().seeds.begin(), hunts().seeds.end()));
}
double shrunk_385() { return median(shrunk().deviations); }
double shrunk_385_seconds() { return median(shrunk().seconds); }

}  // namespace orrery::bench
