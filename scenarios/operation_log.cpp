// SPDX-License-Identifier: Apache-2.0
// Write, log, commit, take checkpoints of every kind, be emptied, die, recover, again. The play is
// in lives_load.hpp.
//
// Clients commit after each operation, after some, or never; a crash comes at any step, also while
// the log is replayed. What is there afterwards must be what the log says up to one place, and no
// operation that a commit has covered may be behind it.
#include <algorithm>

#include "scenarios/catalogue.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

class OperationLogScenario final : public LivesScenario {
 public:
  const char* name() const override { return "operation-log"; }
  const char* sentence() const override {
    return "a store logs what is done, dies at any step, and does it again";
  }
  std::span<const SizeRow> sizes() const override { return kLoggingLivesSizes; }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x0B10);
    draw_lives(draw, sizes);
    sizes.set("copy_reads", draw.odds(1, 3) ? draw.between(1, 2) : 0);
    sizes.set("kept", draw.odds(1, 4) ? 0 : draw.between(1, 3));
    sizes.set("crash_steps", draw.log_uniform(10, 16));
    draw_log(draw, sizes);
    sizes.set("resets", draw.odds(2, 3) ? 0 : draw.between(1, 3));
    if (draw.odds(1, 4)) make_tight(draw, sizes);
  }

 private:
  // Hardly any room in the log, and few keys whose values change their size: what an attempt had
  // allocated serves the next, and the next.
  static void make_tight(Draw& draw, Sizes& sizes) {
    sizes.set("log_page_bits", 8);
    sizes.set("log_ring_bits", 1);
    sizes.set("keys", draw.between(2, 4));
    sizes.set("sessions", 4);
    sizes.set("value_max", draw.between(70, 100));
  }
};

}  // namespace

const Scenario& operation_log() {
  static constexpr OperationLogScenario scenario;
  return scenario;
}

}  // namespace orrery::scenarios
