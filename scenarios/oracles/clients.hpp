// SPDX-License-Identifier: Apache-2.0
// Turns a run into the question that linearizable.hpp answers, and the answer into a finding.
#pragma once

#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {

/// How records may have vanished in this run. The moves live in the scratch.
Eviction eviction_of(const Run& run, OracleScratch& scratch);

}  // namespace orrery::scenarios
