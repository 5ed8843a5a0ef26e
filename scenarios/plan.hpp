// SPDX-License-Identifier: Apache-2.0
// What is to be run: a scenario with all its sizes, switches and faults, and where choices come
// from.
//
// A plan is made from a seed or from a tape, changed by what the command line says, and checked
// once. Whatever is wrong with it is one line of text that names the nearest valid name; nothing is
// run before a plan is sound.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/scenario.hpp"
#include "scenarios/sizes.hpp"
#include "sim/tape.hpp"

namespace orrery::scenarios {

/// What is to be run.
struct Plan {
  const Scenario* scenario = nullptr;
  std::optional<uint64_t> seed;  // choices are drawn from it, unless `replays`
  Sizes sizes;                   // all of the scenario's
  std::vector<std::string> bugs;
  std::vector<std::string> faults;
  std::vector<sim::Deviation> deviations;
  bool replays = false;              // choices come from `deviations`
  std::vector<std::string> oracles;  // names; empty = all
  bool guarded = false;              // page and heap guards: see sim::Laws
  bool mirrored = false;             // memory the other way round: see sim::Laws
  bool detailed = false;             // every point is in the trace
  uint64_t stop_at = UINT64_MAX;     // step
};

/// The plan of one seed: sizes drawn, the scenario's default faults enabled.
Plan plan_of_seed(const Scenario& scenario, uint64_t seed);

/// Changes a size of the plan. Returns what is wrong with it, in one line; empty if nothing is.
std::string set_size(Plan& plan, std::string_view name, int64_t value);

/// Why the plan cannot be run, in one line with the nearest valid name; empty if it can.
std::string unfit(const Plan& plan);

/// The plan of a tape. Returns what is wrong in one line; empty if nothing is.
std::string plan_of_tape(const sim::Tape& tape, Plan& plan);

/// Of `known`, the shortest name that begins with `wanted`, or else the one that is most like it.
std::string nearest(std::string_view wanted, const std::vector<std::string>& known);

}  // namespace orrery::scenarios
