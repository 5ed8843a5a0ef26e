// SPDX-License-Identifier: Apache-2.0
// Reads that copy what they found to the tail: from the device, when their record has left memory,
// and from pages that can no longer be updated in place. Copies race with updates, with other
// copies, with checkpoints and with crashes, and must change nothing that anybody can see.
#include "scenarios/catalogue.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

class CopyReads final : public LivesScenario {
 public:
  const char* name() const override { return "copy-reads"; }
  const char* sentence() const override {
    return "reads copy what they find on the device to the tail, while others write and the store "
           "dies";
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xC09F);
    draw_lives(draw, sizes);
    sizes.set("copy_reads", draw.between(1, 2));
    sizes.set("ring_bits", draw.between(1, 3));
    sizes.set("mutable_permille", draw.between(0, 5) * 100);
    sizes.set("sessions", draw.between(2, 5));
    sizes.set("keys", draw.log_uniform(3, 6));
    sizes.set("crashes", draw.between(0, 2));
    if (draw.odds(1, 3)) {
      give_up_often(draw, sizes);
    } else if (draw.odds(1, 8)) {
      copy_in_a_cache(draw, sizes);
    }
  }

 protected:
  // A few keys that many read while what they read is given up: nobody may bring it back.
  static void give_up_often(Draw& draw, Sizes& sizes) {
    sizes.set("shifts", draw.between(60, 120));
    sizes.set("copy_reads", 2);
    sizes.set("page_bits", 8);
    sizes.set("ring_bits", 1);
    sizes.set("io_points", draw.log_uniform(3, 5));
    sizes.set("sessions", draw.between(6, 8));
    sizes.set("keys", draw.between(4, 8));
    sizes.set("snapshots", draw.between(0, 1));
    sizes.set("crashes", draw.odds(1, 4) ? 1 : 0);
  }

  // Most of what is read is about to be lost, and nobody may bring back what another has missed.
  static void copy_in_a_cache(Draw& draw, Sizes& sizes) {
    sizes.set("null_main", 1);
    sizes.set("fold_permille", 0);
    sizes.set("copy_reads", 2);
    sizes.set("page_bits", 8);
    sizes.set("ring_bits", 1);
    sizes.set("mutable_permille", 0);
    sizes.set("sessions", draw.between(6, 8));
    sizes.set("keys", draw.between(4, 8));
    sizes.set("crashes", draw.odds(1, 4) ? 1 : 0);
  }

  Mix mix(const Sizes& sizes) const override {
    Mix mix = mix_of(sizes);
    mix.upserts = 20;
    mix.adds = 15;
    mix.erases = 5;
    return mix;
  }
};

}  // namespace

const Scenario& copy_reads() {
  static constexpr CopyReads scenario;
  return scenario;
}

}  // namespace orrery::scenarios
