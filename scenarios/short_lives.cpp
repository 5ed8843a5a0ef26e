// SPDX-License-Identifier: Apache-2.0
// Many lives, and each of them short: little is done between two losses of power but to take
// checkpoints, remove them, go back to older ones and empty the store, while requests and names
// fail. What an attempt has left behind meets what the next one makes of it.
#include "scenarios/catalogue.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

class ShortLives final : public LivesScenario {
 public:
  const char* name() const override { return "short-lives"; }
  const char* sentence() const override {
    return "the store dies again soon after each recovery, many times";
  }
  std::span<const SizeRow> sizes() const override { return kLoggingLivesSizes; }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x51F3);
    draw_lives(draw, sizes);
    sizes.set("crashes", draw.between(40, 64));
    sizes.set("crash_steps", draw.between(3000, 8000));
    sizes.set("power_permille", draw.odds(2, 3) ? 1000 : 700);
    sizes.set("names_permille", draw.odds(2, 3) ? 0 : 300);
    sizes.set("operations", draw.between(6, 24));
    sizes.set("sessions", draw.between(1, 3));
    sizes.set("keys", draw.between(2, 8));
    sizes.set("snapshots", draw.between(2, 4));
    sizes.set("kept", draw.between(1, 2));
    sizes.set("comebacks", 0);
    sizes.set("back_permille", draw.odds(1, 2) ? 900 : 200);
    draw_log(draw, sizes);
    sizes.set("log_operations", draw.odds(1, 3) ? 1 : 0);
    const bool emptied = sizes["log_operations"] != 0 || draw.odds(1, 2);
    sizes.set("resets", emptied ? draw.between(2, 4) : 0);
    sizes.set("shifts", emptied ? 0 : draw.between(2, 5));
    if (is_emptied_often(seed)) empty_often(draw, sizes);
  }

  // None of them ends well: the next loss of power is on its way.
  void finish(Stage& stage, engine::Store& store) const override {
    const bool dies = stage.life < stage.sizes["crashes"];
    engine::Atomic<int64_t> step{0};
    while (dies && step.fetch_add(1) < stage.sizes["crash_steps"]) {
    }
    LivesScenario::finish(stage, store);
  }

  // Two failures in one breath are rare, unless failures are not. Where the store is emptied often
  // names do not fail, and each is lost with the power that may be.
  void shape(uint64_t seed, sim::Temper& temper) const override {
    Draw draw(seed, 0x51F4);
    const auto make = [&](sim::Ask ask, int64_t odds) {
      temper.odds[static_cast<size_t>(ask)] = static_cast<uint32_t>(odds);
    };
    if (draw.odds(1, 2)) make(sim::Ask::name, draw.log_uniform(11, 15));
    if (draw.odds(1, 3)) make(sim::Ask::error, draw.log_uniform(11, 14));
    if (!is_emptied_often(seed)) return;
    make(sim::Ask::name, 0);
    make(sim::Ask::power, sim::Temper::kAlways);
  }

 private:
  static bool is_emptied_often(uint64_t seed) { return Draw(seed, 0x51F5).odds(1, 6); }

  // The process dies before the removal of its checkpoints is durable, and then the power is lost
  // under the store that begins where there seems to be none: what was removed is there again.
  static void empty_often(Draw& draw, Sizes& sizes) {
    sizes.set("power_permille", 500);
    sizes.set("names_permille", 0);
    sizes.set("operations", draw.between(6, 16));
    sizes.set("snapshots", draw.between(4, 8));
    sizes.set("log_operations", 0);
    sizes.set("resets", 4);
    sizes.set("shifts", 0);
  }
};

}  // namespace

const Scenario& short_lives() {
  static constexpr ShortLives scenario;
  return scenario;
}

}  // namespace orrery::scenarios
