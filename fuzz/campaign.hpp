// SPDX-License-Identifier: Apache-2.0
// Many runs: a supervisor, its worker processes, and what is known at the end.
//
// Workers claim runs one after the other; the supervisor hands their rows on in order of the index,
// so what a campaign says does not depend on the number of workers. Three kinds of result are kept
// apart in every count:
//
// - a broken promise: a failing row. A run that takes its worker along is played once more in a
//   fresh one; the same death again is its verdict (oracle `memory`).
// - inconclusive: a row that says so. A run that is not over after `hang_after_ms` is killed and
//   played once more; the same again is inconclusive, because nobody knows what it would have said.
//   (A run that stands still is found earlier, from inside, and broke a promise: standstill.hpp.)
// - a defect of the harness: a worker that died or hung once and not again, gave up by itself,
//   could not be started, or lost its pipe and lived on. The others go on without it.
//
// Whatever happens, every run that was claimed gets its row or its defect. Ctrl-C once lets what is
// in flight finish; twice, all die at once. The supervisor has no threads and no world of its own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/worker.hpp"
#include "reports/run_row.hpp"

namespace orrery::fuzz {

/// As many defects end a campaign.
inline constexpr size_t kDefectsMax = 3;

struct CampaignOrder {
  uint64_t first = 0;  // index of the first run
  uint64_t runs_max = UINT64_MAX;
  int64_t time_max_ms = INT64_MAX;
  unsigned workers = 1;
  bool keep_going = false;         // after the first failing run
  int64_t hang_after_ms = 60'000;  // how long a run may take; half of it standing still
  // No run begins that is so far ahead of the first that is not over: what is ahead waits in
  // memory.
  uint64_t ahead_max = uint64_t{64} << 10;
  MakePlayer player;
  std::function<uint64_t(uint64_t index)> seed_of;  // for a run that took its worker along
  std::array<bool, engine::kBugs.size()> on{};      // for the same: by row of engine::kBugs
};

/// Something that went wrong in the harness itself.
struct Defect {
  uint64_t index = 0;
  std::string text;
};

struct SometimesCount {
  std::string label;
  std::string place;
  uint64_t hits = 0;
};

/// A failure under its name, or a reason for no conclusion: how often, and where first.
struct SignatureCount {
  reports::RunRow first;
  uint64_t count = 0;
  double cpu_s = 0;  // of all runs up to and with the first
};

struct Campaign {
  uint64_t runs = 0;
  uint64_t failed = 0;
  uint64_t inconclusive = 0;
  uint64_t steps = 0;
  uint64_t points = 0;
  uint64_t reruns = 0;  // runs that were played twice
  uint64_t reruns_identical = 0;
  std::vector<SignatureCount> signatures;  // in order of their first run
  std::vector<SignatureCount> reasons;     // why runs were inconclusive, in the same order
  std::array<uint64_t, engine::kBugs.size()> runs_that_reached{};
  std::vector<SometimesCount> sometimes;  // by label
  std::vector<Defect> defects;
  bool interrupted = false;
  bool broke_off = false;  // it ended early by what went wrong in the harness
  bool given_up = false;   // it ended early because nobody would have heard of the rest
  double wall_s = 0;
  uint64_t next = 0;      // the first run that was not played: where to go on
  double cpu_s = 0;       // of all processes
  double runs_cpu_s = 0;  // of the runs alone
};

/// Hears of a campaign while it goes on.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// Before a row is counted, in order of index: whoever learns here that the run was something
  /// else makes it another row. `index` and `seed` stay as they are.
  virtual void settle(reports::RunRow& row) { (void)row; }
  /// In order of index, without gaps but for defects.
  virtual void on_row(const reports::RunRow& row) = 0;
  /// Before on_row() of a run that took its worker along: what the worker said last.
  virtual void on_last_words(const reports::RunRow& row, const std::string& words) {
    (void)row, (void)words;
  }
  /// After on_row(): whether it has found what ends a campaign, as a failing row does.
  virtual bool has_found() const { return false; }
  /// After on_row() and on_tick(): whether nobody would hear of what is played from now on. Then
  /// all ends at once.
  virtual bool gives_up() const { return false; }
  /// A few times a second. What was handed on so far ends before run `so_far.next`.
  virtual void on_tick(const Campaign& so_far, double seconds) = 0;
};

Campaign run_campaign(const CampaignOrder& order, Watcher& watcher);

}  // namespace orrery::fuzz
