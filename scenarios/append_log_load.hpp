// SPDX-License-Identifier: Apache-2.0
// The clients of an append-only log, and those who read it while it is written. The sizes are those
// of the scenario `append-log`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/store/append_log.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

inline constexpr int64_t kWritersMax = 8;
inline constexpr size_t kPayloadMax = 1024;  // bytes of the largest entry

/// Plays all clients of a log that was just opened, and returns when they have ended. `opening`
/// counts the openings of all lives: no two entries of a run say the same number.
void play_append_load(Stage& stage, engine::AppendLog& log, uint64_t opening);

/// The number that an entry says; 0 if it says none.
int64_t number_of_entry(engine::Bytes payload);

}  // namespace orrery::scenarios
