// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/clients.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/check.hpp"
#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"

namespace orrery::scenarios {
namespace {

constexpr const char* kLabel = "what clients saw of a key fits no order of their operations";

std::optional<Finding> find_damaged(const Run& run);
Judgement judge_lives(const Run& run, OracleScratch& scratch);
void place(const Run& run, const Operation& operation, Finding& finding);

}  // namespace

Eviction eviction_of(const Run& run, OracleScratch& scratch) {
  scratch.heads.clear();
  const bool cache = run.plan->scenario->is_cache(run.plan->sizes);
  int64_t highest = 0;
  for (const sim::Event& event : run.trace->events) {
    if (event.kind != engine::events::kBoundary || event.b <= highest) continue;
    const bool is_head = event.a == static_cast<int64_t>(engine::Boundary::head);
    const bool is_begin = event.a == static_cast<int64_t>(engine::Boundary::begin);
    if (!is_begin && !(is_head && cache)) continue;
    highest = event.b;
    scratch.heads.push_back({event.step, highest});
  }
  return {cache || !scratch.heads.empty(), scratch.heads};
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

std::vector<size_t> witnesses_of_life(const Run& run, const Life& life, uint32_t number,
                                      const LinearizabilityReport& report,
                                      std::span<const Found> found) {
  const std::span<const Operation> all = run.history->operations();
  std::vector<size_t> own;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].life == number) own.push_back(i);
  }
  // What a life began with stands before what was done in it.
  CHECK(life.operations.size() >= own.size(), "life {} has lost operations", number);
  const size_t begun_with = life.operations.size() - own.size();
  std::vector<size_t> named;
  for (const size_t index : witnesses(life.operations, report, found)) {
    if (index >= begun_with) {
      named.push_back(own[index - begun_with]);
      continue;
    }
    const auto reader = std::find_if(own.begin(), own.end(), [&](size_t i) {
      return all[i].client == kRecoveryReader && all[i].key == life.operations[index].key;
    });
    if (reader != own.end()) named.push_back(*reader);
  }
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  return named;
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
    place(run, operations[i], finding);
    return finding;
  }
  if (auto found = find_damaged(run)) return std::move(*found);
  if (has_crashed(run)) return judge_lives(run, scratch);
  const Eviction eviction = eviction_of(run, scratch);
  const LinearizabilityReport report = scratch.linearizability.check(operations, eviction);
  if (report.verdict != Linearizability::violated) return judgement_of(report);
  finding.label = kLabel;
  finding.text = report.text;
  finding.step = report.step;
  finding.operations = witnesses(operations, report, {});
  if (report.operation != kNoOperation) place(run, operations[report.operation], finding);
  return finding;
}

namespace {

// What was written stays as it was written, unless a fault is there to damage it.
std::optional<Finding> find_damaged(const Run& run) {
  const std::span<const Operation> operations = run.history->operations();
  const auto damaged = std::find_if(operations.begin(), operations.end(),
                                    [](const Operation& one) { return one.damaged; });
  if (damaged == operations.end() || is_voided(run, sim::Promise::integrity)) return std::nullopt;
  Finding finding;
  finding.oracle = "linearizable";
  finding.label = "a client was told that its record is damaged";
  finding.text = fmt::format("client {} asked for key {}", damaged->client, damaged->key);
  finding.step = damaged->returned;
  finding.operations.push_back(static_cast<size_t>(damaged - operations.begin()));
  place(run, *damaged, finding);
  return finding;
}

// Each life is a history of its own, which begins with what was recovered.
Judgement judge_lives(const Run& run, OracleScratch& scratch) {
  Judgement all;
  const std::vector<Life> lives = lives_of(run);
  for (uint32_t number = 0; number < lives.size(); ++number) {
    const Life& life = lives[number];
    if (!life.begin_known) continue;  // a fault kept somebody from reading all of it back
    const LinearizabilityReport report =
        scratch.linearizability.check(life.operations, life.eviction());
    if (report.verdict == Linearizability::inconclusive) all.not_judged = report.text;
    if (report.verdict != Linearizability::violated) continue;
    Finding finding;
    finding.oracle = "linearizable";
    finding.label = kLabel;
    finding.text = report.text;
    finding.step = report.step;
    finding.operations = witnesses_of_life(run, life, number, report, {});
    if (report.operation != kNoOperation) place(run, life.operations[report.operation], finding);
    return finding;
  }
  return all;
}

// Who noticed it, when, and where he was last seen in that operation.
void place(const Run& run, const Operation& operation, Finding& finding) {
  finding.task = operation.task;
  finding.now_ns = time_at(run, finding.step);
  for (const sim::Event& event : run.trace->events) {
    if (event.step > finding.step) break;
    if (event.task != operation.task || event.step < operation.invoked) continue;
    if (event.site.line() != 0) finding.site = event.site;
  }
}

}  // namespace

}  // namespace orrery::scenarios
