// SPDX-License-Identifier: Apache-2.0
// A cache is filled, everybody stops, and one snapshot is taken: what is wrong here needs no race.
// The sizes drawn are those in which a cache at rest is safe from garnet-385; `--set width_bits=`
// with a smaller width makes it strike at rest (engine-spec 10.8, R4).
#include <algorithm>

#include "scenarios/catalogue.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/store_stage.hpp"

namespace orrery::scenarios {
namespace {

class SnapshotAtRest final : public Scenario {
  static constexpr auto kSizes = with_store_sizes(std::to_array<SizeRow>({
      {"operations", 1, 1'000'000, 100, "upserts of the one client"},
      {"keys", 1, 1'000'000, 64, "keys that are written"},
      {"value_max", 8, 2048, 64, "the largest value, in bytes"},
  }));

 public:
  const char* name() const override { return "snapshot-at-rest"; }
  const char* sentence() const override { return "one client fills the cache, then a snapshot"; }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }
  std::string unfit(const Sizes& sizes) const override { return unfit_store(sizes); }
  sim::Laws laws(const Sizes& sizes) const override { return store_laws(sizes); }
  void keep_safe(Sizes& sizes) const override {
    // Behind a device the head waits for what is slow to be written, and only the ring is a limit.
    // And a whole page must fit: the right window is as wide as that.
    const int64_t ring = int64_t{1} << sizes["ring_bits"];
    keep_wide(sizes, std::max<int64_t>(2, sizes["null_main"] != 0 ? read_only_pages(sizes) : ring));
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xA7);
    set_calm_store(sizes);
    sizes.set("page_bits", draw.between(8, 10));
    sizes.set("ring_bits", draw.between(2, 5));
    const int64_t slots = int64_t{1} << sizes["ring_bits"];
    sizes.set("empty_pages", draw.odds(1, 2) ? 0 : draw.between(0, slots / 2));
    sizes.set("mutable_permille", draw.between(1, 9) * 100);
    sizes.set("index_bits", draw.between(2, 6));
    sizes.set("sector_bits", draw.between(6, 9));
    sizes.set("throttle_ms", draw.between(-1, 1));
    sizes.set("barrier", draw.between(0, 1));
    sizes.set("keep_frames", draw.between(0, 1));
    sizes.set("null_main", draw.between(0, 1));
    sizes.set("io_points", draw.log_uniform(4, 10));
    sizes.set("script", static_cast<int64_t>(draw.word() >> 2));
    sizes.set("value_max", draw.between(16, 120));
    const int64_t record = 36 + sizes["value_max"] / 2;
    sizes.set("operations", (slots << sizes["page_bits"]) * draw.between(1, 3) / record);
    sizes.set("keys", draw.log_uniform(5, 9));
    sizes.set("width_bits", kWidthMin);
    keep_safe(sizes);
  }

  void play(Stage& stage) const override {
    auto opened = engine::Store::open(stage.runtime, store_options(stage.sizes), stage.bugs);
    if (!ledger::succeeded(ledger::Call::open, opened)) return;
    engine::Owned<engine::Store> store = std::move(opened).value();
    if (auto started = store->start_session(Client::options_for(0));
        ledger::succeeded(ledger::Call::start_session, started)) {
      engine::Owned<engine::Session> session = std::move(started).value();
      fill_and_snapshot(stage, *store, *session);
      session->close();
    }
    store->close();
  }

 private:
  static void fill_and_snapshot(Stage& stage, engine::Store& store, engine::Session& session) {
    Client client(stage, session, 0);
    Mix mix{90, 5, 5, static_cast<uint64_t>(stage.sizes["keys"]),
            static_cast<size_t>(stage.sizes["value_max"])};
    const auto script = static_cast<uint64_t>(stage.sizes["script"]);
    const int64_t operations = stage.sizes["operations"];
    for (int64_t n = 0; n < operations; ++n) {
      do_scripted(client, mix, script, 0, static_cast<uint64_t>(n));
    }
    (void)take_checkpoint(stage, store);
    session.refresh();
    for (uint64_t key = 0; key < std::min<uint64_t>(mix.keys, 16); ++key) client.read(key);
  }
};

}  // namespace

const Scenario& snapshot_at_rest() {
  static constexpr SnapshotAtRest scenario;
  return scenario;
}

}  // namespace orrery::scenarios
