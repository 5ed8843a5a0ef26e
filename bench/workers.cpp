// SPDX-License-Identifier: Apache-2.0
// What a second worker process brings, and what the supervisor costs.
#include <algorithm>
#include <vector>

#include "fuzz/campaign.hpp"
#include "fuzz/seeds_player.hpp"

namespace orrery::bench {
namespace {

constexpr uint64_t kRunsEach = 1200;  // so many that starting two processes weighs little
constexpr uint64_t kSeed = 5;

class Deaf final : public fuzz::Watcher {
 public:
  void on_row(const reports::RunRow&) override {}
  void on_tick(const fuzz::Campaign&, double) override {}
};

fuzz::Campaign play(unsigned workers, uint64_t guarded_every) {
  const scenarios::Scenario& scenario = *scenarios::find_scenario("snapshot-full-cache");
  fuzz::CampaignOrder order;
  order.runs_max = kRunsEach;
  order.workers = workers;
  order.keep_going = true;
  order.player = [&] { return fuzz::make_seeds_player({&scenario, kSeed, {}, guarded_every, 50}); };
  order.seed_of = [&](uint64_t index) { return fuzz::run_seed(kSeed, scenario, index); };
  Deaf deaf;
  return fuzz::run_campaign(order, deaf);
}

// By the clock on the wall: other work on the machine shows.
double wall_of_one_over_two(uint64_t guarded_every) {
  const double one = play(1, guarded_every).wall_s;
  return one / play(2, guarded_every).wall_s;
}

// As a campaign has them.
uint64_t guarded_as_ever() { return fuzz::SeedsOrder{}.guarded_every; }

}  // namespace

double two_workers() { return wall_of_one_over_two(guarded_as_ever()); }
double two_workers_unguarded() { return wall_of_one_over_two(0); }

double two_workers_cpu() {
  const double one = play(1, guarded_as_ever()).cpu_s;
  return play(2, guarded_as_ever()).cpu_s / one;
}

}  // namespace orrery::bench
