// SPDX-License-Identifier: Apache-2.0
// Judges of a finished run: pure functions from what was seen to a broken promise, if there is one.
//
// One file and one row in catalogue.cpp. An oracle never asks a choice, never touches the world and
// never looks at a switch: it knows what a correct engine promises, and which of that the enabled
// faults have voided. If several find something, the earliest step wins. One that could not look at
// everything says so: then the run is inconclusive, unless somebody found something. The `online`
// ones have no function: the world itself must stop at once where memory is misused or nothing can
// run.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "scenarios/oracles/linearizable.hpp"
#include "scenarios/oracles/snapshot_reader.hpp"
#include "scenarios/run.hpp"

namespace orrery::scenarios {

/// What oracles keep between runs so as not to allocate in each.
struct OracleScratch {
  LinearizabilityChecker linearizability;
  SnapshotReader snapshot_reader;
  std::vector<HeadMove> heads;
  std::vector<Found> found;
  std::vector<std::byte> info;
};

/// What an oracle says of a run: a broken promise, or why it could not judge all of it, or neither.
struct Judgement {
  std::optional<Finding> finding;
  std::string not_judged;  // in a few words; empty if all was judged

  Judgement() = default;
  Judgement(std::optional<Finding> found) : finding(std::move(found)) {}
  Judgement(Finding found) : finding(std::move(found)) {}
};

using Judge = Judgement (*)(const Run&, OracleScratch&);

struct OracleRow {
  const char* name;
  const char* sentence;
  Judge judge;  // null: online, in sim/
};

std::span<const OracleRow> all_oracles();

/// A finding with step, time and task of an event of the run.
Finding finding_at(const Run& run, const char* oracle, size_t event);

/// The virtual time of a step: that of the last event before it, and of the points since.
int64_t time_at(const Run& run, uint64_t step);

Judgement judge_address_chain(const Run& run, OracleScratch& scratch);
Judgement judge_epochs(const Run& run, OracleScratch& scratch);
Judgement judge_walks(const Run& run, OracleScratch& scratch);
Judgement judge_completions(const Run& run, OracleScratch& scratch);
Judgement judge_clients(const Run& run, OracleScratch& scratch);
Judgement judge_metadata(const Run& run, OracleScratch& scratch);
Judgement judge_snapshots(const Run& run, OracleScratch& scratch);
Judgement judge_recovery(const Run& run, OracleScratch& scratch);
Judgement judge_operations(const Run& run, OracleScratch& scratch);
Judgement judge_ledger(const Run& run, OracleScratch& scratch);
Judgement judge_reasons(const Run& run, OracleScratch& scratch);
Judgement judge_resources(const Run& run, OracleScratch& scratch);

}  // namespace orrery::scenarios
