// SPDX-License-Identifier: Apache-2.0
// Every request to a device is finished once. The writer of a snapshot comes to each of its pages
// once and in order, either writes it or leaves it out, and counts it down once, before the
// checkpoint ends; and a throttled snapshot has one page in flight at a time (engine-spec 10.9,
// item 6).
#include <fmt/format.h>

#include <vector>

#include "engine/store/events.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

// The pages of the snapshot that is being written, from `first` on.
struct Pages {
  enum class State : uint8_t { untouched, in_flight, left_out, done };
  bool throttled = false;
  int64_t first = 0;
  int64_t next = 0;  // the page that the writer comes to next
  int64_t in_flight = 0;
  std::vector<State> states;

  // Each answers with what is wrong, or null.
  void start(int64_t start, int64_t final, int64_t page_bits);
  const char* submitted(int64_t page);
  const char* left_out(int64_t page);
  const char* done(int64_t page);
  const char* ended(bool well, int64_t& page);

 private:
  State* find(int64_t page);
  const char* visit(int64_t page, State now);
};

std::optional<Finding> judge_requests(const Run& run);
std::optional<Finding> judge_snapshot_pages(const Run& run);

}  // namespace

std::optional<Finding> judge_completions(const Run& run, OracleScratch&) {
  std::optional<Finding> found = judge_requests(run);
  return found ? found : judge_snapshot_pages(run);
}

namespace {

std::optional<Finding> judge_requests(const Run& run) {
  const auto& requests = run.trace->requests;
  for (size_t i = 0; i < requests.size(); ++i) {
    const sim::IoRecord& request = requests[i];
    if (request.finishes == 1 || (request.finishes == 0 && !run.completed)) continue;
    Finding finding;
    finding.oracle = "completions";
    finding.request = i;
    finding.site = request.submitted_at;
    finding.task = request.submitted_by;
    finding.step = run.steps;
    finding.now_ns = run.virtual_ns;
    finding.label = request.finishes == 0 ? "a request was never finished"
                                          : "a request was finished more than once";
    finding.text = fmt::format("the request for {} bytes at {} of {} was finished {} times",
                               request.length, request.offset, request.device, request.finishes);
    return finding;
  }
  return std::nullopt;
}

std::optional<Finding> judge_snapshot_pages(const Run& run) {
  const int64_t page_bits = run.plan->sizes.find("page_bits").value_or(0);
  Pages pages;
  pages.throttled = run.plan->sizes.find("throttle_ms").value_or(-1) >= 0;
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    const char* wrong = nullptr;
    int64_t page = event.a;
    switch (event.kind) {
      case events::kSnapshotStarted: pages.start(event.a, event.b, page_bits); break;
      case events::kSnapshotPageSubmitted: wrong = pages.submitted(page); break;
      case events::kSnapshotPageLeftOut: wrong = pages.left_out(page); break;
      case events::kSnapshotPageDone: wrong = pages.done(page); break;
      case events::kCheckpointDone: wrong = pages.ended(event.b == 0, page); break;
      default: break;
    }
    if (wrong == nullptr) continue;
    Finding finding = finding_at(run, "completions", i);
    finding.label = wrong;
    finding.text = fmt::format(
        "{}: page {}; the snapshot consists of pages {} to {}, {} in flight", wrong, page,
        pages.first, pages.first + static_cast<int64_t>(pages.states.size()) - 1, pages.in_flight);
    return finding;
  }
  return std::nullopt;
}

void Pages::start(int64_t start, int64_t final, int64_t page_bits) {
  const int64_t page_size = int64_t{1} << page_bits;
  first = start >> page_bits;
  const int64_t end = start < final ? (final + page_size - 1) >> page_bits : first;
  states.assign(static_cast<size_t>(end - first), State::untouched);
  next = first;
  in_flight = 0;
}

Pages::State* Pages::find(int64_t page) {
  const bool inside = page >= first && page < first + static_cast<int64_t>(states.size());
  return inside ? &states[static_cast<size_t>(page - first)] : nullptr;
}

// The writer goes from page to page; one that it has been to is not looked at again.
const char* Pages::visit(int64_t page, State now) {
  State* const state = find(page);
  if (state == nullptr) return "a page was written that is not of the snapshot";
  if (*state != State::untouched) return "a snapshot page was looked at twice";
  if (page != next) return "a snapshot page was passed over";
  *state = now;
  ++next;
  return nullptr;
}

const char* Pages::submitted(int64_t page) {
  if (throttled && in_flight > 0) return "a throttled snapshot has more than one page in flight";
  ++in_flight;
  return visit(page, State::in_flight);
}

const char* Pages::left_out(int64_t page) { return visit(page, State::left_out); }

const char* Pages::done(int64_t page) {
  State* const state = find(page);
  if (state == nullptr) return "a page was counted down that is not of the snapshot";
  if (*state == State::done) return "a snapshot page was counted down twice";
  if (*state == State::untouched) return "a snapshot page was counted down and never written";
  if (*state == State::in_flight) --in_flight;
  *state = State::done;
  return nullptr;
}

// A snapshot that failed need not have come to all its pages, but none is in flight any more.
const char* Pages::ended(bool well, int64_t& page) {
  for (size_t i = 0; i < states.size(); ++i) {
    page = first + static_cast<int64_t>(i);
    if (states[i] == State::in_flight) return "a checkpoint ended while its pages were in flight";
    if (well && states[i] != State::done) return "a checkpoint ended well without one of its pages";
  }
  states.clear();
  next = first;
  return nullptr;
}

}  // namespace
}  // namespace orrery::scenarios
