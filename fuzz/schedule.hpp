// SPDX-License-Identifier: Apache-2.0
// What an input of the fuzz target `schedule` means: a run.
//
// An input is a head and selections (sim/from_bytes.hpp). The head is a seed, from which the
// scenario draws its sizes, and an effort, which bounds how much is done: thousands of runs a
// second find more than a few long ones. The calm run of those sizes is played once to learn its
// addresses, and remembered. Every input of any length means a run, the same in every binary of a
// revision; what is missing counts as zero.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fuzz/changes.hpp"
#include "sim/from_bytes.hpp"

namespace orrery::fuzz {

struct ScheduleInput {
  static constexpr size_t kHeadSize = 9;  // seed from the low byte up, effort
  static constexpr size_t kSizeMax = kHeadSize + sim::kSelectionsMax * sim::Selection::kSize;

  uint64_t seed = 0;
  uint8_t effort = 0;  // modulo kEfforts
  std::vector<sim::Selection> selections;

  static ScheduleInput read(std::span<const uint8_t> bytes);
  std::vector<uint8_t> bytes() const;
};

/// How many operations a run of an effort may have in all.
inline constexpr uint64_t kEfforts = 4;
int64_t operations_of(uint8_t effort);

class SchedulePlayer {
 public:
  SchedulePlayer(const scenarios::Scenario& scenario, Changes changes);
  ~SchedulePlayer();

  /// What the changes make impossible, in one line; empty if inputs can be played.
  const std::string& wrong() const { return wrong_; }

  /// Requires: nothing is wrong. The run is valid until the next one.
  const scenarios::Run& play(std::span<const uint8_t> bytes);

  /// The plan of the sizes that a head draws; no choices of its own.
  scenarios::Plan plan_of(const ScheduleInput& input) const;

 private:
  using Head = std::pair<uint64_t, uint64_t>;
  struct Surveyed {
    scenarios::Plan plan;
    sim::Places places;
  };
  void bound(std::string_view name, int64_t most, scenarios::Plan& plan) const;
  const Surveyed& survey(const ScheduleInput& input);

  const scenarios::Scenario& scenario_;
  const Changes changes_;
  std::string wrong_;
  scenarios::Runner runner_;
  std::map<Head, Surveyed> surveyed_;
};

}  // namespace orrery::fuzz
