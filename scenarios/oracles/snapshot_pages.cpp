// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/snapshot_pages.hpp"

#include <algorithm>

#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"

namespace orrery::scenarios {

namespace events = engine::events;
using engine::Phase;

SnapshotPages::SnapshotPages(const Run& run)
    : page_bits_(run.plan->sizes.find("page_bits").value_or(0)),
      throttled_(run.plan->sizes.find("throttle_ms").value_or(-1) >= 0) {}

const char* SnapshotPages::take(const sim::Event& event, int64_t& page) {
  page = event.a;
  switch (event.kind) {
    case static_cast<uint16_t>(sim::Kind::crashed):
      states_.clear();
      under_way_ = false;
      return nullptr;
    case events::kSnapshotStarted: start(event.a, event.b); return nullptr;
    case events::kSnapshotPageSubmitted: return submitted(page);
    case events::kSnapshotPageLeftOut: return visit(page, State::left_out);
    case events::kSnapshotPageDone: return done(page);
    case events::kCheckpointDone: return ended(event.b == 0, page);
    default: return nullptr;
  }
}

size_t SnapshotPages::count(State state) const {
  return static_cast<size_t>(std::count(states_.begin(), states_.end(), state));
}

void SnapshotPages::start(int64_t start, int64_t final) {
  const int64_t page_size = int64_t{1} << page_bits_;
  first_ = next_ = start >> page_bits_;
  const int64_t end = start < final ? (final + page_size - 1) >> page_bits_ : first_;
  states_.assign(static_cast<size_t>(end - first_), State::untouched);
  under_way_ = true;
}

SnapshotPages::State* SnapshotPages::find(int64_t page) {
  return page >= first() && page <= last() ? &states_[static_cast<size_t>(page - first_)] : nullptr;
}

// The writer goes from page to page; one that it has been to is not looked at again.
const char* SnapshotPages::visit(int64_t page, State now) {
  State* const state = find(page);
  if (state == nullptr) return "a page was written that is not of the snapshot";
  if (*state != State::untouched) return "a snapshot page was looked at twice";
  if (page != next_) return "a snapshot page was passed over";
  *state = now;
  ++next_;
  return nullptr;
}

const char* SnapshotPages::submitted(int64_t page) {
  if (throttled_ && count(State::in_flight) > 0) {
    return "a throttled snapshot has more than one page in flight";
  }
  return visit(page, State::in_flight);
}

const char* SnapshotPages::done(int64_t page) {
  State* const state = find(page);
  if (state == nullptr) return "a page was counted down that is not of the snapshot";
  if (*state == State::done) return "a snapshot page was counted down twice";
  if (*state == State::untouched) return "a snapshot page was counted down and never written";
  *state = State::done;
  return nullptr;
}

// A snapshot that failed need not have come to all its pages, but none is in flight any more.
const char* SnapshotPages::ended(bool well, int64_t& page) {
  for (size_t i = 0; i < states_.size(); ++i) {
    page = first_ + static_cast<int64_t>(i);
    if (states_[i] == State::in_flight) return "a checkpoint ended while its pages were in flight";
    if (well && states_[i] != State::done)
      return "a checkpoint ended well without one of its pages";
  }
  states_.clear();
  under_way_ = false;
  return nullptr;
}

std::string what_is_awaited(const Run& run) {
  SnapshotPages pages(run);
  auto phase = Phase::rest;
  for (const sim::Event& event : run.trace->events) {
    int64_t page = 0;
    pages.take(event, page);
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) phase = Phase::rest;
    if (event.kind == events::kCheckpointPhase) phase = static_cast<Phase>(event.a);
  }
  if (phase == Phase::rest) return {};
  std::string text = "in " + std::string(engine::name_of(phase));
  using State = SnapshotPages::State;
  if (pages.is_empty()) text += ", a snapshot of no pages";
  if (pages.count(State::untouched) > 0) text += ", snapshot pages never looked at";
  if (pages.count(State::in_flight) > 0) text += ", snapshot pages in flight";
  if (pages.count(State::left_out) > 0) text += ", snapshot pages left out and not counted down";
  return text;
}

}  // namespace orrery::scenarios
