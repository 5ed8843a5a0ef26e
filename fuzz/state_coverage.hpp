// SPDX-License-Identifier: Apache-2.0
// Which states a run went through, as counters that a coverage-guided fuzzer reads.
//
// Edges of the code say little about a schedule: the same lines run in every order. So a state is
// the phase of the checkpoint, the order of the log's boundaries, the state of frames, the kinds of
// requests in flight and the order in which they came back; each combination that an event of the
// trace saw sets one counter. The trace is walked once, after the run. Nothing here knows a
// schedule from another but by what the engine and the world reported, and nothing is judged.
#pragma once

#include <cstdint>
#include <span>

#include "scenarios/run.hpp"

namespace orrery::fuzz {

/// Sets the counters of the states of `run` to 1 and leaves the others as they are. Requires: the
/// number of counters is a power of two.
void cover(const scenarios::Run& run, std::span<uint8_t> counters);

}  // namespace orrery::fuzz
