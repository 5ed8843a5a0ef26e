// SPDX-License-Identifier: Apache-2.0
// Many sessions on few keys: contention on buckets, the fuzzy region, saved allocations, pending
// reads; and a memory that is made smaller and larger under them.
#include <algorithm>

#include "scenarios/catalogue.hpp"
#include "scenarios/snapshot_load.hpp"

namespace orrery::scenarios {
namespace {

constexpr auto kOwnSizes = std::to_array<SizeRow>({
    {"resizes", 0, 1000, 0, "changes of the memory for the log, about so many in a run"},
});

class ManySessions final : public Scenario {
  static constexpr auto kSizes = with_load_sizes(kOwnSizes);
  static constexpr std::array kFaults{"io-error", "short-transfer", "alloc-failure", "name-error"};

 public:
  const char* name() const override { return "many-sessions"; }
  const char* sentence() const override { return "many sessions read and write a few keys"; }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  std::span<const char* const> faults() const override { return kFaults; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }
  std::string unfit(const Sizes& sizes) const override { return unfit_store(sizes); }
  sim::Laws laws(const Sizes& sizes) const override { return store_laws(sizes); }

  void play(Stage& stage) const override {
    Mix mix = mix_of(stage.sizes);
    mix.upserts = 30;
    mix.adds = 30;
    mix.erases = 5;
    play_snapshot_load(stage, mix);
  }
  void keep_safe(Sizes& sizes) const override {
    keep_wide(sizes, read_only_pages(sizes) + (int64_t{1} << sizes["ring_bits"]));
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x5E55);
    set_calm_load(sizes);
    sizes.set("page_bits", draw.between(8, 10));
    sizes.set("ring_bits", draw.between(2, 4));
    const int64_t slots = int64_t{1} << sizes["ring_bits"];
    sizes.set("empty_pages", draw.odds(2, 3) ? 0 : draw.between(0, slots / 2));
    sizes.set("mutable_permille", draw.between(1, 9) * 100);
    sizes.set("index_bits", draw.between(0, 4));
    sizes.set("sector_bits", draw.between(6, 9));
    sizes.set("throttle_ms", draw.between(-1, 0));
    sizes.set("barrier", draw.between(0, 1));
    sizes.set("keep_frames", draw.between(0, 1));
    sizes.set("null_main", draw.odds(1, 3) ? 1 : 0);
    const bool cache = sizes["null_main"] != 0;
    sizes.set("copy_reads", draw.odds(1, 3) ? 0 : !cache && draw.odds(1, 3) ? 1 : 2);
    sizes.set("io_points", draw.log_uniform(4, 10));
    sizes.set("queue_depth", draw.log_uniform(0, 5));
    sizes.set("script", static_cast<int64_t>(draw.word() >> 2));
    draw_retries(sizes);
    draw_fair_turns(sizes);
    sizes.set("sessions", draw.between(4, 8));
    sizes.set("value_max", draw.between(8, 64));
    sizes.set("operations", draw.between(40, 120));
    sizes.set("keys", draw.log_uniform(1, 5));
    sizes.set("snapshots", draw.between(0, 2));
    sizes.set("flushes", draw.between(0, 12));
    sizes.set("shifts", draw.odds(2, 3) ? 0 : draw.between(1, 6));
    sizes.set("resizes", draw.odds(1, 2) ? 0 : draw.between(1, 8));
    if (draw.odds(1, 8)) make_in_step(draw, sizes);
    sizes.set("width_bits", kWidthMin);
    keep_safe(sizes);
  }

 private:
  // All keys in one chain, whose entries are reclaimed as fast as they are made, by turns.
  static void make_in_step(Draw& draw, Sizes& sizes) {
    sizes.set("page_bits", 9);
    sizes.set("ring_bits", 2);
    sizes.set("empty_pages", 0);
    sizes.set("null_main", 1);
    sizes.set("copy_reads", 2);
    sizes.set("index_bits", 0);
    sizes.set("sessions", draw.between(6, 8));
    sizes.set("keys", draw.between(40, 70));
    sizes.set("operations", draw.between(300, 400));
    sizes.set("step_budget", 1000);
  }
};

}  // namespace

const Scenario& many_sessions() {
  static constexpr ManySessions scenario;
  return scenario;
}

}  // namespace orrery::scenarios
