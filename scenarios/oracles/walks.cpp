// SPDX-License-Identifier: Apache-2.0
// The walk after a snapshot page was written (engine-spec 10.9): it touches the records of that
// page between max(from, safe_ro) and until, all of them and nothing else, in steps that make
// sense. It clears Dirty of no record but those that the file contains. This sees the founding
// incident one completion before it crashes, when the walk is still inside a mapped, but foreign,
// page.
//
// What was to be walked is not taken from the walker: the range is that of the request, safe_ro is
// what the log's own moves say, and what a file contains is read from it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/base/bytes.hpp"
#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"
#include "engine/store/record.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

struct Walk {
  uint32_t task = 0;
  size_t begin_event = 0;
  int64_t page = 0;
  int64_t start = 0;
  int64_t width = 0;
  int64_t low = 0;  // the window that is allowed
  int64_t high = 0;
  int64_t next = 0;  // where the next step must begin
};

// What was handed to the device for a page.
struct Written {
  int64_t page;
  int64_t from;
  int64_t until;
};

// A record whose Dirty bit a walk has cleared.
struct Cleared {
  size_t event;
  int64_t address;
};

// The state of the log and of the snapshot that is being written, as the events tell it.
class Walks {
 public:
  Walks(const Run& run, int64_t page_size) : run_(run), page_size_(page_size) {}

  std::optional<Finding> take(size_t index);

 private:
  Walk& of_task(uint32_t task);
  void begin(size_t index);
  std::optional<Finding> check_window(Walk& walk, size_t event);
  std::optional<Finding> check_step(Walk& walk, size_t event);
  std::optional<Finding> check_end(const Walk& walk, size_t event) const;
  std::optional<Finding> check_cleared(int64_t token) const;
  bool is_used_again(int64_t token, size_t after) const;
  Finding finding_in(const Walk& walk, size_t event, std::string label, std::string text) const;

  const Run& run_;
  int64_t page_size_;
  int64_t safe_ro_ = 0;
  int64_t fuzzy_start_ = 0;     // of the checkpoint: records of the next version lie above
  int64_t snapshot_start_ = 0;  // its page comes first in the file
  std::vector<Written> written_;
  std::vector<Cleared> cleared_;
  std::vector<Walk> walks_;  // one a task, at most a few are open
};

const sim::SimDevice* snapshot_of(const Run& run, int64_t token);

}  // namespace

Judgement judge_walks(const Run& run, OracleScratch&) {
  const std::optional<int64_t> page_bits = run.plan->sizes.find("page_bits");
  if (!page_bits) return {};
  Walks walks(run, int64_t{1} << *page_bits);
  for (size_t i = 0; i < run.trace->events.size(); ++i) {
    if (std::optional<Finding> found = walks.take(i)) return found;
  }
  return {};
}

namespace {

std::optional<Finding> Walks::take(size_t index) {
  const sim::Event& event = run_.trace->events[index];
  switch (event.kind) {
    case events::kLogOpened: safe_ro_ = event.a; break;
    case events::kLogRecovered: safe_ro_ = event.c; break;
    case events::kBoundary:
      if (event.a == static_cast<int64_t>(engine::Boundary::safe_ro)) safe_ro_ = event.b;
      break;
    case events::kCheckpointPhase:
      if (event.a == static_cast<int64_t>(engine::Phase::prepare)) fuzzy_start_ = event.c;
      break;
    case events::kSnapshotStarted: snapshot_start_ = event.a; [[fallthrough]];
    case events::kCheckpointStarted:
      written_.clear();
      cleared_.clear();
      break;
    case events::kSnapshotPageSubmitted: written_.push_back({event.a, event.b, event.c}); break;
    case events::kWalkBegin: begin(index); break;
    case events::kWalkRange: return check_window(of_task(event.task), index);
    case events::kWalkStep: return check_step(of_task(event.task), index);
    case events::kWalkEnd: return check_end(of_task(event.task), index);
    case events::kCheckpointDone:
      if (event.b == 0 && !is_used_again(event.c, index)) return check_cleared(event.c);
      break;
    default: break;
  }
  return std::nullopt;
}

// Once all checkpoints are removed and the store has died, a later life may use a token again: then
// the file of that name is no longer this one.
bool Walks::is_used_again(int64_t token, size_t after) const {
  const auto& all = run_.trace->events;
  return std::any_of(all.begin() + static_cast<std::ptrdiff_t>(after), all.end(),
                     [&](const sim::Event& event) {
                       return event.kind == events::kCheckpointStarted && event.a == token;
                     });
}

Walk& Walks::of_task(uint32_t task) {
  for (Walk& walk : walks_) {
    if (walk.task == task) return walk;
  }
  walks_.push_back({});
  walks_.back().task = task;
  return walks_.back();
}

void Walks::begin(size_t index) {
  const sim::Event& event = run_.trace->events[index];
  of_task(event.task) = {event.task, index, event.a, event.b, event.c, 0, 0, event.b};
}

Finding Walks::finding_in(const Walk& walk, size_t event, std::string label,
                          std::string text) const {
  Finding finding = finding_at(run_, "walks", event);
  finding.events.insert(finding.events.begin(), walk.begin_event);
  finding.label = std::move(label);
  finding.text = std::move(text);
  return finding;
}

std::optional<Finding> Walks::check_window(Walk& walk, size_t event) {
  const sim::Event& range = run_.trace->events[event];
  const auto request = std::find_if(written_.begin(), written_.end(),
                                    [&](const Written& one) { return one.page == walk.page; });
  if (request == written_.end()) {
    return finding_in(walk, event, "a walk follows a page that was not written",
                      fmt::format("page {} was not handed to the device", walk.page));
  }
  walk.low = std::max({walk.page * page_size_, request->from, safe_ro_});
  walk.high = std::min((walk.page + 1) * page_size_, request->until);
  if (range.a != request->from || range.b != request->until || range.c != safe_ro_) {
    return finding_in(
        walk, event, "a walk goes by other addresses than there are",
        fmt::format("page {} was written for [{}, {}) and safe_ro is {}; the walk takes [{}, {}) "
                    "and {} for them",
                    walk.page, request->from, request->until, safe_ro_, range.a, range.b, range.c));
  }
  if (walk.width <= 0) return std::nullopt;  // nothing is walked
  const bool inside = walk.start >= walk.low && walk.start + walk.width <= walk.high;
  if (inside) return std::nullopt;
  return finding_in(
      walk, event, "the walk after a snapshot page was written leaves that page's window",
      fmt::format("page {} was written for [{}, {}) and safe_ro was {}, so {} was to be walked; "
                  "the walk goes from {} (page {}) over {} bytes",
                  walk.page, range.a, range.b, range.c,
                  walk.low < walk.high ? fmt::format("[{}, {})", walk.low, walk.high) : "nothing",
                  walk.start, walk.start / page_size_, walk.width));
}

std::optional<Finding> Walks::check_step(Walk& walk, size_t event) {
  const sim::Event& step = run_.trace->events[event];
  if (step.b <= 0 || step.b % 8 != 0 || step.b > page_size_) {
    return finding_in(
        walk, event, "a walk takes a step that is no record's size",
        fmt::format("the step at {} is {} bytes, in a page of {}", step.a, step.b, page_size_));
  }
  if (step.a < walk.low || step.a + step.b > walk.high) {
    return finding_in(walk, event, "a walk touches a record outside its window",
                      fmt::format("the record at {} ({} bytes) is not in [{}, {})", step.a, step.b,
                                  walk.low, walk.high));
  }
  if (step.a != walk.next) {
    return finding_in(walk, event, "a walk passes over a record",
                      fmt::format("the step before ended at {}, and the next one begins at {}",
                                  walk.next, step.a));
  }
  walk.next = step.a + step.b;
  if (step.c != 0) cleared_.push_back({event, step.a});
  return std::nullopt;
}

// A record that keeps its Dirty bit is written once more, whatever happens to it.
std::optional<Finding> Walks::check_end(const Walk& walk, size_t event) const {
  if (walk.low >= walk.high) return std::nullopt;
  if (walk.start == walk.low && walk.next == walk.high) return std::nullopt;
  return finding_in(walk, event, "a walk leaves out a part of its window",
                    fmt::format("[{}, {}) of page {} was to be walked, and [{}, {}) was", walk.low,
                                walk.high, walk.page, walk.start, walk.next));
}

// A change that no snapshot holds must keep its Dirty bit, or the next one that writes only what
// has changed would miss it.
std::optional<Finding> Walks::check_cleared(int64_t token) const {
  const sim::SimDevice* const file = snapshot_of(run_, token);
  if (file == nullptr) return std::nullopt;  // the snapshot-cut oracle asks where it is
  const int64_t sector = int64_t{1} << run_.plan->sizes.find("sector_bits").value_or(0);
  const int64_t stride = (page_size_ + sector - 1) / sector * sector;
  for (const Cleared& one : cleared_) {
    const int64_t page = one.address / page_size_;
    const int64_t place = stride * (page - snapshot_start_ / page_size_) + one.address % page_size_;
    std::array<std::byte, 8> room;
    file->media().read(static_cast<uint64_t>(place), room);
    const engine::RecordHeader header{engine::get<uint64_t>(room.data())};
    const bool next_version =
        one.address >= fuzzy_start_ && header.has(engine::RecordHeader::kInNewVersion);
    if (header.has(engine::RecordHeader::kValid) && !next_version) continue;
    Finding finding = finding_at(run_, "walks", one.event);
    finding.label = "a walk clears Dirty of a record that its snapshot does not contain";
    finding.text = fmt::format(
        "the record at {} ({} bytes into {}) has the header {:016x} there: {}", one.address, place,
        file->name(), header.word, next_version ? "it is of the next version" : "it is not valid");
    return finding;
  }
  return std::nullopt;
}

const sim::SimDevice* snapshot_of(const Run& run, int64_t token) {
  const std::string ending = fmt::format("/{:016x}/snapshot.dat", token);
  const sim::SimDevice* found = nullptr;
  run.world->disk().each([&](const sim::SimDevice& device) {
    if (std::string_view(device.name()).ends_with(ending)) found = &device;
  });
  return found;
}

}  // namespace
}  // namespace orrery::scenarios
