// SPDX-License-Identifier: Apache-2.0
// Two plays of what ought to be the same run, and the first event in which they differ.
//
// A Witness keeps what is needed of the first play while the same world plays the second; best of
// two detailed runs, whose points carry the digest, so that a value that differs is found as well
// as an event. It judges nothing: two plays that agree are described by an empty text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/run.hpp"

namespace orrery::reports {

/// A copy of what was seen; it does not refer to the run.
struct Witness {
  explicit Witness(const scenarios::Run& run);

  scenarios::Verdict verdict;
  std::string signature;
  uint64_t digest;
  uint64_t steps;
  std::vector<sim::Event> events;
  std::vector<std::string> tasks;  // names
};

/// Whether verdict, signature, digest and steps are the same.
bool agree(const Witness& one, const Witness& other);

/// Where two plays part: an index into the events of both. In the one that ended there, the index
/// is the number of its events.
struct Divergence {
  size_t event = 0;
  bool in_value = false;  // the same event in both: what it read or wrote differs
};

/// Nothing if all events agree.
std::optional<Divergence> first_divergence(const Witness& one, const Witness& other);

/// The same as a JSON object: "event" (how many agree), "in_value", and "step", "task", "kind" and
/// "site" of the first event that differs, as the one play has it; as the other has it if the one
/// has ended. Empty if all events agree.
std::string divergence_place(const Witness& one, const Witness& other);

/// Several lines: how many events agree, the first that does not as each play has it, with task,
/// step and site, and the last that both have. Empty if the two agree. Requires: names of the plays
/// of at most 12 characters.
std::string divergence_text(const Witness& one, const Witness& other, const char* one_name,
                            const char* other_name);

}  // namespace orrery::reports
