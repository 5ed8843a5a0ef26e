// SPDX-License-Identifier: Apache-2.0
// Operations in the order in which a log of operations holds them.
//
// In come the operations of a life, with the ends of their entries, and which of them the log that
// was found later holds. Out come the same operations one after the other, as the judge of a final
// read wants them (linearizable.hpp); or two that happened in another order than the log says. It
// knows no world: what threads did on a machine is placed like what fibers did in a simulated one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "scenarios/oracles/linearizable.hpp"

namespace orrery::scenarios {

/// Whether it may have changed what its key holds.
bool changes(const Operation& operation);

/// Whether a log that ends there holds it, for certain.
bool is_logged_until(const Operation& operation, int64_t end);

/// The first that changed something and has no entry.
std::optional<size_t> find_unlogged(std::span<const Operation> all);

/// One operation ended before the other began, in the same life, and stands behind it in the log.
struct Misplaced {
  size_t earlier = 0;
  size_t later = 0;
};
/// Requires: none is unlogged.
std::optional<Misplaced> find_misplaced(std::span<const Operation> all);

/// An operation on its place in the log, or somewhere behind others.
struct Placed {
  size_t index = SIZE_MAX;  // in the history; SIZE_MAX: what a life began with
  Operation operation;
};

/// What of a history a log holds, by index.
struct Logged {
  std::vector<size_t> counted;   // certainly
  std::vector<size_t> doubtful;  // perhaps: their clients died before the answer
};

/// Each of the counted ends before the next one begins, all in one version, behind what was found
/// when their life began.
std::vector<Placed> place_by_log(std::span<const Operation> all, const Logged& logged,
                                 std::span<const Found> begin, uint64_t version);

/// What was found when a life began, as a write before anything else; nothing if it was absent.
std::optional<Operation> write_of(const Found& found, uint64_t version);

}  // namespace orrery::scenarios
