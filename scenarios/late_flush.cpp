// SPDX-License-Identifier: Apache-2.0
// Few frames, a late completion (engine-spec 10.8, R2). The ring has four pages; while the first
// page of a snapshot is on its way to the device, page-sized records turn the ring many times over.
// When its completion comes at last, safe_ro has left it far behind.
#include <algorithm>

#include "engine/runtime/sync.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/store_stage.hpp"

namespace orrery::scenarios {
namespace {

// A header, a key of 8 bytes with its length, and the length of the value.
constexpr int64_t kRecordOverhead = 8 + 16 + 4;

struct Shared {
  Stage& stage;
  engine::Store& store;
  engine::Semaphore ready;
};

void run_snapshot(void* argument) {
  Shared& shared = *static_cast<Shared*>(argument);
  shared.ready.acquire();
  const engine::Actor actor({"checkpoint", 0});
  (void)take_checkpoint(shared.stage, shared.store);
}

class LateFlush final : public Scenario {
  static constexpr auto kSizes = with_store_sizes(std::to_array<SizeRow>({
      {"before", 1, 1000, 5, "records written before the snapshot starts"},
      {"appends", 1, 10'000, 80, "records written while it goes on"},
  }));

 public:
  const char* name() const override { return "late-flush"; }
  const char* sentence() const override {
    return "four frames, page-sized records, one snapshot whose completions may come late";
  }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }
  std::string unfit(const Sizes& sizes) const override {
    if (sizes["page_bits"] < 7 || sizes["page_bits"] > 11) {
      return "page_bits goes from 7 to 11 in this scenario";
    }
    return unfit_store(sizes);
  }
  sim::Laws laws(const Sizes& sizes) const override { return store_laws(sizes); }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x1A7E);
    set_calm_store(sizes);
    sizes.set("page_bits", 9);
    sizes.set("ring_bits", 2);
    sizes.set("index_bits", 4);
    sizes.set("null_main", draw.odds(3, 4) ? 1 : 0);
    sizes.set("keep_frames", draw.between(0, 1));
    sizes.set("barrier", draw.between(0, 1));
    sizes.set("throttle_ms", draw.between(-1, 0));
    sizes.set("io_points", draw.log_uniform(6, 10));
    sizes.set("width_bits", 16);  // 128 pages of 512 bytes are 2^16, as 128 of 32 MiB are 2^32
    sizes.set("script", static_cast<int64_t>(draw.word() >> 2));
    sizes.set("before", draw.between(2, 8));
    sizes.set("appends", draw.between(100, 200));
  }

  void play(Stage& stage) const override {
    auto opened = engine::Store::open(stage.runtime, store_options(stage.sizes), stage.bugs);
    if (!ledger::succeeded(ledger::Call::open, opened)) return;
    engine::Owned<engine::Store> store = std::move(opened).value();
    Shared shared{stage, *store, engine::Semaphore(stage.runtime.tasks)};
    const auto snapshot = stage.runtime.tasks.spawn({"admin", 0}, &run_snapshot, &shared);
    if (auto started = store->start_session(Client::options_for(0));
        ledger::succeeded(ledger::Call::start_session, started)) {
      const engine::Owned<engine::Session> session = std::move(started).value();
      append(stage, shared, *session);
      shared.ready.release();
      session->close();
    } else {
      shared.ready.release();
    }
    if (snapshot) stage.runtime.tasks.join(*snapshot);
    store->close();
  }

 private:
  static void append(Stage& stage, Shared& shared, engine::Session& session) {
    Client client(stage, session, 0);
    const int64_t page = int64_t{1} << stage.sizes["page_bits"];
    const int64_t before = stage.sizes["before"];
    const int64_t all = before + stage.sizes["appends"];
    for (int64_t n = 0; n < all; ++n) {
      if (n == before) shared.ready.release();
      // Keys have lengths of their own; the record is at most a page, page 0 has 64 bytes less.
      const int64_t size = page - kRecordOverhead - 8 - (n == 0 ? 64 : 0);
      client.upsert(static_cast<uint64_t>(n), static_cast<size_t>(size));
    }
  }
};

}  // namespace

const Scenario& late_flush() {
  static constexpr LateFlush scenario;
  return scenario;
}

}  // namespace orrery::scenarios
