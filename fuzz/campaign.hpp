// SPDX-License-Identifier: Apache-2.0
// Many runs: a supervisor, its worker processes, and what is known at the end.
//
// Worker w of N plays the runs w, w + N, w + 2N, ... and sends a row for each; the supervisor hands
// the rows on in order of their index, so what a campaign says does not depend on N. A failing run
// is a row like any other. A worker that dies on its own is replaced and its run played once more
// in a fresh one: the same death again is that run's verdict (oracle `memory`); anything else is a
// defect of the harness, counted apart and never mixed with what the engine did wrong.
// Ctrl-C once lets every worker finish its run; twice, all die at once.
// The supervisor has no threads and no world of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/worker.hpp"
#include "reports/run_row.hpp"

namespace orrery::fuzz {

struct CampaignOrder {
  uint64_t runs_max = UINT64_MAX;
  int64_t time_max_ms = INT64_MAX;
  unsigned workers = 1;
  bool keep_going = false;  // after the first failing run
  MakePlayer player;
  std::function<uint64_t(uint64_t index)> seed_of;  // for a run that took its worker along
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

/// A failure under its name: how often, and where first.
struct SignatureCount {
  reports::RunRow first;
  uint64_t count = 0;
};

struct Campaign {
  uint64_t runs = 0;
  uint64_t failed = 0;
  uint64_t inconclusive = 0;
  uint64_t steps = 0;
  uint64_t points = 0;
  std::vector<SignatureCount> signatures;  // in order of their first run
  std::array<uint64_t, engine::kBugs.size()> runs_that_reached{};
  std::vector<SometimesCount> sometimes;  // by label
  std::vector<Defect> defects;
  bool interrupted = false;
  double wall_s = 0;
  double cpu_s = 0;
};

/// Hears of a campaign while it goes on.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// In order of index, without gaps but for defects.
  virtual void on_row(const reports::RunRow& row) = 0;
  /// A few times a second.
  virtual void on_tick(const Campaign& so_far, double seconds) = 0;
};

Campaign run_campaign(const CampaignOrder& order, Watcher& watcher);

}  // namespace orrery::fuzz
