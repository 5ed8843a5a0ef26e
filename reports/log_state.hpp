// SPDX-License-Identifier: Apache-2.0
// What the engine had said about itself by one moment of a run: the boundaries of its log, the
// phase of its checkpoint, and the walk that each task was last seen in. Derived from the notes
// alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>

#include "scenarios/run.hpp"

namespace orrery::reports {

struct LogState {
  struct Value {
    int64_t value = 0;
    uint64_t step = 0;  // since when
  };
  std::array<std::optional<Value>, 7> boundaries;  // by engine::Boundary
  std::optional<Value> tail_page;
  std::optional<Value> phase;
  int64_t version = 0;

  /// False for an engine that has said nothing of the kind.
  bool is_known() const;
};

/// A walk after a snapshot page, by the two events that open it.
struct WalkSeen {
  size_t begin = 0;  // index of kWalkBegin
  int64_t page = 0;
  int64_t start = 0;
  int64_t width = 0;
  int64_t from = 0;
  int64_t until = 0;
  int64_t safe_ro = 0;
  int64_t steps = 0;  // records walked so far
};

/// What was known when the first `count` events had happened.
LogState log_state_at(const scenarios::Run& run, size_t count);

/// The walk that `task` was in at that moment, or that had brought it there.
std::optional<WalkSeen> walk_at(const scenarios::Run& run, size_t count, uint32_t task);

/// The index after the last event that is not later than `step`.
size_t events_until(const scenarios::Run& run, uint64_t step);

void tell_log_state(const scenarios::Run& run, const LogState& state, std::ostream& out);

}  // namespace orrery::reports
