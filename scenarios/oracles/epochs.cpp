// SPDX-License-Identifier: Apache-2.0
// Nobody stays inside the epoch for long without a look around (engine-spec 10.9, item 5): whoever
// does keeps every other task from freeing what it has evicted.
//
// What counts are the task's own points. One that was preempted, or that waits for a lock, is not
// to blame for what others did meanwhile. A task that never looks around again is seen by what it
// had done when the run ended.
#include <fmt/format.h>

#include "engine/store/events.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

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
  std::vector<Stay> stays(run.trace->tasks.size());
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) {
      stays.assign(stays.size(), Stay{});
      continue;
    }
    if (event.kind == static_cast<uint16_t>(sim::Kind::task_ended)) {
      if (!stays[static_cast<size_t>(event.a)].inside) continue;
      Finding finding = finding_at(run, "epochs", i);
      finding.label = "a task ended inside the epoch";
      finding.text = fmt::format("task {} ended and had not left the epoch", event.a);
      return finding;
    }
    if (event.task >= stays.size()) continue;
    Stay& stay = stays[event.task];
    const uint64_t points = event.own - stay.own;
    if (stay.inside && points > most) return overstayed(run, stay, i, points, most);
    if (event.kind == events::kEpochEntered || event.kind == events::kEpochRefreshed) {
      stay = {true, event.own, i};
    } else if (event.kind == events::kEpochLeft) {
      stay.inside = false;
    }
  }
  for (size_t task = 0; task < stays.size(); ++task) {
    const Stay& stay = stays[task];
    const uint64_t points = run.trace->tasks[task].points - stay.own;
    if (!stay.inside || points <= most) continue;
    Finding finding = overstayed(run, stay, stay.event, points, most);
    finding.step += most;  // not before
    return finding;
  }
  return {};
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
  const uint64_t page = uint64_t{1} << sizes.find("page_bits").value_or(0);
  const uint64_t pages = (uint64_t{1} << sizes.find("ring_bits").value_or(0)) + 1;
  return pages * (page / 8 * kPointsOfAStep + kPointsOfAPage) + kPointsOfAttempts;
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
