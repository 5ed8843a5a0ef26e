// SPDX-License-Identifier: Apache-2.0
// Write, take checkpoints of every kind, die, recover, again. The play is in lives_load.hpp.
#include "scenarios/catalogue.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

class CrashLoop final : public LivesScenario {
 public:
  const char* name() const override { return "crash-loop"; }
  const char* sentence() const override {
    return "the store dies at any step, recovers, and goes on";
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xC4A5);
    draw_lives(draw, sizes);
    sizes.set("crashes", draw.between(1, 6));
    if (draw.odds(1, 4)) go_back_often(draw, sizes);
    draw_cache(draw, sizes);
  }

 private:
  // To checkpoints that need what the newer ones have given up.
  static void go_back_often(Draw& draw, Sizes& sizes) {
    sizes.set("kept", draw.between(2, 3));
    sizes.set("shifts", draw.between(6, 12));
    sizes.set("snapshots", draw.between(6, 8));
    sizes.set("back_permille", 1000);
  }
};

}  // namespace

const Scenario& crash_loop() {
  static constexpr CrashLoop scenario;
  return scenario;
}

}  // namespace orrery::scenarios
