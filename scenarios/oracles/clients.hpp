// SPDX-License-Identifier: Apache-2.0
// Turns a run into the question that linearizable.hpp answers, and the answer into a finding.
#pragma once

#include "scenarios/oracles/lives.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {

/// How records may have vanished in this run. The moves live in the scratch.
Eviction eviction_of(const Run& run, OracleScratch& scratch);

/// Of a report that accuses nobody.
Judgement judgement_of(const LinearizabilityReport& report);

/// The operations that the report is about: the one that fits nowhere, and those that wrote what it
/// saw or should have seen. In the order of the history.
std::vector<size_t> witnesses(std::span<const Operation> operations,
                              const LinearizabilityReport& report, std::span<const Found> found);

/// The same of one life, as indices into the history of the whole run: for what the life began
/// with, the operation that read it back.
std::vector<size_t> witnesses_of_life(const Run& run, const Life& life, uint32_t number,
                                      const LinearizabilityReport& report,
                                      std::span<const Found> found);

}  // namespace orrery::scenarios
