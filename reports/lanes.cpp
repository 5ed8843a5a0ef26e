// SPDX-License-Identifier: Apache-2.0
#include "reports/lanes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "reports/log_state.hpp"
#include "reports/provenance.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

using scenarios::Finding;
using scenarios::Run;
using sim::Event;
using sim::Kind;
namespace events = engine::events;

constexpr size_t kRowsMax = 40;
constexpr size_t kFillerMax = 16;  // events that are there only because they came last
constexpr size_t kEvidenceOfAKind = 3;
constexpr size_t kLanesMax = 4;
constexpr size_t kLaneWidth = 22;
constexpr size_t kEventsOfAnOperation = 6;
constexpr int kWalkStepsInARow = 2;

/// What is shown: events by index, each perhaps with the number of a deviation.
struct Rows {
  std::map<size_t, std::vector<size_t>> marks;  // event -> deviations, counted from 1
  std::vector<uint32_t> lanes;                  // tasks; what others do stands in a column behind
  std::vector<size_t> kept;                     // events that are never cut

  void add(size_t event) { marks.try_emplace(event); }
  void keep(size_t event) {
    add(event);
    kept.push_back(event);
  }
  void add_lane(uint32_t task);
  /// lanes.size() for the others.
  size_t lane_of(uint32_t task) const;
};

/// What the events around the failure are looked through for.
struct Interest {
  std::vector<int64_t> pages;
  std::vector<uint64_t> generations;
  uint64_t request = UINT64_MAX;
  int64_t passed = 0;           // the end of the page that was walked
  bool about_versions = false;  // operations are in doubt

  bool covers(const Event& event) const;
};

void add_involved(const Run& run, Rows& rows);
void add_deviations(const Telling& telling, size_t end, Rows& rows);
uint64_t request_completed_by(const Run& run, uint32_t task);
void add_evidence(const Run& run, size_t end, Rows& rows);
void add_operations(const Run& run, Rows& rows);
void add_filler(const Run& run, size_t end, Rows& rows);
void add_busy_lanes(const Run& run, Rows& rows);
bool tells_something(const Event& event);
bool went_wrong(const Run& run, const Event& event);
bool left_out(const Run& run, size_t last, size_t event);
void cut(Rows& rows);
uint32_t task_of(const Run& run, const Event& event);
uint32_t task_of(const Run& run, const Finding& finding);
bool has_others(const Run& run, const Rows& rows);
std::vector<std::string> lane_names(const Run& run, const Rows& rows);
void print_head(const Run& run, const Rows& rows, std::ostream& out);
void print_row(const Run& run, const Rows& rows, size_t index, std::ostream& out);
void print_violation(const Run& run, const Rows& rows, std::ostream& out);

}  // namespace

size_t first_deviation_told(const Telling& telling) {
  const size_t count = telling.run.taken().size();
  const bool shrunk = !telling.needs.empty();
  return count > kDeviationsTold && !shrunk ? count - kDeviationsTold : 0;
}

void tell_lanes(const Telling& telling, std::ostream& out) {
  const Run& run = telling.run;
  const size_t end = events_until(run, run.finding->step);
  Rows rows;
  add_involved(run, rows);
  add_deviations(telling, end, rows);
  add_evidence(run, end, rows);
  add_filler(run, end, rows);
  cut(rows);
  add_busy_lanes(run, rows);
  print_head(run, rows, out);
  size_t last = kNoEvent;
  for (const auto& [event, marks] : rows.marks) {
    if (last != kNoEvent && left_out(run, last, event)) out << "       ...\n";
    last = event;
    print_row(run, rows, event, out);
  }
  print_violation(run, rows, out);
}

namespace {

void Rows::add_lane(uint32_t task) {
  if (task == sim::kNobody || lanes.size() >= kLanesMax) return;
  if (std::find(lanes.begin(), lanes.end(), task) == lanes.end()) lanes.push_back(task);
}

size_t Rows::lane_of(uint32_t task) const {
  return static_cast<size_t>(std::find(lanes.begin(), lanes.end(), task) - lanes.begin());
}

// Those whom the finding itself names, the nearest first: they have a lane whoever deviated.
void add_involved(const Run& run, Rows& rows) {
  const Finding& finding = *run.finding;
  const auto& lifetimes = run.trace->lifetimes;
  rows.add_lane(task_of(run, finding));
  for (const uint64_t generation : {finding.generation, finding.touching, lifetime_before(run)}) {
    if (generation == 0 || generation > lifetimes.size()) continue;
    rows.add_lane(lifetimes[generation - 1].retired_by);
  }
  // Of the request that it is about, or whose end the failing task brings.
  const uint64_t request =
      finding.request != UINT64_MAX ? finding.request : request_completed_by(run, finding.task);
  if (request < run.trace->requests.size()) {
    rows.add_lane(run.trace->requests[request].submitted_by);
  }
  if (finding.touching != 0 && finding.touching <= lifetimes.size()) {
    rows.add_lane(lifetimes[finding.touching - 1].acquired_by);
  }
  if (run.history == nullptr) return;
  for (const size_t index : finding.operations) {
    const auto all = run.history->operations();
    if (index < all.size()) rows.add_lane(all[index].task);
  }
}

void add_deviations(const Telling& telling, size_t end, Rows& rows) {
  const Run& run = telling.run;
  const auto& taken = run.taken();
  for (size_t i = first_deviation_told(telling); i < taken.size(); ++i) {
    const size_t event = event_of(run, taken[i]);
    if (event == kNoEvent || event >= end) continue;
    rows.marks[event].push_back(i + 1);
    const Event& at = run.trace->events[event];
    rows.add_lane(at.task);
    if (at.kind == static_cast<uint16_t>(Kind::task_switched)) {
      rows.add_lane(static_cast<uint32_t>(at.a));
    }
  }
}

void add_evidence(const Run& run, size_t end, Rows& rows) {
  const Finding& finding = *run.finding;
  for (const size_t event : finding.events) {
    if (event < run.trace->events.size()) rows.keep(event);
  }
  add_operations(run, rows);
  Interest interest;
  interest.request = finding.request;
  interest.about_versions = !finding.operations.empty();
  if (const auto walk = walk_at(run, end, finding.task)) {
    rows.add(walk->begin);
    interest.pages.push_back(walk->page);
    interest.passed = walk->until;
  }
  for (const uint64_t generation : {finding.generation, finding.touching}) {
    if (generation == 0 || generation > run.trace->lifetimes.size()) continue;
    const sim::Lifetime& life = run.trace->lifetimes[generation - 1];
    interest.generations.push_back(generation);
    interest.pages.push_back(life.page);
  }
  if (const uint64_t before = lifetime_before(run)) {
    interest.generations.push_back(before);
    interest.pages.push_back(run.trace->lifetimes[before - 1].page);
  }
  if (interest.request == UINT64_MAX) interest.request = request_completed_by(run, finding.task);
  std::map<uint32_t, size_t> told;  // by kind and page: the latest few are enough
  for (size_t i = end; i-- > 0;) {
    const Event& event = run.trace->events[i];
    if (went_wrong(run, event) && ++told[event.kind] <= kEvidenceOfAKind) rows.keep(i);
    if (!interest.covers(event)) continue;
    const auto key = static_cast<uint32_t>(event.kind) << 16 | static_cast<uint16_t>(event.a);
    if (++told[key] <= kEvidenceOfAKind) rows.add(i);
  }
}

// What the tasks of the operations that it is about went through meanwhile.
void add_operations(const Run& run, Rows& rows) {
  if (run.history == nullptr) return;
  const auto all = run.history->operations();
  for (const size_t index : run.finding->operations) {
    if (index >= all.size()) continue;
    const scenarios::Operation& operation = all[index];
    size_t told = 0;
    const auto& trace = run.trace->events;
    for (size_t i = events_until(run, operation.invoked); i < trace.size(); ++i) {
      if (trace[i].step > operation.returned || told >= kEventsOfAnOperation) break;
      if (trace[i].task != operation.task || !tells_something(trace[i])) continue;
      rows.keep(i);
      ++told;
    }
  }
}

// The request that a completion's task has brought the answer of; UINT64_MAX if it is none.
uint64_t request_completed_by(const Run& run, uint32_t task) {
  for (const Event& event : run.trace->events) {
    if (event.task == task && event.kind == static_cast<uint16_t>(Kind::io_completed)) {
      return static_cast<uint64_t>(event.a);
    }
  }
  return UINT64_MAX;
}

// What a device did to a request, and what was made of that.
bool went_wrong(const Run& run, const Event& event) {
  switch (event.kind) {
    case static_cast<uint16_t>(Kind::io_completed):
    case events::kSnapshotPageDone: return event.b != 0 || is_short(run, event);
    case events::kMainWriteFailed:
    case events::kLogFailed: return true;
    default: return false;
  }
}

bool Interest::covers(const Event& event) const {
  const auto has_page = [&] {
    return std::find(pages.begin(), pages.end(), event.a) != pages.end();
  };
  switch (event.kind) {
    case events::kPageClosed:
    case events::kPageParked:
    case events::kPageUnparked:
    case events::kSnapshotPageSubmitted:
    case events::kSnapshotPageLeftOut: return has_page();
    case events::kCheckpointPhase:
    case events::kSnapshotStarted: return true;
    case events::kSessionStarted:
    case events::kSessionVersion: return about_versions;
    // When the contents of the page became fixed.
    case events::kBoundary:
      return event.a == static_cast<int64_t>(engine::Boundary::safe_ro) && passed > 0 &&
             event.c < passed && passed <= event.b;
    default: break;
  }
  const auto kind = static_cast<Kind>(event.kind);
  if (kind == Kind::frame_acquired || kind == Kind::frame_retired) {
    return std::find(generations.begin(), generations.end(), static_cast<uint64_t>(event.b)) !=
           generations.end();
  }
  const bool io = kind == Kind::io_submitted || kind == Kind::io_transferred ||
                  kind == Kind::io_completed || kind == Kind::io_synced;
  return io && static_cast<uint64_t>(event.a) == request;
}

// What happened last, whoever did it.
void add_filler(const Run& run, size_t end, Rows& rows) {
  const auto& all = run.trace->events;
  size_t added = 0;
  int walk_steps = 0;
  for (size_t i = end; i-- > 0 && added < kFillerMax;) {
    const Event& event = all[i];
    if (!tells_something(event)) continue;
    // The walks of others are long and say nothing here.
    const bool walk = event.kind >= events::kWalkBegin && event.kind <= events::kWalkEnd;
    if (walk && event.task != run.finding->task) continue;
    walk_steps = event.kind == events::kWalkStep ? walk_steps + 1 : 0;
    if (walk_steps > kWalkStepsInARow) continue;
    if (rows.marks.try_emplace(i).second) ++added;
  }
}

// Who comes up most in the rows gets a lane of his own.
void add_busy_lanes(const Run& run, Rows& rows) {
  std::map<uint32_t, size_t> counts;
  for (const auto& [event, marks] : rows.marks) ++counts[task_of(run, run.trace->events[event])];
  while (!counts.empty()) {
    const auto busiest = std::max_element(
        counts.begin(), counts.end(),
        [](const auto& one, const auto& other) { return one.second < other.second; });
    rows.add_lane(busiest->first);
    counts.erase(busiest);
  }
}

bool tells_something(const Event& event) {
  switch (static_cast<Kind>(event.kind)) {
    case Kind::point:
    case Kind::task_switched:
    case Kind::task_spawned:
    case Kind::task_ended:
    case Kind::io_transferred: return false;
    default: break;
  }
  // These come with every operation.
  const uint16_t kind = events::of_main(event.kind);
  const bool epoch = kind >= events::kEpochEntered && kind <= events::kEpochLeft;
  return !epoch && kind != events::kTailSeen;
}

// Whether something that would be worth telling stands between two rows.
bool left_out(const Run& run, size_t last, size_t event) {
  for (size_t i = last + 1; i < event; ++i) {
    if (tells_something(run.trace->events[i])) return true;
  }
  return false;
}

// The oldest filler goes first; a deviation, what the finding itself points to and what happened
// inside the operations never.
void cut(Rows& rows) {
  for (auto row = rows.marks.begin(); rows.marks.size() > kRowsMax && row != rows.marks.end();) {
    const bool kept = std::find(rows.kept.begin(), rows.kept.end(), row->first) != rows.kept.end();
    row = row->second.empty() && !kept ? rows.marks.erase(row) : std::next(row);
  }
}

// A transfer is recorded by whichever task ran then, and has nothing to do with it: it stands with
// the task that wanted it.
uint32_t task_of(const Run& run, const Event& event) {
  if (!is_by_device(event)) return event.task;
  const auto request = static_cast<uint64_t>(event.a);
  const auto& requests = run.trace->requests;
  return request < requests.size() ? requests[request].submitted_by : sim::kNobody;
}

uint32_t task_of(const Run& run, const Finding& finding) {
  if (finding.task != sim::kNobody || finding.request >= run.trace->requests.size()) {
    return finding.task;
  }
  return run.trace->requests[finding.request].submitted_by;
}

bool has_others(const Run& run, const Rows& rows) {
  const size_t others = rows.lanes.size();
  return rows.lane_of(task_of(run, *run.finding)) == others ||
         std::any_of(rows.marks.begin(), rows.marks.end(), [&](const auto& row) {
           return rows.lane_of(task_of(run, run.trace->events[row.first])) == others;
         });
}

// Two devices may each have brought the answer of a request of the same name: then the last part of
// the device's name, as much as a lane holds, tells them apart.
std::vector<std::string> lane_names(const Run& run, const Rows& rows) {
  std::vector<std::string> names;
  for (const uint32_t task : rows.lanes) names.push_back(short_name_of_task(*run.trace, task));
  const std::vector<std::string> without_device = names;
  for (size_t lane = 0; lane < names.size(); ++lane) {
    const std::string& name = without_device[lane];
    const std::string device = device_of_task(*run.trace, rows.lanes[lane]);
    const auto namesakes = std::count(without_device.begin(), without_device.end(), name);
    if (namesakes < 2 || device.empty()) continue;
    const size_t room = kLaneWidth - 3 - std::min(name.size(), kLaneWidth - 4);
    names[lane].insert(name.rfind('/'), ":" + device.substr(0, room));
  }
  return names;
}

void print_head(const Run& run, const Rows& rows, std::ostream& out) {
  out << fmt::format("  {:>11} {:>15}  ", "step", "virtual");
  std::vector<std::string> names = lane_names(run, rows);
  if (has_others(run, rows)) names.emplace_back("others");
  for (size_t lane = 0; lane < names.size(); ++lane) {
    const bool last = lane + 1 == names.size();
    const std::string& name = names[lane];
    out << fmt::format("{:<{}}", last ? name : name.substr(0, kLaneWidth - 2),
                       last ? 0 : kLaneWidth);
  }
  out << '\n';
}

void print_row(const Run& run, const Rows& rows, size_t index, std::ostream& out) {
  const Event& event = run.trace->events[index];
  const std::vector<size_t>& marks = rows.marks.at(index);
  std::string text = sentence_of(run, event);
  if (is_by_device(event)) text = "(device) " + text;
  const uint32_t task = task_of(run, event);
  const size_t lane = rows.lane_of(task);
  if (lane == rows.lanes.size()) text = short_name_of_task(*run.trace, task) + ": " + text;
  out << fmt::format("  {} {:>9} {:>15}  {:<{}}{}", marks.empty() ? ' ' : '>', grouped(event.step),
                     virtual_time(event.now_ns), "", lane * kLaneWidth, text);
  for (const size_t mark : marks) out << fmt::format("  <- deviation {}", mark);
  out << '\n';
}

void print_violation(const Run& run, const Rows& rows, std::ostream& out) {
  const Finding& finding = *run.finding;
  const size_t lane = rows.lane_of(task_of(run, finding));
  out << fmt::format("  ! {:>9} {:>15}  {:<{}}BROKEN {}: {}\n", grouped(finding.step),
                     virtual_time(finding.now_ns), "", lane * kLaneWidth, finding.oracle,
                     finding.label);
}

}  // namespace
}  // namespace orrery::reports
