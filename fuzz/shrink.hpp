// SPDX-License-Identifier: Apache-2.0
// From a failing run to the few decisions that its failure needs.
//
// In comes a plan that fails; out comes the smallest one found that fails with the same signature.
// Each pass replays leniently (a deviation whose address is never asked has no effect), and what a
// run really took is recorded again, so that what lost its effect is gone. First the sizes, towards
// SizeRow.calm; then the deviations (delta debugging, down to one at a time); then their values,
// towards the nominal. Where many deviations are left, one may do alone at another point of its
// actor: that is tried with a fifth of the budget. At the end each remaining deviation is left out
// alone, to say what it is needed for, and the result is replayed strictly, twice.
//
// The shrinker asks no clock and draws nothing: the same plan gives the same result. Its budget is
// a number of replays. It knows runs only through `Play`, so it works for any world.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "reports/telling.hpp"
#include "scenarios/run.hpp"

namespace orrery::fuzz {

/// Plays a plan. The run is valid until the next call.
using Play = std::function<const scenarios::Run&(const scenarios::Plan&)>;

/// With fewer there is no search: 40 are kept for necessity and confirmation.
constexpr uint64_t kReplaysLeast = 50;

struct ShrinkOptions {
  uint64_t replays_max = 2500;
  /// Accept sizes at which the failure needs no deviation any more, although it needed some before.
  /// Off: such a run is another, simpler incident, outside the sizes that are safe at rest.
  bool leave_safe_sizes = false;
  /// Asked before each step of the search: true ends it with what was found so far.
  std::function<bool()> stop = {};
  /// Called after each step that made something smaller, with the replays so far and what is left.
  std::function<void(uint64_t replays, size_t deviations)> progress = {};
};

struct Shrunk {
  bool failed = false;   // the plan given did fail; nothing else holds if it did not
  scenarios::Plan plan;  // replays the failure
  std::string signature;
  uint64_t digest = 0;
  size_t deviations_before = 0;
  std::vector<sim::Size> sizes_before;  // of those that changed
  /// One for each deviation of the plan, in its order; for the first ones alone where the budget
  /// ends before all were asked for. If it ends after one more was left out, some say what was so
  /// before.
  std::vector<reports::Need> needs;
  uint64_t replays = 0;
  bool complete = false;   // the budget was enough for search, faults and needs; nobody stopped it
  bool confirmed = false;  // strictly: same digest, every deviation took effect, twice
};

Shrunk shrink(const scenarios::Plan& plan, const Play& play, const ShrinkOptions& options);

}  // namespace orrery::fuzz
