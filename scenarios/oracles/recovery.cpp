// SPDX-License-Identifier: Apache-2.0
// A recovered store holds what its checkpoint captured: all that was done in its version and
// before, nothing of the next; the newest checkpoint that was committed before the crash, or one
// that was about to be, but none whose end was reported as a failure and whose files were removed;
// and no crash alone makes a checkpoint unreadable (engine-spec 6.6; I8). One of which somebody
// was told that it is durable was committed, whatever the store says of it otherwise.
#include <fmt/format.h>

#include <algorithm>

#include "engine/store/events.hpp"
#include "scenarios/oracles/clients.hpp"
#include "scenarios/oracles/lives.hpp"
#include "scenarios/oracles/oracle.hpp"
#include "scenarios/oracles/serials.hpp"

namespace orrery::scenarios {
namespace {

uint64_t committed_after_going_back(const Life& life, uint64_t committed);
Finding missed(const Run& run, const Life& life);
Finding hidden(const Run& run, size_t event);
Finding damaged(const Run& run, size_t event);
std::optional<Finding> judge_outcome(const Run& run, const Life& life, uint64_t committed);
std::optional<Finding> judge_choice(const Run& run, const Life& life);
Judgement judge_contents(const Run& run, OracleScratch& scratch, const std::vector<Life>& lives,
                         size_t number);
int64_t lowest_kept(const Run& run, const Life& base, size_t number, const Cut& cut);
std::vector<HeadMove> moves_until(const Life& base, const Cut& cut, int64_t lowest);
Recovered recovered_by_checkpoint(const std::vector<Life>& lives, size_t number);
void cite_commit(const Run& run, Finding& finding);

}  // namespace

Judgement judge_recovery(const Run& run, OracleScratch& scratch) {
  if (!has_crashed(run)) return {};
  const std::vector<Life> lives = lives_of(run);
  const bool logs = logs_operations(run);
  uint64_t committed = 0;
  for (size_t i = 0; i < lives.size(); ++i) {
    const Life& life = lives[i];
    if (life.missed_event != 0) return missed(run, life);
    if (life.hidden_event != 0) return hidden(run, life.hidden_event);
    if (life.damaged_event != 0 && !is_voided(run, sim::Promise::integrity)) {
      return damaged(run, life.damaged_event);
    }
    if (life.recovery_ended) {
      if (auto found = judge_outcome(run, life, committed)) return std::move(*found);
      const auto from = [&](size_t one) { return recovered_by_checkpoint(lives, one); };
      if (!logs) {
        if (auto found = judge_serials(run, lives, i, from, "recovery")) return std::move(*found);
      }
      // With a log there is more than what the checkpoint captured: see operation_log.cpp.
      const bool known = life.begin_known && (life.version == 0 || lives[life.base].begin_known);
      if (known && !logs) {
        Judgement one = judge_contents(run, scratch, lives, i);
        if (one.finding || !one.not_judged.empty()) return one;
      }
    }
    if (life.back_to != 0) committed = committed_after_going_back(life, committed);
    committed = life.removed_all ? life.committed : std::max(committed, life.committed);
  }
  if (auto found = judge_committed(run, "recovery")) return std::move(*found);
  return {};
}

namespace {

// What a later life finds at least: the newer ones are given up as soon as the older one was read,
// and it may have died on the way there.
uint64_t committed_after_going_back(const Life& life, uint64_t committed) {
  const bool there = life.recovery_ended && life.outcome == engine::Errc::ok;
  return there ? life.version : std::min<uint64_t>(committed, 1);
}

Finding missed(const Run& run, const Life& life) {
  Finding finding = finding_at(run, "recovery", life.missed_event);
  finding.label = "a committed checkpoint was lost";
  finding.text = fmt::format(
      "version {} is kept, and a recovery that may go back as far as that found none", life.kept);
  cite_commit(run, finding);
  return finding;
}

Finding hidden(const Run& run, size_t event) {
  Finding finding = finding_at(run, "recovery", event);
  finding.label = "a checkpoint was not recognised";
  finding.text = fmt::format(
      "a recovery with sectors of another size ended with {}, and is to be refused as invalid",
      engine::name_of(static_cast<engine::Errc>(run.trace->events[event].a)));
  cite_commit(run, finding);
  return finding;
}

// Of several checkpoints the right one.
std::optional<Finding> judge_choice(const Run& run, const Life& life) {
  if (life.outcome != engine::Errc::ok || life.token == 0) return std::nullopt;
  Finding finding = finding_at(run, "recovery", life.recovery_event);
  if (life.given_up) {
    finding.label = "a checkpoint came back after the store had gone back to an older one";
    finding.text = fmt::format("version {}, token {}", life.version, life.token);
    return finding;
  }
  if (life.asked == 0) return std::nullopt;
  if (life.version > life.asked) {
    finding.label = "a store was recovered from a newer checkpoint than was asked for";
    finding.text =
        fmt::format("version {}, and no later one than {} was asked for", life.version, life.asked);
    return finding;
  }
  if (life.version >= life.kept) return std::nullopt;
  finding.label = "a store was recovered from an older checkpoint than was asked for";
  finding.text = fmt::format("version {}, although {} is kept", life.version, life.kept);
  return finding;
}

std::optional<Finding> judge_outcome(const Run& run, const Life& life, uint64_t committed) {
  using engine::Errc;
  Finding finding = finding_at(run, "recovery", life.recovery_event);
  if (life.outcome == Errc::ok && life.resurrected) {
    finding.label = "a checkpoint came back after the store had been emptied";
    finding.text = fmt::format("version {}, token {}", life.version, life.token);
    return finding;
  }
  if (life.outcome == Errc::ok && life.failed) {
    finding.label = "a store was recovered from a checkpoint that had failed";
    finding.text = fmt::format("version {}, token {}: whoever took it was told that it is none",
                               life.version, life.token);
    return finding;
  }
  if (auto found = judge_choice(run, life)) return found;
  if (life.outcome == Errc::ok || life.outcome == Errc::not_found) {
    const uint64_t least = life.back_to == 0 ? committed : std::min<uint64_t>(committed, 1);
    const uint64_t wanted = std::max(least, life.asked == 0 ? life.kept : 0);
    if (life.version >= wanted) {
      const bool from_checkpoint = life.outcome == Errc::ok && life.token != 0;
      if (!from_checkpoint || life.base != UINT32_MAX) return std::nullopt;
      finding.label = "a store was recovered from a checkpoint that nobody took";
      finding.text = fmt::format("token {}, version {}", life.token, life.version);
      return finding;
    }
    finding.label = "a committed checkpoint was lost";
    finding.text =
        fmt::format("version {} was committed, version {} was recovered", wanted, life.version);
    cite_commit(run, finding);
    return finding;
  }
  if (life.outcome != Errc::corrupt && life.outcome != Errc::invalid) return std::nullopt;
  if (is_voided(run, sim::Promise::integrity)) return std::nullopt;
  return damaged(run, life.recovery_event);
}

Finding damaged(const Run& run, size_t event) {
  Finding finding = finding_at(run, "recovery", event);
  finding.label = "a checkpoint was found damaged";
  finding.text = fmt::format(
      "recovery ended with {}, and neither a crash nor a request that failed may damage what was "
      "committed",
      engine::name_of(static_cast<engine::Errc>(run.trace->events[event].a)));
  cite_commit(run, finding);
  return finding;
}

// The commit that recovery goes by, and what of its snapshot had failed until then.
void cite_commit(const Run& run, Finding& finding) {
  namespace events = engine::events;
  const auto& all = run.trace->events;
  bool committed = false;
  for (size_t i = finding.events.front(); i-- > 0;) {
    const sim::Event& event = all[i];
    if (committed && event.kind == events::kSnapshotStarted) return;
    const bool commit = !committed && event.kind == events::kMetadataCommitted;
    const bool failed = committed && event.kind == events::kSnapshotPageDone && event.b != 0;
    if (commit || failed) finding.events.insert(finding.events.begin(), i);
    committed = committed || commit;
  }
}

// A cache that is recovered keeps no more than its memory has room for.
int64_t lowest_kept(const Run& run, const Life& base, size_t number, const Cut& cut) {
  const auto final = base.finals.find(cut.version);
  if (!base.cache || final == base.finals.end()) return 0;
  const Plan& plan = *run.plan;
  const int64_t bits = plan.sizes["page_bits"];
  const int64_t kept = plan.scenario->pages_kept(plan.sizes, static_cast<uint32_t>(number));
  return std::max<int64_t>(0, (final->second >> bits) - kept) << bits;
}

// When the snapshot was committed, at the latest, all below `lowest` was as good as lost.
std::vector<HeadMove> moves_until(const Life& base, const Cut& cut, int64_t lowest) {
  std::vector<HeadMove> moves = base.moves;
  if (lowest == 0) return moves;
  const auto later = std::partition_point(moves.begin(), moves.end(), [&](const HeadMove& move) {
    return move.step <= cut.written_by;
  });
  if (later != moves.begin() && std::prev(later)->head >= lowest) return moves;
  const auto higher =
      std::find_if(later, moves.end(), [&](const HeadMove& move) { return move.head > lowest; });
  const auto place = moves.erase(later, higher);
  moves.insert(place, {cut.written_by, lowest});
  return moves;
}

Judgement judge_contents(const Run& run, OracleScratch& scratch, const std::vector<Life>& lives,
                         size_t number) {
  const Life& life = lives[number];
  const Life empty;
  const Life& base = life.version == 0 ? empty : lives[life.base];
  const auto commit = base.commits.find(life.version);
  const Cut cut{life.version, commit == base.commits.end() ? base.end : commit->second};
  const std::vector<HeadMove> moves = moves_until(base, cut, lowest_kept(run, base, number, cut));
  const LinearizabilityReport report = scratch.linearizability.check_final(
      base.operations, {base.eviction().cache, moves}, cut, life.found);
  if (report.verdict == Linearizability::ok) return {};
  if (report.verdict == Linearizability::inconclusive) {
    Judgement judgement;
    judgement.not_judged = report.text;
    return judgement;
  }
  Finding finding = finding_at(run, "recovery", life.recovery_event);
  finding.label = "a recovered store does not hold the state at its checkpoint";
  finding.text =
      fmt::format("recovered version {} (token {}): {}", life.version, life.token, report.text);
  if (life.version != 0) {
    finding.operations = witnesses_of_life(run, base, life.base, report, life.found);
  }
  const std::span<const Operation> all = run.history->operations();
  for (size_t i = 0; i < all.size(); ++i) {  // who read it back
    if (all[i].life == number && all[i].client == kRecoveryReader && all[i].key == report.key) {
      finding.operations.push_back(i);
    }
  }
  return finding;
}

// All that was done in the version of the checkpoint, and before.
Recovered recovered_by_checkpoint(const std::vector<Life>& lives, size_t number) {
  const Life& life = lives[number];
  if (number == 0 || life.version == 0) return {};
  const uint64_t version = life.version;
  return {life.base,
          [version](const Operation& operation) {
            if (!is_answered(operation) || operation.version == 0) return Held::unknown;
            return operation.version <= version ? Held::present : Held::absent;
          },
          false};
}

}  // namespace
}  // namespace orrery::scenarios
