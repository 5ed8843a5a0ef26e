// SPDX-License-Identifier: Apache-2.0
// With the version barrier no operation of a version overlaps one of the next (engine-spec 5.3).
#pragma once

#include <optional>

#include "scenarios/run.hpp"

namespace orrery::scenarios {

/// A finding of the oracle `epochs`; nothing where the barrier is off.
std::optional<Finding> judge_barrier(const Run& run);

}  // namespace orrery::scenarios
