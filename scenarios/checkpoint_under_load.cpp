// SPDX-License-Identifier: Apache-2.0
// Checkpoints of every kind, one after the other, while many sessions turn the ring: full ones, of
// the log alone and of the index alone, snapshots and fold-overs, with older ones removed behind
// them.
#include "scenarios/catalogue.hpp"
#include "scenarios/snapshot_load.hpp"

namespace orrery::scenarios {
namespace {

class CheckpointUnderLoad final : public Scenario {
  static constexpr auto kSizes = with_store_sizes(kLoadSizes);
  static constexpr std::array kFaults{"io-error", "short-transfer", "alloc-failure", "name-error"};

 public:
  const char* name() const override { return "checkpoint-under-load"; }
  const char* sentence() const override {
    return "checkpoints of every kind, one after the other, while many sessions work";
  }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  std::span<const char* const> faults() const override { return kFaults; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }
  std::string unfit(const Sizes& sizes) const override { return unfit_store(sizes); }
  sim::Laws laws(const Sizes& sizes) const override { return store_laws(sizes); }
  void play(Stage& stage) const override { play_snapshot_load(stage, mix_of(stage.sizes)); }
  void keep_safe(Sizes& sizes) const override { keep_wide(sizes, read_only_pages(sizes) + 1); }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xC4EC);
    set_calm_load(sizes);
    sizes.set("page_bits", draw.between(8, 10));
    sizes.set("ring_bits", draw.between(2, 4));
    sizes.set("mutable_permille", draw.between(0, 9) * 100);
    sizes.set("index_bits", draw.between(0, 6));
    sizes.set("sector_bits", draw.between(6, 9));
    sizes.set("throttle_ms", draw.between(-1, 0));
    sizes.set("barrier", draw.between(0, 1));
    sizes.set("keep_frames", draw.between(0, 1));
    sizes.set("null_main", draw.odds(1, 5) ? 1 : 0);
    sizes.set("parked_max", draw.between(1, 6));
    sizes.set("io_points", draw.log_uniform(3, 9));
    sizes.set("queue_depth", draw.log_uniform(1, 5));
    sizes.set("script", static_cast<int64_t>(draw.word() >> 2));
    draw_retries(sizes);
    draw_fair_turns(sizes);
    sizes.set("sessions", draw.between(2, 6));
    sizes.set("value_max", draw.between(16, 100));
    sizes.set("operations", draw.between(40, 200));
    sizes.set("keys", draw.log_uniform(2, 7));
    sizes.set("snapshots", draw.between(3, 12));
    sizes.set("flushes", draw.odds(1, 2) ? 0 : draw.between(1, 6));
    sizes.set("bursts", draw.between(0, 1));
    sizes.set("kept", draw.between(0, 3));
    sizes.set("shifts", draw.odds(1, 2) ? 0 : draw.between(1, 6));
    sizes.set("fold_permille", draw.between(0, 4) * 250);
    sizes.set("index_permille", draw.between(0, 4) * 250);
    sizes.set("width_bits", kWidthMin);
    keep_safe(sizes);
  }
};

}  // namespace

const Scenario& checkpoint_under_load() {
  static constexpr CheckpointUnderLoad scenario;
  return scenario;
}

}  // namespace orrery::scenarios
