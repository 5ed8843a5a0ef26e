// SPDX-License-Identifier: Apache-2.0
// A store is emptied while everything else goes on: operations, pending reads, flushes, evictions
// and checkpoints. Nothing of before may come back: not from memory, not from the device, not from
// a request that was under way, and not after a crash.
#include "scenarios/catalogue.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

class ResetWithIo final : public LivesScenario {
 public:
  const char* name() const override { return "reset-with-io"; }
  const char* sentence() const override {
    return "the store is emptied while sessions, flushes and checkpoints are at work";
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x4E5E);
    draw_lives(draw, sizes);
    sizes.set("resets", draw.between(1, 4));
    sizes.set("shifts", 0);
    sizes.set("ring_bits", draw.between(1, 4));
    sizes.set("snapshots", draw.between(0, 4));
    sizes.set("flushes", draw.between(0, 6));
    sizes.set("copy_reads", draw.odds(1, 4) ? 1 : 0);
    sizes.set("crashes", draw.odds(1, 2) ? 0 : draw.between(1, 3));
    if (draw.odds(1, 2)) {
      reset_often(draw, sizes);
    } else if (draw.odds(1, 2)) {
      flush_always(draw, sizes);
    }
  }

 protected:
  // Under many who come in again and again, with much that leaves memory.
  static void reset_often(Draw& draw, Sizes& sizes) {
    sizes.set("resets", draw.between(10, 20));
    sizes.set("sessions", draw.between(6, 8));
    sizes.set("ring_bits", 1);
    sizes.set("mutable_permille", 0);
    sizes.set("flushes", draw.between(40, 100));
    sizes.set("crashes", draw.odds(1, 4) ? 1 : 0);
  }

  // With nobody else who would wake the one that waits for a flush.
  static void flush_always(Draw& draw, Sizes& sizes) {
    sizes.set("resets", draw.between(10, 20));
    sizes.set("sessions", draw.between(1, 2));
    sizes.set("operations", draw.between(20, 40));
    sizes.set("flushes", sizes["sessions"] * sizes["operations"]);
    sizes.set("mutable_permille", 0);
    sizes.set("snapshots", draw.between(0, 1));
    sizes.set("crashes", draw.odds(1, 4) ? 1 : 0);
  }

  Mix mix(const Sizes& sizes) const override {
    Mix mix = mix_of(sizes);
    mix.upserts = 40;
    mix.adds = 20;
    return mix;
  }
};

}  // namespace

const Scenario& reset_with_io() {
  static constexpr ResetWithIo scenario;
  return scenario;
}

}  // namespace orrery::scenarios
