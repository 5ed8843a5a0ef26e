// SPDX-License-Identifier: Apache-2.0
// What replay and shrink work on: SCENARIO SEED, or a tape file.
#pragma once

#include <string>
#include <vector>

#include "fuzz/changes.hpp"
#include "reports/telling.hpp"

namespace orrery::cli {

struct Target {
  scenarios::Plan plan;              // guarded
  std::string command;               // the words behind "orrery replay" that lead here again
  std::string file;                  // the tape; empty for a seed
  std::string revision;              // that the tape was recorded at
  std::vector<reports::Need> needs;  // what the tape's own remarks say, if they are about this plan
};

/// `first` and `second` as they were typed, `second` perhaps empty. Returns what is wrong in one
/// line, empty if nothing is.
std::string read_target(const std::string& first, const std::string& second,
                        const fuzz::Changes& changes, Target& target);

/// The name of the scenario that `first` is, or is a tape of; empty if it is neither.
std::string scenario_of(const std::string& first);

/// That the tape was recorded at another revision than this, in one line; empty if it was not.
std::string other_revision(const Target& target);

/// The text of a tape with what each deviation is needed for, as remarks that read_target finds
/// again.
std::string tape_text(const sim::Tape& tape, const std::vector<reports::Need>& needs);

}  // namespace orrery::cli
