// SPDX-License-Identifier: Apache-2.0
#include "reports/log_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

namespace events = engine::events;

// In the order in which they must stand, lowest first. The tail follows; begin is apart.
constexpr std::array<engine::Boundary, 6> kChain{
    engine::Boundary::closed,  engine::Boundary::safe_head, engine::Boundary::head,
    engine::Boundary::flushed, engine::Boundary::safe_ro,   engine::Boundary::ro};

bool has_boundaries(const LogState& state) {
  return state.tail_page || std::any_of(state.boundaries.begin(), state.boundaries.end(),
                                        [](const auto& value) { return value.has_value(); });
}

}  // namespace

bool LogState::is_known() const { return phase.has_value() || has_boundaries(*this); }

LogState log_state_at(const scenarios::Run& run, size_t count) {
  LogState state;
  const auto& all = run.trace->events;
  for (size_t i = 0; i < std::min(count, all.size()); ++i) {
    const sim::Event& event = all[i];
    if (event.kind == events::kBoundary) {
      const auto which = static_cast<size_t>(event.a);
      if (which < state.boundaries.size()) state.boundaries[which] = {event.b, event.step};
    } else if (event.kind == events::kLogOpened) {
      state.boundaries.fill(LogState::Value{event.a, event.step});
    } else if (event.kind == events::kLogRecovered) {
      state.boundaries.fill(LogState::Value{event.b, event.step});
      state.boundaries[static_cast<size_t>(engine::Boundary::begin)] = {event.a, event.step};
      for (const auto high :
           {engine::Boundary::flushed, engine::Boundary::safe_ro, engine::Boundary::ro}) {
        state.boundaries[static_cast<size_t>(high)] = {event.c, event.step};
      }
    } else if (event.kind == events::kPageOpened) {
      state.tail_page = {event.a, event.step};
    } else if (event.kind == events::kCheckpointPhase) {
      state.phase = {event.a, event.step};
      state.version = event.b;
    } else if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) {
      state = LogState{};
    }
  }
  return state;
}

std::optional<WalkSeen> walk_at(const scenarios::Run& run, size_t count, uint32_t task) {
  std::optional<WalkSeen> seen;
  const auto& all = run.trace->events;
  for (size_t i = 0; i < std::min(count, all.size()); ++i) {
    const sim::Event& event = all[i];
    if (event.task != task) continue;
    if (event.kind == events::kWalkBegin) {
      seen = {i, event.a, event.b, event.c, 0, 0, 0, 0};
    } else if (seen && event.kind == events::kWalkRange) {
      seen->from = event.a;
      seen->until = event.b;
      seen->safe_ro = event.c;
    } else if (seen && event.kind == events::kWalkStep) {
      ++seen->steps;
    } else if (event.kind == events::kWalkEnd) {
      seen.reset();
    }
  }
  return seen;
}

size_t events_until(const scenarios::Run& run, uint64_t step) {
  const auto& all = run.trace->events;
  const auto found = std::partition_point(
      all.begin(), all.end(), [&](const sim::Event& event) { return event.step <= step; });
  return static_cast<size_t>(found - all.begin());
}

void tell_log_state(const scenarios::Run& run, const LogState& state, std::ostream& out) {
  if (state.phase) {
    out << fmt::format("  checkpoint      {} since step {}\n",
                       phase_text(state.phase->value, state.version), grouped(state.phase->step));
  }
  if (!has_boundaries(state)) return;
  for (const engine::Boundary which : kChain) {
    const auto& value = state.boundaries[static_cast<size_t>(which)];
    const char* const name = boundary_name(static_cast<int64_t>(which));
    if (value) {
      out << fmt::format("  {:<15} {:<28} since step {}\n", name, address_text(run, value->value),
                         grouped(value->step));
    } else {
      out << fmt::format("  {:<15} has not moved\n", name);
    }
  }
  if (state.tail_page) {
    out << fmt::format("  {:<15} {:<28} since step {}\n", "tail",
                       fmt::format("in page {}", grouped(state.tail_page->value)),
                       grouped(state.tail_page->step));
  }
}

}  // namespace orrery::reports
