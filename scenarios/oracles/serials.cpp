// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/serials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/store/events.hpp"
#include "scenarios/ledger.hpp"

namespace orrery::scenarios {
namespace {

bool is_in_history(const Run& run, uint64_t session);
SerialRange range_at_begin(const std::vector<Life>& lives, size_t life, uint64_t session,
                           const RecoveredFrom& recovered_from);

}  // namespace

void SerialRange::count(Held held) {
  least += held == Held::present ? 1 : 0;
  most += held == Held::absent ? 0 : 1;
}

bool is_answered(const Operation& operation) {
  return operation.outcome == Outcome::ok || operation.outcome == Outcome::not_found;
}

std::optional<Finding> judge_serials(const Run& run, const std::vector<Life>& lives, size_t life,
                                     const RecoveredFrom& recovered_from, const char* oracle) {
  for (const auto& [session, begun] : lives[life].begun) {
    if (!is_in_history(run, session)) continue;
    const SerialRange right = range_at_begin(lives, life, session, recovered_from);
    if (right.least <= begun.serial && begun.serial <= right.most) continue;
    Finding finding = finding_at(run, oracle, begun.event);
    finding.label = "a session goes on from a number of operations that are not there";
    finding.text = fmt::format(
        "session {} was told that {} of its operations were recovered; at least {} and at most {} "
        "were",
        session, begun.serial, right.least, right.most);
    return finding;
  }
  return std::nullopt;
}

std::optional<Finding> judge_committed(const Run& run, const char* oracle) {
  std::set<int64_t> checkpoints;         // versions; of those that nobody has given up since
  std::map<int64_t, int64_t> committed;  // operations, by session
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    switch (event.kind) {
      case engine::events::kMetadataCommitted: checkpoints.insert(event.a); break;
      case engine::events::kStoreEmptying:
      case ledger::kGoesBack:
        checkpoints.clear();
        committed.clear();
        break;
      case ledger::kSessionCommitted:
        if (checkpoints.contains(event.c)) committed[event.a] = event.b;
        break;
      case engine::events::kSessionStarted: {
        const auto told = committed.find(event.a);
        if (told == committed.end() || event.c >= told->second) break;
        Finding finding = finding_at(run, oracle, i);
        finding.label = "a session has lost operations that were in a checkpoint";
        finding.text = fmt::format(
            "session {} was told that {} of its operations are committed, and begins with {}",
            event.a, told->second, event.c);
        return finding;
      }
      default: break;
    }
  }
  return std::nullopt;
}

namespace {

// Not everybody who works on a store has a client that writes down what he does.
bool is_in_history(const Run& run, uint64_t session) {
  const auto operations = run.history->operations();
  return std::any_of(operations.begin(), operations.end(),
                     [&](const Operation& one) { return one.client == session; });
}

SerialRange range_at_begin(const std::vector<Life>& lives, size_t life, uint64_t session,
                           const RecoveredFrom& recovered_from) {
  const Recovered from = recovered_from(life);
  if (from.life == SIZE_MAX) return {};
  const Life& base = lives[from.life];
  SerialRange range;
  const auto begun = base.begun.find(session);
  if (begun != base.begun.end()) {
    range = {begun->second.serial, begun->second.serial};  // this was judged already
  } else {
    range = range_at_begin(lives, from.life, session, recovered_from);
  }
  const SerialRange before = range;
  for (const Operation& operation : base.operations) {
    if (operation.client == session && operation.invoked > 0) range.count(from.holds(operation));
  }
  if (from.forgets && range.least == before.least) range.least = 0;
  return range;
}

}  // namespace
}  // namespace orrery::scenarios
