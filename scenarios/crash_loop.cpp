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
  }
};

constexpr CrashLoop kScenario;

}  // namespace

const Scenario& crash_loop() { return kScenario; }

}  // namespace orrery::scenarios
