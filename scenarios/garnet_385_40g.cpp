// SPDX-License-Identifier: Apache-2.0
// The founding incident at its genuine size (engine-spec 10.5, recipe R1): 40 GiB of cache in pages
// of 32 MiB, 1280 of them resident, 90 % mutable, no storage tier, a 32-bit width, one record a
// page.
//
// It needs no decision at all: a full cache and one snapshot. With the bug on, the first completion
// walks a foreign page in silence and the second leaves its frame. Frames are sparse, so 40 GiB of
// cache cost a few dozen MiB.
#include <fmt/format.h>

#include <algorithm>

#include "scenarios/catalogue.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/store_stage.hpp"
#include "sim/frames.hpp"

namespace orrery::scenarios {
namespace {

// No other scenario writes enough to hold as much as a world has frames for.
constexpr auto kHeldMax = static_cast<int64_t>(sim::FrameTable::kHeldMax);
constexpr size_t kKeySize = 8;
// A header, the key with its length, and the length of the value.
constexpr size_t kZerosOverhead = 8 + 16 + 4;

class Garnet385At40G final : public Scenario {
  static constexpr auto kSizes = with_store_sizes(std::to_array<SizeRow>({
      {"records", 1, 100'000, 1290, "records of one page each"},
  }));

 public:
  const char* name() const override { return "garnet-385-40g"; }
  const char* sentence() const override {
    return "the genuine sizes of garnet issue 385: a full cache of 40 GiB and one snapshot";
  }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }
  bool is_large() const override { return true; }
  std::string unfit(const Sizes& sizes) const override {
    std::string wrong = unfit_store(sizes);
    if (!wrong.empty()) return wrong;
    const int64_t ring = (int64_t{1} << sizes["ring_bits"]) - sizes["empty_pages"];
    const int64_t held = std::min(sizes["records"], ring + sizes["parked_max"]);
    if (held << sizes["page_bits"] < kHeldMax) return {};
    return fmt::format("{} pages of 2^{} bytes are held at once, and a world has less than {} GiB",
                       held, sizes["page_bits"], kHeldMax >> 30);
  }

  sim::Laws laws(const Sizes& sizes) const override {
    sim::Laws laws = store_laws(sizes);
    laws.guarded = true;  // each frame is a mapping of its own between guard pages
    return laws;
  }

  void draw(uint64_t, Sizes& sizes) const override {
    set_calm_store(sizes);
    sizes.set("page_bits", 25);
    sizes.set("ring_bits", 11);
    sizes.set("empty_pages", 768);
    sizes.set("mutable_permille", 900);
    sizes.set("index_bits", 8);
    sizes.set("width_bits", 32);
    sizes.set("throttle_ms", 0);
    sizes.set("keep_frames", 0);
    sizes.set("null_main", 1);
    sizes.set("records", 1290);
  }

  void play(Stage& stage) const override {
    engine::StoreOptions log = store_options(stage.sizes);
    log.page_checksums = false;  // they would read 40 GiB that nobody has touched
    auto opened = engine::Store::open(stage.runtime, log, stage.bugs);
    if (!ledger::succeeded(ledger::Call::open, opened)) return;
    engine::Owned<engine::Store> store = std::move(opened).value();
    engine::SessionOptions options = Client::options_for(0);
    options.staging_size = 64;  // nobody modifies a value of 32 MiB here
    if (auto started = store->start_session(options);
        ledger::succeeded(ledger::Call::start_session, started)) {
      engine::Owned<engine::Session> session = std::move(started).value();
      fill(stage, *session);
      (void)take_checkpoint(stage, *store);
      session->close();
    }
    store->close();
  }

 private:
  static void fill(Stage& stage, engine::Session& session) {
    const size_t page = size_t{1} << stage.sizes["page_bits"];
    const int64_t records = stage.sizes["records"];
    for (int64_t n = 0; n < records; ++n) {
      std::array<std::byte, kKeySize> room;
      const auto number = static_cast<uint64_t>(n);
      const engine::Actor actor({"upsert", number});
      // Page 0 begins at address 64.
      session.upsert_zeros(key_bytes(number, kKeySize, room),
                           page - kZerosOverhead - (n == 0 ? engine::kFirstValid : 0));
      stage.scheduler.made_progress();
    }
  }
};

}  // namespace

const Scenario& garnet_385_40g() {
  static constexpr Garnet385At40G scenario;
  return scenario;
}

}  // namespace orrery::scenarios
