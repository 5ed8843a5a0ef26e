// SPDX-License-Identifier: Apache-2.0
// The founding scenario: several sessions write into a full ring while snapshots are taken.
//
// The log turns several times over, so pages are evicted, flushed and used again all through each
// snapshot. The integer of garnet-385 is as narrow as the sizes allow while a cache at rest is
// still safe in it, with a turn of the ring to spare: the bug needs a late completion to show.
#include <algorithm>

#include "scenarios/catalogue.hpp"
#include "scenarios/snapshot_load.hpp"

namespace orrery::scenarios {
namespace {

// In the mean, in bytes.
int64_t record_of(const Sizes& sizes) { return 36 + sizes["value_max"] / 2; }

class SnapshotFullCache final : public Scenario {
  static constexpr auto kSizes = with_store_sizes(kLoadSizes);
  static constexpr std::array kFaults{"io-error", "short-transfer", "alloc-failure", "name-error"};

 public:
  const char* name() const override { return "snapshot-full-cache"; }
  const char* sentence() const override {
    return "sessions write into a full ring while snapshots are taken";
  }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  std::span<const char* const> faults() const override { return kFaults; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }
  std::string unfit(const Sizes& sizes) const override { return unfit_store(sizes); }
  sim::Laws laws(const Sizes& sizes) const override { return store_laws(sizes); }
  void play(Stage& stage) const override { play_snapshot_load(stage, mix_of(stage.sizes)); }
  void keep_safe(Sizes& sizes) const override {
    // A turn of the ring, and what the log gains in one nominal request: an append costs 40 points.
    const int64_t turn = int64_t{1} << sizes["ring_bits"];
    const int64_t meanwhile = (sizes["io_points"] * record_of(sizes) / 40) >> sizes["page_bits"];
    keep_wide(sizes, read_only_pages(sizes) + turn + meanwhile);
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x5157);
    set_calm_load(sizes);
    sizes.set("page_bits", draw.between(8, 9));
    sizes.set("ring_bits", draw.between(3, 4));
    const int64_t slots = int64_t{1} << sizes["ring_bits"];
    sizes.set("empty_pages", draw.odds(1, 2) ? 0 : draw.between(0, slots / 2));
    constexpr std::array<int64_t, 5> kMutable{900, 900, 500, 100, 0};
    sizes.set("mutable_permille", kMutable[static_cast<size_t>(draw.between(0, 4))]);
    sizes.set("index_bits", draw.between(2, 6));
    sizes.set("sector_bits", draw.between(6, 9));
    constexpr std::array<int64_t, 4> kThrottle{0, 0, -1, -1};
    sizes.set("throttle_ms", kThrottle[static_cast<size_t>(draw.between(0, 3))]);
    sizes.set("barrier", draw.between(0, 1));
    sizes.set("keep_frames", draw.between(0, 1));
    sizes.set("null_main", draw.between(0, 1));
    sizes.set("parked_max", draw.between(1, 6));
    sizes.set("io_points", draw.log_uniform(4, 12));
    sizes.set("queue_depth", draw.log_uniform(1, 5));
    sizes.set("script", static_cast<int64_t>(draw.word() >> 2));
    draw_retries(sizes);
    draw_fair_turns(sizes);
    sizes.set("sessions", draw.between(2, 6));
    sizes.set("value_max",
              draw.between(16, std::min<int64_t>(160, 32 << (sizes["page_bits"] - 8))));
    // Enough for several turns of the ring: most upserts append, the rest happens in place.
    const int64_t turns = draw.between(5, 8);
    const int64_t appends = (turns * slots << sizes["page_bits"]) / record_of(sizes);
    const int64_t all = std::clamp<int64_t>(appends * 3 / 2, 600, 4000);
    sizes.set("operations", std::max<int64_t>(1, all / sizes["sessions"]));
    sizes.set("keys", draw.log_uniform(4, 8));
    sizes.set("snapshots", draw.between(1, 2));
    sizes.set("flushes", draw.odds(2, 3) ? 0 : draw.between(1, 8));
    sizes.set("width_bits", kWidthMin);
    keep_safe(sizes);
  }
};

}  // namespace

const Scenario& snapshot_full_cache() {
  static constexpr SnapshotFullCache scenario;
  return scenario;
}

}  // namespace orrery::scenarios
