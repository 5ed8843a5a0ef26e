// SPDX-License-Identifier: Apache-2.0
// The play of the scenarios whose store dies: write, take checkpoints, die, recover, again; the
// process crashes or the power fails at any step, also while the store recovers.
//
// A life begins by recovering the newest checkpoint; a client reads every key back before the
// others begin. What is there must be what that checkpoint captured, and a checkpoint that was
// committed must never be lost.
#pragma once

#include "scenarios/snapshot_load.hpp"

namespace orrery::scenarios {

/// How often the store dies, and when.
inline constexpr auto kCrashSizes = std::to_array<SizeRow>({
    {"crashes", 0, 64, 1, "how often the store dies"},
    {"crash_steps", 1, 10'000'000, 20'000, "a life ends within so many steps"},
    {"power_permille", 0, 1000, 500, "share of the crashes that are losses of power"},
    {"names_permille", 0, 1000, 0, "share that come right after a file was made or removed"},
    {"back_permille", 0, 1000, 0, "share of the recoveries that ask for an older checkpoint"},
});
inline constexpr auto kLogSizes = std::to_array<SizeRow>({
    {"log_operations", 0, 1, 1, "1: every update is logged"},
    {"log_page_bits", 6, 20, 9, "a page of that log is 2^log_page_bits bytes"},
    {"log_ring_bits", 1, 10, 3, "its ring has 2^log_ring_bits pages"},
    {"log_fast_commit", 0, 1, 0, "1: its commits are records among its entries"},
    {"commit_every", 0, 1'000'000, 1, "operations between two commits of a client; 0: none"},
});
inline constexpr auto kLivesSizes = with_load_sizes(kCrashSizes);
inline constexpr auto kLoggingLivesSizes = with_load_sizes(joined(kCrashSizes, kLogSizes));
inline constexpr std::array kLivesFaults{"power-loss",     "torn-write",    "io-error",
                                         "short-transfer", "alloc-failure", "name-error"};

class LivesScenario : public Scenario {
 public:
  std::span<const SizeRow> sizes() const override { return kLivesSizes; }
  std::span<const char* const> faults() const override { return kLivesFaults; }
  bool loses_power() const override { return true; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }
  sim::Laws laws(const Sizes& sizes) const override { return store_laws(sizes); }
  std::string unfit(const Sizes& sizes) const override;
  void keep_safe(Sizes& sizes) const override;
  int64_t pages_kept(const Sizes& sizes, uint32_t life) const override;
  std::optional<Crash> crash(const Sizes& sizes, uint32_t life) const override;
  void play(Stage& stage) const override;

 protected:
  /// What this life's store is opened with. The memory of a log of operations may be of another
  /// size in another life.
  virtual engine::StoreOptions options_of(const Sizes& sizes, uint32_t life) const;
  /// What happens before a life recovers its store.
  virtual void prepare(Stage&) const {}
  /// Ends a life that came to its end.
  virtual void finish(Stage& stage, engine::Store& store) const;
  virtual Mix mix(const Sizes& sizes) const { return mix_of(sizes); }
  /// Draws all sizes as these scenarios like them.
  static void draw_lives(Draw& draw, Sizes& sizes);
  /// Switches on the log of operations.
  static void draw_log(Draw& draw, Sizes& sizes);
  /// Makes a cache of some.
  static void draw_cache(Draw& draw, Sizes& sizes);
  ~LivesScenario() = default;
};

}  // namespace orrery::scenarios
