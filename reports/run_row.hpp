// SPDX-License-Identifier: Apache-2.0
// A run in one row: what a campaign counts, and what stands in a line of --json.
//
// A row is plain bytes, so that a worker process can send it through a pipe. Texts are cut; the
// full ones come from a replay.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "scenarios/run.hpp"
#include "sim/failure.hpp"

namespace orrery::reports {

/// Whether a run was played a second time, and what came of it.
enum class Rerun : uint8_t { none, identical, differs };

struct RunRow {
  uint64_t index = 0;  // of the run in its campaign
  uint64_t seed = 0;
  uint64_t digest = 0;
  uint64_t steps = 0;
  uint64_t points = 0;
  uint64_t deviations = 0;
  int64_t virtual_ns = 0;
  scenarios::Verdict verdict = scenarios::Verdict::ok;
  bool guarded = false;
  Rerun rerun = Rerun::none;
  bool unconfirmed = false;   // it failed, and no fresh process has seen that
  uint64_t rerun_digest = 0;  // of the second play, if there was one
  int64_t cpu_ns = 0;         // that it took; no part of what happened, and in no line of JSON
  std::array<bool, engine::kBugs.size()> on{};  // by row of engine::kBugs
  std::array<uint64_t, engine::kBugs.size()> reached{};
  sim::FixedText<32> oracle;
  sim::FixedText<256> signature;
};
static_assert(std::is_trivially_copyable_v<RunRow>);

RunRow row_of(const scenarios::Run& run);

/// Whether the run took its worker along, twice in the same way: its row is made up, and nobody
/// knows its digest, or which planted bugs it had reached.
bool took_worker_along(const RunRow& row);

/// One line without its end, of schema orrery-run/1. `scenario` is its name.
std::string json_line(const RunRow& row, const char* scenario);

/// Takes what happened in a run from such a line: the verdict and what stands behind it. The index,
/// the seed and which bugs are on stay. False, and nothing is changed: it is no such line.
bool take_line(const std::string& line, RunRow& row);

/// A line of its own behind that of a run whose second play differs: "schema" is orrery-rerun/1,
/// "record" is rerun, then scenario, index, seed, digest and rerun_digest, and in "parts" where the
/// two plays part, as divergence_place() has it; null where that is not known (`place` is empty).
std::string rerun_line(const RunRow& row, const char* scenario, const std::string& place);

/// The same of a run that came out differently in a process of its own: "record" is elsewhere,
/// "rerun_digest" is the digest there, or null if nobody knows it, and instead of "parts" there is
/// "text", with all that is to be said of it.
std::string elsewhere_line(const RunRow& row, const char* scenario, const std::string& digest,
                           const std::string& text);
/// The same of a failing run that came out differently when a process of its own replayed it:
/// "record" is replay, and "digest" is null if the run took its worker along. The totals know of it
/// by `nondeterministic` alone.
std::string replay_line(const RunRow& row, const char* scenario, const std::string& digest,
                        const std::string& text);

/// What stands in the last line of a campaign.
struct CampaignTotals {
  std::string scenario;
  uint64_t campaign_seed = 0;
  uint64_t runs = 0;
  uint64_t runs_asked = UINT64_MAX;  // that: no number was
  double time_asked_s = 0;           // 0: no time was
  uint64_t failed = 0;
  uint64_t inconclusive = 0;
  uint64_t defects = 0;  // of the harness
  uint64_t reruns = 0;   // runs that were played twice
  uint64_t reruns_identical = 0;
  uint64_t elsewhere = 0;  // of these: played in a process of their own, too
  uint64_t elsewhere_identical = 0;
  bool nondeterministic = false;  // something that should be the same was not
  uint64_t steps = 0;
  uint64_t points = 0;
  bool found = false;
  uint64_t first_failing_seed = 0;
  bool interrupted = false;        // by Ctrl-C
  std::string_view stopped_early;  // why not all was played that was asked for; empty: it was
  double wall_s = 0;
  double cpu_s = 0;

  /// A SOMETIMES of the sources, and how often it was true.
  struct Sometimes {
    std::string label;
    std::string place;  // file:line
    uint64_t hits = 0;
  };
  std::vector<Sometimes> sometimes;
};

std::string json_line(const CampaignTotals& totals);

}  // namespace orrery::reports
