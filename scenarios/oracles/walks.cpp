// SPDX-License-Identifier: Apache-2.0
// The walk after a snapshot page was written (engine-spec 10.9): it touches the records of that
// page between max(from, safe_ro) and until, all of them and nothing else, in steps that make
// sense. It holds the epoch from its begin to its end, so the bound on its steps is the bound on
// that hold. This sees the founding incident one completion before it crashes, when the walk is
// still inside a mapped, but foreign, page.
#include <fmt/format.h>

#include <algorithm>

#include "engine/store/events.hpp"
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
  int64_t steps = 0;
};

Finding finding_in(const Run& run, const Walk& walk, size_t event, std::string label,
                   std::string text);
std::optional<Finding> check_window(const Run& run, Walk& walk, size_t event, int64_t page_size);
std::optional<Finding> check_step(const Run& run, Walk& walk, size_t event, int64_t page_size);
std::optional<Finding> check_end(const Run& run, const Walk& walk, size_t event);

}  // namespace

std::optional<Finding> judge_walks(const Run& run, OracleScratch&) {
  const std::optional<int64_t> page_bits = run.plan->sizes.find("page_bits");
  if (!page_bits) return std::nullopt;
  const int64_t page_size = int64_t{1} << *page_bits;
  std::vector<Walk> walks;  // one a task, at most a few are open
  const auto of_task = [&](uint32_t task) -> Walk& {
    for (Walk& walk : walks) {
      if (walk.task == task) return walk;
    }
    walks.push_back({});
    walks.back().task = task;
    return walks.back();
  };
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    if (event.kind < events::kWalkBegin || event.kind > events::kWalkEnd) continue;
    Walk& walk = of_task(event.task);
    std::optional<Finding> found;
    if (event.kind == events::kWalkBegin) {
      walk = {event.task, i, event.a, event.b, event.c, 0, 0, event.b, 0};
    } else if (event.kind == events::kWalkRange) {
      found = check_window(run, walk, i, page_size);
    } else if (event.kind == events::kWalkStep) {
      found = check_step(run, walk, i, page_size);
    } else {
      found = check_end(run, walk, i);
    }
    if (found) return found;
  }
  return std::nullopt;
}

namespace {

Finding finding_in(const Run& run, const Walk& walk, size_t event, std::string label,
                   std::string text) {
  Finding finding = finding_at(run, "walks", event);
  finding.events.insert(finding.events.begin(), walk.begin_event);
  finding.label = std::move(label);
  finding.text = std::move(text);
  return finding;
}

std::optional<Finding> check_window(const Run& run, Walk& walk, size_t event, int64_t page_size) {
  const sim::Event& range = run.trace->events[event];
  const int64_t page_end = (walk.page + 1) * page_size;
  walk.low = std::max({walk.page * page_size, range.a, range.c});
  walk.high = std::min(page_end, range.b);
  if (walk.width <= 0) return std::nullopt;  // nothing is walked
  const bool inside = walk.start >= walk.low && walk.start + walk.width <= walk.high;
  if (inside) return std::nullopt;
  return finding_in(
      run, walk, event, "the walk after a snapshot page was written leaves that page's window",
      fmt::format("page {} was written for [{}, {}) and safe_ro was {}, so {} was to be walked; "
                  "the walk goes from {} (page {}) over {} bytes",
                  walk.page, range.a, range.b, range.c,
                  walk.low < walk.high ? fmt::format("[{}, {})", walk.low, walk.high) : "nothing",
                  walk.start, walk.start / page_size, walk.width));
}

std::optional<Finding> check_step(const Run& run, Walk& walk, size_t event, int64_t page_size) {
  const sim::Event& step = run.trace->events[event];
  if (step.b <= 0 || step.b % 8 != 0 || step.b > page_size) {
    return finding_in(
        run, walk, event, "a walk takes a step that is no record's size",
        fmt::format("the step at {} is {} bytes, in a page of {}", step.a, step.b, page_size));
  }
  if (step.a < walk.low || step.a + step.b > walk.high) {
    return finding_in(run, walk, event, "a walk touches a record outside its window",
                      fmt::format("the record at {} ({} bytes) is not in [{}, {})", step.a, step.b,
                                  walk.low, walk.high));
  }
  if (step.a != walk.next) {
    return finding_in(run, walk, event, "a walk passes over a record",
                      fmt::format("the step before ended at {}, and the next one begins at {}",
                                  walk.next, step.a));
  }
  walk.next = step.a + step.b;
  if (++walk.steps > page_size / 8) {
    return finding_in(run, walk, event, "a walk does not end",
                      fmt::format("{} steps in a page of {} bytes", walk.steps, page_size));
  }
  return std::nullopt;
}

// A record that keeps its Dirty bit is written once more, whatever happens to it.
std::optional<Finding> check_end(const Run& run, const Walk& walk, size_t event) {
  if (walk.low >= walk.high) return std::nullopt;
  if (walk.start == walk.low && walk.next == walk.high) return std::nullopt;
  return finding_in(run, walk, event, "a walk leaves out a part of its window",
                    fmt::format("[{}, {}) of page {} was to be walked, and [{}, {}) was", walk.low,
                                walk.high, walk.page, walk.start, walk.next));
}

}  // namespace
}  // namespace orrery::scenarios
