// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/clients.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "scenarios/oracles/lives.hpp"

namespace orrery::scenarios {
namespace {

constexpr const char* kLabel = "what clients saw of a key fits no order of their operations";

Judgement judge_lives(const Run& run, OracleScratch& scratch);

}  // namespace

Eviction eviction_of(const Run& run, OracleScratch& scratch) {
  scratch.heads.clear();
  for (const sim::Event& event : run.trace->events) {
    if (event.kind != engine::events::kBoundary) continue;
    if (event.a != static_cast<int64_t>(engine::Boundary::head)) continue;
    scratch.heads.push_back({event.step, event.b});
  }
  return {run.plan->scenario->is_cache(run.plan->sizes), scratch.heads};
}

Judgement judgement_of(const LinearizabilityReport& report) {
  Judgement judgement;
  if (report.verdict == Linearizability::inconclusive) judgement.not_judged = report.text;
  return judgement;
}

std::vector<size_t> witnesses(std::span<const Operation> operations,
                              const LinearizabilityReport& report, std::span<const Found> found) {
  std::vector<uint64_t> numbers = report.allowed;
  if (report.operation != kNoOperation) numbers.push_back(operations[report.operation].result);
  for (const Found& one : found) {
    if (one.key == report.key && one.present) numbers.push_back(one.value);
  }
  std::vector<size_t> all;
  for (size_t i = 0; i < operations.size(); ++i) {
    const Operation& operation = operations[i];
    if (operation.key != report.key) continue;
    const bool wrote = operation.kind == OpKind::upsert || operation.kind == OpKind::add;
    const uint64_t number =
        operation.kind == OpKind::upsert ? operation.argument : operation.result;
    const bool named = std::find(numbers.begin(), numbers.end(), number) != numbers.end();
    if (i == report.operation || (wrote && named)) all.push_back(i);
  }
  return all;
}

Judgement judge_clients(const Run& run, OracleScratch& scratch) {
  const std::span<const Operation> operations = run.history->operations();
  if (operations.empty()) return {};
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
  if (has_crashed(run)) return judge_lives(run, scratch);
  const Eviction eviction = eviction_of(run, scratch);
  const LinearizabilityReport report = scratch.linearizability.check(operations, eviction);
  if (report.verdict != Linearizability::violated) return judgement_of(report);
  finding.label = kLabel;
  finding.text = report.text;
  finding.step = report.step;
  finding.operations = witnesses(operations, report, {});
  return finding;
}

namespace {

// Each life is a history of its own, which begins with what was recovered.
Judgement judge_lives(const Run& run, OracleScratch& scratch) {
  Judgement all;
  for (const Life& life : lives_of(run)) {
    if (!life.begin_known) continue;  // a fault kept somebody from reading all of it back
    const LinearizabilityReport report = scratch.linearizability.check(life.operations, {});
    if (report.verdict == Linearizability::inconclusive) all.not_judged = report.text;
    if (report.verdict != Linearizability::violated) continue;
    Finding finding;
    finding.oracle = "linearizable";
    finding.label = kLabel;
    finding.text = report.text;
    finding.step = report.step;
    return finding;
  }
  return all;
}

}  // namespace

}  // namespace orrery::scenarios
