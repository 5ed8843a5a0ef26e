// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/clients.hpp"

#include <fmt/format.h>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"

namespace orrery::scenarios {

Eviction eviction_of(const Run& run, OracleScratch& scratch) {
  scratch.heads.clear();
  for (const sim::Event& event : run.trace->events) {
    if (event.kind != engine::events::kBoundary) continue;
    if (event.a != static_cast<int64_t>(engine::Boundary::head)) continue;
    scratch.heads.push_back({event.step, event.b});
  }
  return {run.plan->scenario->is_cache(run.plan->sizes), scratch.heads};
}

std::optional<Finding> judge_clients(const Run& run, OracleScratch& scratch) {
  const std::span<const Operation> operations = run.history->operations();
  if (operations.empty()) return std::nullopt;
  Finding finding;
  finding.oracle = "linearizable";
  for (size_t i = 0; i < operations.size(); ++i) {
    if (!operations[i].garbage) continue;
    finding.label = "a client read bytes that nobody wrote";
    finding.text = fmt::format("client {} read key {} and got bytes that no value is made of",
                               operations[i].client, operations[i].key);
    finding.step = operations[i].returned;
    finding.operations.push_back(i);
    return finding;
  }
  const Eviction eviction = eviction_of(run, scratch);
  const LinearizabilityReport report = scratch.linearizability.check(operations, eviction);
  if (report.verdict != Linearizability::violated) return std::nullopt;
  finding.label = "what clients saw of a key fits no order of their operations";
  finding.text = report.text;
  finding.step = report.step;
  if (report.operation != kNoOperation) finding.operations.push_back(report.operation);
  return finding;
}

}  // namespace orrery::scenarios
