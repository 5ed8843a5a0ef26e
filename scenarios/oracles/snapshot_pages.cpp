// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/snapshot_pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;
using engine::Phase;

constexpr size_t kPagesNamed = 4;

/// What a snapshot may lack of a page.
struct Lack {
  SnapshotPages::State state;
  const char* what;
};
constexpr std::array<Lack, 3> kLacks{{
    {SnapshotPages::State::untouched, "never looked at"},
    {SnapshotPages::State::in_flight, "in flight"},
    {SnapshotPages::State::left_out, "left out and not counted down"},
}};

void add_lack(const Lack& lack, const std::vector<int64_t>& pages,
              const std::map<int64_t, size_t>& visits, Awaited& awaited);

}  // namespace

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

std::vector<int64_t> SnapshotPages::pages_in(State state) const {
  std::vector<int64_t> pages;
  for (size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == state) pages.push_back(first_ + static_cast<int64_t>(i));
  }
  return pages;
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

Awaited what_is_awaited(const Run& run) {
  SnapshotPages pages(run);
  auto phase = Phase::rest;
  std::map<int64_t, size_t> visits;  // by page: the event that says what became of it
  const auto& trace = run.trace->events;
  for (size_t i = 0; i < trace.size(); ++i) {
    const sim::Event& event = trace[i];
    int64_t page = 0;
    pages.take(event, page);
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) phase = Phase::rest;
    if (event.kind == events::kCheckpointPhase) phase = static_cast<Phase>(event.a);
    if (event.kind == events::kSnapshotStarted) visits.clear();
    if (event.kind == events::kSnapshotPageSubmitted ||
        event.kind == events::kSnapshotPageLeftOut) {
      visits[page] = i;
    }
  }
  Awaited awaited;
  if (phase == Phase::rest) return awaited;
  awaited.label = "in " + std::string(engine::name_of(phase));
  if (pages.is_empty()) awaited.label += ", a snapshot of no pages";
  for (const Lack& lack : kLacks) add_lack(lack, pages.pages_in(lack.state), visits, awaited);
  return awaited;
}

namespace {

void add_lack(const Lack& lack, const std::vector<int64_t>& pages,
              const std::map<int64_t, size_t>& visits, Awaited& awaited) {
  if (pages.empty()) return;
  awaited.label += fmt::format(", snapshot pages {}", lack.what);
  std::string names;
  for (size_t i = 0; i < std::min(pages.size(), kPagesNamed); ++i) {
    names += fmt::format("{}{}", i == 0 ? "" : ", ", pages[i]);
    const auto visit = visits.find(pages[i]);
    if (visit != visits.end()) awaited.events.push_back(visit->second);
  }
  if (pages.size() > kPagesNamed) names += fmt::format(" and {} more", pages.size() - kPagesNamed);
  awaited.text += fmt::format("{}snapshot page{} {}: {}", awaited.text.empty() ? "" : "; ",
                              pages.size() == 1 ? "" : "s", names, lack.what);
}

}  // namespace
}  // namespace orrery::scenarios
