// SPDX-License-Identifier: Apache-2.0
// Recovery into other sizes (engine-spec 6.6, R6): the ring, the index and the share of mutable
// pages differ from life to life, so that pages of a snapshot must leave for the main device and
// chains of the index are cut or joined. What may not differ is the size of a sector: now and then
// somebody comes with another one, and has to be refused.
#include "engine/base/check.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

class RecoverSmaller final : public LivesScenario {
  static constexpr auto kSizes = with_load_sizes(
      joined(kCrashSizes, std::to_array<SizeRow>({
                              {"strangers_permille", 0, 1000, 0,
                               "share of the lives at whose beginning other sectors are tried"},
                          })));

 public:
  const char* name() const override { return "recover-smaller"; }
  const char* sentence() const override {
    return "each life of the store has less or more memory than the one before";
  }
  std::span<const SizeRow> sizes() const override { return kSizes; }

 private:
  void prepare(Stage& stage) const override {
    Draw draw(sim::mix(static_cast<uint64_t>(stage.sizes["script"]), 0x57A6), stage.life);
    if (draw.between(0, 999) >= stage.sizes["strangers_permille"]) return;
    engine::StoreOptions options = options_of(stage.sizes, stage.life);
    const uint32_t own = options.sector_size;
    while (options.sector_size == own) options.sector_size = uint32_t{1} << draw.between(6, 9);
    engine::note(ledger::kStrangerAsks, options.sector_size);
    const auto taken = engine::Store::recover(stage.runtime, options, stage.bugs);
    CHECK(!taken, "a store with sectors of {} bytes was recovered with sectors of {}", own,
          options.sector_size);
    ledger::note_failure(ledger::Call::recover, taken.error().code);
    engine::note(ledger::kStrangerAsks);
  }

  engine::StoreOptions options_of(const Sizes& sizes, uint32_t life) const override {
    engine::StoreOptions options = LivesScenario::options_of(sizes, life);
    if (life == 0) return options;
    Draw draw(sim::mix(static_cast<uint64_t>(sizes["script"]), 0x0711), life);
    options.memory_bits = options.page_bits + static_cast<uint32_t>(draw.between(1, 4));
    options.mutable_permille = static_cast<uint32_t>(draw.between(0, 9) * 100);
    if (draw.odds(1, 2)) options.index_bits = static_cast<uint32_t>(draw.between(0, 6));
    if (draw.odds(1, 2)) options.tag_bits = static_cast<uint32_t>(draw.between(0, 3));
    const int64_t slots = int64_t{1} << (options.memory_bits - options.page_bits);
    if (draw.odds(1, 3)) options.empty_pages = static_cast<uint32_t>(draw.between(0, slots - 1));
    return options;
  }

 public:
  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x53A1);
    draw_lives(draw, sizes);
    sizes.set("ring_bits", draw.between(3, 5));
    sizes.set("mutable_permille", draw.odds(1, 2) ? 900 : 0);
    sizes.set("crashes", draw.between(2, 4));
    sizes.set("snapshots", draw.between(2, 8));
    draw_cache(draw, sizes);
    sizes.set("strangers_permille", Draw(seed, 0x53A2).odds(1, 2) ? 0 : 300);
    if (draw.odds(1, 6)) change_often(draw, sizes);
  }

 private:
  // Many short lives, with indexes of other shapes in the checkpoints of some.
  static void change_often(Draw& draw, Sizes& sizes) {
    sizes.set("null_main", 0);
    sizes.set("ring_bits", 2);
    sizes.set("keys", draw.between(10, 30));
    sizes.set("snapshots", draw.between(2, 4));
    sizes.set("crashes", draw.between(12, 16));
    sizes.set("crash_steps", draw.between(10'000, 20'000));
    sizes.set("names_permille", 0);
    sizes.set("index_permille", draw.between(500, 700));
    sizes.set("fold_permille", 1000);
  }
};

}  // namespace

const Scenario& recover_smaller() {
  static constexpr RecoverSmaller scenario;
  return scenario;
}

}  // namespace orrery::scenarios
