// SPDX-License-Identifier: Apache-2.0
// Checkpoints without a file of their own: all of the log goes to the main device, where records of
// the next version lie among those of the checkpoint, and the page at its end is written again.
#include "scenarios/catalogue.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

class FoldOver final : public LivesScenario {
 public:
  const char* name() const override { return "fold-over"; }
  const char* sentence() const override {
    return "every checkpoint folds over to the main log, and the store dies at any step";
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xF01D);
    draw_lives(draw, sizes);
    sizes.set("fold_permille", 1000);
    sizes.set("snapshots", draw.between(2, 6));
    sizes.set("flushes", draw.between(0, 6));
    sizes.set("index_permille", draw.between(0, 4) * 250);
    if (draw.odds(1, 4)) die_often(draw, sizes);
  }

 private:
  // Recoveries from a checkpoint with its index, and again from the same one.
  static void die_often(Draw& draw, Sizes& sizes) {
    sizes.set("ring_bits", 2);
    sizes.set("sector_bits", 9);
    sizes.set("snapshots", draw.between(2, 4));
    sizes.set("crashes", draw.between(12, 16));
    sizes.set("crash_steps", draw.between(8000, 12'000));
    sizes.set("index_permille", draw.between(500, 700));
  }
};

}  // namespace

const Scenario& fold_over() {
  static constexpr FoldOver scenario;
  return scenario;
}

}  // namespace orrery::scenarios
