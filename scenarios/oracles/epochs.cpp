// SPDX-License-Identifier: Apache-2.0
// Nobody stays inside the epoch for long without a look around (engine-spec 10.9, item 5): whoever
// does keeps every other task from freeing what it has evicted.
//
// What counts are the task's own points. One that was preempted, or that waits for a lock, is not
// to blame for what others did meanwhile. A task that never looks around again is seen by what it
// had done when the run ended. Where there is a version barrier, nobody is inside beyond it.
#include <fmt/format.h>

#include <algorithm>

#include "engine/store/events.hpp"
#include "scenarios/oracles/oracle.hpp"
#include "scenarios/oracles/version_barrier.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

constexpr size_t kTables = 2;  // that of the store, and that of its log of operations

// Since when a task has not looked around.
struct Stay {
  bool inside = false;
  uint64_t own = 0;
  size_t event = 0;
};

uint64_t longest_stay(const Sizes& sizes);
Finding overstayed(const Run& run, const Stay& stay, size_t event, uint64_t points, uint64_t most);

}  // namespace

Judgement judge_epochs(const Run& run, OracleScratch&) {
  const uint64_t most = longest_stay(run.plan->sizes);
  const size_t tasks = run.trace->tasks.size();
  std::vector<Stay> stays(tasks * kTables);  // of a task side by side
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) {
      stays.assign(stays.size(), Stay{});
      continue;
    }
    if (event.kind == static_cast<uint16_t>(sim::Kind::task_ended)) {
      const auto first = stays.begin() + event.a * static_cast<int64_t>(kTables);
      if (std::none_of(first, first + kTables, [](const Stay& stay) { return stay.inside; })) {
        continue;
      }
      Finding finding = finding_at(run, "epochs", i);
      finding.label = "a task ended inside the epoch";
      finding.text = fmt::format("task {} ended and had not left the epoch", event.a);
      return finding;
    }
    if (event.task >= tasks) continue;
    for (size_t table = 0; table < kTables; ++table) {
      const Stay& stay = stays[event.task * kTables + table];
      const uint64_t points = event.own - stay.own;
      if (stay.inside && points > most) return overstayed(run, stay, i, points, most);
    }
    const size_t table = events::is_of_operation_log(event.kind) ? 1 : 0;
    Stay& stay = stays[event.task * kTables + table];
    const uint16_t kind = events::of_main(event.kind);
    if (kind == events::kEpochEntered || kind == events::kEpochRefreshed) {
      stay = {true, event.own, i};
    } else if (kind == events::kEpochLeft) {
      stay.inside = false;
    }
  }
  for (size_t place = 0; place < stays.size(); ++place) {
    const Stay& stay = stays[place];
    const uint64_t points = run.trace->tasks[place / kTables].points - stay.own;
    if (!stay.inside || points <= most) continue;
    Finding finding = overstayed(run, stay, stay.event, points, most);
    finding.step += most;  // not before
    return finding;
  }
  return judge_barrier(run);
}

namespace {

// While protected, a task may write a whole snapshot (inline: throttle -1), flush or close all the
// pages of the ring, or follow a chain through all the records in memory. Each page is walked in
// steps of 8 bytes at least, of a few points each; it is copied, pinned, submitted, and perhaps
// completed in the same stack, which is a few hundred points more. An operation that lost a race
// tries again without a look around; the last term is for those.
uint64_t longest_stay(const Sizes& sizes) {
  constexpr uint64_t kPointsOfAStep = 8;
  constexpr uint64_t kPointsOfAPage = 500;
  constexpr uint64_t kPointsOfAttempts = 20'000;
  const auto whole_ring = [&](const char* page_bits, const char* ring_bits) {
    const uint64_t page = uint64_t{1} << sizes.find(page_bits).value_or(0);
    const uint64_t pages = (uint64_t{1} << sizes.find(ring_bits).value_or(0)) + 1;
    return pages * (page / 8 * kPointsOfAStep + kPointsOfAPage);
  };
  const uint64_t main = whole_ring("page_bits", "ring_bits") + kPointsOfAttempts;
  if (!sizes.find("log_page_bits")) return main;
  return main + whole_ring("log_page_bits", "log_ring_bits");
}

Finding overstayed(const Run& run, const Stay& stay, size_t event, uint64_t points, uint64_t most) {
  Finding finding = finding_at(run, "epochs", event);
  if (event != stay.event) finding.events.insert(finding.events.begin(), stay.event);
  finding.label = "a task stays in the epoch without a look around";
  finding.text = fmt::format(
      "the last look around was at step {}; {} points of its own later, of {} that the longest "
      "work "
      "takes, the task is still inside",
      run.trace->events[stay.event].step, points, most);
  return finding;
}

}  // namespace
}  // namespace orrery::scenarios
