// SPDX-License-Identifier: Apache-2.0
#include "fuzz/seeds_player.hpp"

#include "engine/base/check.hpp"

namespace orrery::fuzz {
namespace {

class SeedsPlayer final : public Player {
 public:
  explicit SeedsPlayer(const SeedsOrder& order) : order_(order) {}

  reports::RunRow play(uint64_t index) override {
    const uint64_t seed = run_seed(order_.campaign_seed, *order_.scenario, index);
    const std::string wrong = plan_for(*order_.scenario, seed, order_.changes, plan_);
    if (!wrong.empty()) {
      // The sizes that were given fit those of other seeds and none that this one draws.
      reports::RunRow row;
      row.seed = seed;
      row.verdict = scenarios::Verdict::inconclusive;
      row.signature.format("not run: {}", wrong);
      return row;
    }
    plan_.guarded = order_.guarded_every > 0 && index % order_.guarded_every == 0;
    plan_.mirrored = false;
    reports::RunRow row = reports::row_of(runner_.play(plan_));
    const bool sampled = order_.checked_every > 0 && index % order_.checked_every == 0;
    // A failing run is played again in a fresh process before anybody hears of it, and after a
    // promise was broken nothing is promised.
    if (sampled && row.verdict != scenarios::Verdict::failed) play_again(row);
    return row;
  }

 private:
  // With its memory laid out the other way round, and after another run than the first time: what
  // depends on an address, or was left behind by the run before, shows.
  void play_again(reports::RunRow& row) {
    plan_.mirrored = true;
    const reports::RunRow again = reports::row_of(runner_.play(plan_));
    const bool same = again.digest == row.digest && again.steps == row.steps &&
                      again.verdict == row.verdict &&
                      again.signature.view() == row.signature.view();
    row.rerun = same ? reports::Rerun::identical : reports::Rerun::differs;
    row.rerun_digest = again.digest;
  }

  const SeedsOrder order_;
  scenarios::Runner runner_;
  scenarios::Plan plan_;
};

}  // namespace

std::unique_ptr<Player> make_seeds_player(const SeedsOrder& order) {
  CHECK(order.scenario != nullptr, "a campaign without a scenario");
  return std::make_unique<SeedsPlayer>(order);
}

}  // namespace orrery::fuzz
