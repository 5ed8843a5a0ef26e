// SPDX-License-Identifier: Apache-2.0
#include "scenarios/lives_load.hpp"

#include <algorithm>

#include "engine/store/operation_log.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/oracles/lives.hpp"

namespace orrery::scenarios {
namespace {

using ledger::succeeded;

constexpr int kRecoverAttempts = 4;  // at what a fault has ended
constexpr int kRecoveries = 16;
// A checkpoint makes up to six files, and syncs and removes names a few times.
constexpr uint64_t kNamesMax = 40;
constexpr uint64_t kStepsAfterNames = 100;

engine::Result<engine::Owned<engine::Store>> begin_life(Stage& stage,
                                                        const engine::StoreOptions& options);
engine::Result<engine::Owned<engine::Store>> open_new(Stage& stage,
                                                      const engine::StoreOptions& options);
engine::Result<engine::Owned<engine::Store>> go_back(Stage& stage,
                                                     const engine::StoreOptions& options);
void read_everything(Stage& stage, engine::Store& store);

}  // namespace

std::string LivesScenario::unfit(const Sizes& sizes) const {
  if (sizes["null_main"] != 0 && sizes["fold_permille"] != 0) {
    return "a cache cannot be folded over: fold_permille must be 0 with null_main";
  }
  if (sizes["null_main"] != 0 && sizes["resets"] != 0) {
    return "nobody could tell what a cache may lose that is emptied: resets must be 0 with "
           "null_main";
  }
  if (sizes.find("log_operations").value_or(0) != 0) {
    if (sizes["null_main"] != 0) return "what a cache loses is no loss: null_main must be 0";
    const size_t entry =
        engine::kLoggedHead + kKeyLongest + static_cast<size_t>(sizes["value_max"]);
    if (engine::entry_size(entry) > int64_t{1} << sizes["log_page_bits"]) {
      return "an entry with the largest value must fit a page of the log";
    }
  }
  return unfit_store(sizes);
}

std::optional<Crash> LivesScenario::crash(const Sizes& sizes, uint32_t life) const {
  if (life >= sizes["crashes"]) return std::nullopt;
  const auto script = static_cast<uint64_t>(sizes["script"]);
  const auto range = static_cast<uint64_t>(sizes["crash_steps"]);
  const auto power = static_cast<uint64_t>(sizes["power_permille"]);
  const auto names = static_cast<uint64_t>(sizes["names_permille"]);
  Crash crash{1 + sim::below(sim::mix(script, 0xDEAD, life), range),
              sim::below(sim::mix(script, 0x9039, life), 1000) < power};
  if (sim::below(sim::mix(script, 0xF11E, life), 1000) >= names) return crash;
  crash.names = 1 + sim::below(sim::mix(script, 0xF11F, life), kNamesMax);
  crash.steps = 1 + sim::below(sim::mix(script, 0xF120, life), kStepsAfterNames);
  return crash;
}

void LivesScenario::play(Stage& stage) const {
  if (stage.life > 0) prepare(stage);
  auto opened = begin_life(stage, options_of(stage.sizes, stage.life));
  if (!opened) return;
  engine::Owned<engine::Store> store = std::move(opened).value();
  if (stage.life > 0) read_everything(stage, *store);
  play_load_on(stage, *store, mix(stage.sizes));
  finish(stage, *store);
}

void LivesScenario::finish(Stage&, engine::Store& store) const { store.close(); }

engine::StoreOptions LivesScenario::options_of(const Sizes& sizes, uint32_t life) const {
  engine::StoreOptions options = store_options(sizes);
  int64_t least = std::max(sizes["page_bits"], sizes["sector_bits"]);
  options.log_operations = sizes.find("log_operations").value_or(0) != 0;
  if (options.log_operations) {
    options.log_page_bits = static_cast<uint32_t>(sizes["log_page_bits"]);
    options.log_memory_bits = options.log_page_bits + static_cast<uint32_t>(sizes["log_ring_bits"]);
    options.log_fast_commit = sizes["log_fast_commit"] != 0;
    if (life % 2 == 1 && options.log_memory_bits < options.log_page_bits + 10) {
      ++options.log_memory_bits;
    }
    least = std::max(least, sizes["log_page_bits"]);
  }
  options.segment_bits = static_cast<uint32_t>(least) + 1;  // what is given up is soon gone
  return options;
}

void LivesScenario::draw_lives(Draw& draw, Sizes& sizes) {
  set_calm_load(sizes);
  sizes.set("page_bits", draw.between(8, 9));
  sizes.set("ring_bits", draw.between(2, 4));
  sizes.set("mutable_permille", draw.between(0, 9) * 100);
  sizes.set("index_bits", draw.between(1, 5));
  sizes.set("sector_bits", draw.between(6, 9));
  sizes.set("throttle_ms", draw.odds(1, 2) ? -1 : 0);
  sizes.set("barrier", draw.between(0, 1));
  sizes.set("keep_frames", draw.between(0, 1));
  sizes.set("null_main", 0);
  sizes.set("parked_max", draw.between(1, 6));
  sizes.set("io_points", draw.log_uniform(3, 9));
  sizes.set("queue_depth", draw.log_uniform(1, 5));
  sizes.set("script", static_cast<int64_t>(draw.word() >> 2));
  draw_retries(sizes);
  draw_fair_turns(sizes);
  sizes.set("sessions", draw.between(1, 4));
  sizes.set("value_max", draw.between(16, 100));
  sizes.set("operations", draw.between(20, 150));
  sizes.set("keys", draw.log_uniform(2, 6));
  sizes.set("snapshots", draw.between(1, 8));
  sizes.set("flushes", draw.odds(2, 3) ? 0 : draw.between(1, 6));
  sizes.set("shifts", draw.odds(2, 3) ? 0 : draw.between(1, 6));
  sizes.set("crashes", draw.between(1, 4));
  sizes.set("crash_steps", draw.log_uniform(11, 16));
  sizes.set("power_permille", draw.odds(1, 3) ? 1000 : 500);
  sizes.set("bursts", draw.between(0, 1));
  sizes.set("kept", draw.odds(1, 2) ? 0 : draw.between(1, 3));
  sizes.set("fold_permille", draw.odds(1, 2) ? 0 : draw.between(0, 4) * 250);
  sizes.set("index_permille", draw.odds(1, 3) ? 0 : draw.between(0, 4) * 250);
  sizes.set("names_permille", draw.between(0, 2) * 500);
  sizes.set("back_permille", draw.odds(1, 2) ? 0 : 500);
  sizes.set("comebacks", draw.odds(1, 2) ? 0 : draw.between(1, 12));
  sizes.set("width_bits", kWidthMin);
  keep_wide(sizes, read_only_pages(sizes) + 1);
}

void LivesScenario::draw_log(Draw& draw, Sizes& sizes) {
  sizes.set("log_operations", 1);
  sizes.set("log_page_bits", draw.between(8, 9));
  sizes.set("log_ring_bits", draw.between(1, 3));
  sizes.set("shifts", 0);
  sizes.set("log_fast_commit", draw.between(0, 1));
  sizes.set("commit_every", draw.odds(1, 4) ? 0 : draw.odds(1, 3) ? 1 : draw.log_uniform(1, 5));
}

void LivesScenario::draw_cache(Draw& draw, Sizes& sizes) {
  if (!draw.odds(1, 5)) return;
  sizes.set("null_main", 1);
  sizes.set("fold_permille", 0);
}

int64_t LivesScenario::pages_kept(const Sizes& sizes, uint32_t life) const {
  const engine::StoreOptions options = options_of(sizes, life);
  const int64_t slots = int64_t{1} << (options.memory_bits - options.page_bits);
  return slots - 1 - static_cast<int64_t>(options.empty_pages);
}

void LivesScenario::keep_safe(Sizes& sizes) const { keep_wide(sizes, read_only_pages(sizes) + 1); }

namespace {

bool is_transient(engine::Errc code) {
  return code == engine::Errc::io || code == engine::Errc::no_memory;
}

engine::Result<engine::Owned<engine::Store>> begin_life(Stage& stage,
                                                        const engine::StoreOptions& options) {
  if (stage.life == 0) return open_new(stage, options);
  auto older = go_back(stage, options);
  if (older) return older;
  for (int attempt = 1;; ++attempt) {
    auto recovered = engine::Store::recover(stage.runtime, options, stage.bugs);
    if (succeeded(ledger::Call::recover, recovered)) return recovered;
    const engine::Errc code = recovered.error().code;
    if (code == engine::Errc::not_found) break;
    if (!is_transient(code) || attempt == kRecoveries) return recovered;
  }
  return open_new(stage, options);
}

engine::Result<engine::Owned<engine::Store>> open_new(Stage& stage,
                                                      const engine::StoreOptions& options) {
  auto opened = engine::Store::open(stage.runtime, options, stage.bugs);
  (void)succeeded(ledger::Call::open, opened);
  return opened;
}

// To one of the versions that there may be, as far as it is still kept.
engine::Result<engine::Owned<engine::Store>> go_back(Stage& stage,
                                                     const engine::StoreOptions& options) {
  const Sizes& sizes = stage.sizes;
  Draw draw(sim::mix(static_cast<uint64_t>(sizes["script"]), 0xBAC4), stage.life);
  const engine::Error no{engine::Errc::not_found, "nobody asks for an older checkpoint"};
  if (draw.between(0, 999) >= sizes["back_permille"]) return no;
  engine::RecoverOptions wanted;
  wanted.version_max = static_cast<uint64_t>(draw.between(1, 2 + 2 * stage.life));
  engine::note(ledger::kGoesBack, static_cast<int64_t>(wanted.version_max));
  for (int attempt = 1;; ++attempt) {
    auto recovered = engine::Store::recover(stage.runtime, options, stage.bugs, wanted);
    if (succeeded(ledger::Call::recover, recovered)) return recovered;
    const engine::Errc code = recovered.error().code;
    if (code == engine::Errc::not_found) {
      engine::note(ledger::kGoesBack, 0);
      return recovered;
    }
    if (is_transient(code) && attempt < kRecoverAttempts) continue;
    engine::note(ledger::kAsksForNewest);
    return recovered;
  }
}

void read_everything(Stage& stage, engine::Store& store) {
  auto started = store.start_session(Client::options_for(kRecoveryReader));
  if (!succeeded(ledger::Call::start_session, started)) return;
  engine::Owned<engine::Session> session = std::move(started).value();
  Client client(stage, *session, kRecoveryReader);
  for (int64_t key = 0; key < stage.sizes["keys"]; ++key) {
    // A fault may end a read, but not for ever.
    for (int i = 0; i < kRecoverAttempts && !client.read(static_cast<uint64_t>(key)); ++i) {
    }
  }
  session->close();
}

}  // namespace
}  // namespace orrery::scenarios
