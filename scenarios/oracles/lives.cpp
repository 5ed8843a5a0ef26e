// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/lives.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "faults/catalogue.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/oracles/commits.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

void take_events(const Run& run, std::vector<Life>& lives);
void take_working(const Run& run, std::vector<Life>& lives);
bool may_hear(const sim::Event& ended);
void note_move(std::vector<HeadMove>& moves, const HeadMove& move);
void take_operations(const Run& run, std::vector<Life>& lives);
void begin_with_what_was_found(Life& life);

}  // namespace

bool has_crashed(const Run& run) {
  return std::any_of(run.trace->events.begin(), run.trace->events.end(),
                     [](const sim::Event& event) {
                       return event.kind == static_cast<uint16_t>(sim::Kind::crashed);
                     });
}

bool is_voided(const Run& run, sim::Promise promise) {
  const auto& names = run.plan->faults;
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return (faults::find_fault(name)->voids() & static_cast<uint32_t>(promise)) != 0;
  });
}

bool logs_operations(const Run& run) {
  return run.plan->sizes.find("log_operations").value_or(0) != 0;
}

std::vector<Life> lives_of(const Run& run) {
  std::vector<Life> lives(1);
  take_events(run, lives);
  take_working(run, lives);
  take_operations(run, lives);
  for (Life& life : lives) begin_with_what_was_found(life);
  return lives;
}

namespace {

// What became of the checkpoints, by token: once the files of one are gone another may have it.
struct Checkpoints {
  struct Taken {
    uint32_t life = UINT32_MAX;
    size_t event = 0;
    uint64_t version = 0;
  };
  std::map<int64_t, Taken> taken;
  std::set<int64_t> failed;  // and their files were removed
  std::set<int64_t> left;    // they could not be
  std::set<int64_t> given_up;
  size_t emptied = 0;   // the event; 0: the store never was
  size_t emptying = 0;  // it began to be, and perhaps is

  void take(const sim::Event& event, size_t place, size_t life);
  void describe(Life& life, int64_t token);
  bool is_there(int64_t token, size_t life) const;
};

void Checkpoints::take(const sim::Event& event, size_t place, size_t life) {
  switch (event.kind) {
    case events::kCheckpointStarted:
      taken[event.a] = {static_cast<uint32_t>(life), place, static_cast<uint64_t>(event.b)};
      given_up.erase(event.a);
      failed.erase(event.a);
      left.erase(event.a);
      break;
    case events::kCheckpointLeft: left.insert(event.a); break;
    case events::kStoreEmptying: emptying = place; break;
    case events::kStoreEmptied: emptied = place; break;
    case events::kStoreKept: emptying = emptied; break;
    case events::kCheckpointDone:
      if (event.b != static_cast<int64_t>(engine::Errc::ok) && !left.contains(event.c)) {
        failed.insert(event.c);
      }
      break;
    default: break;
  }
}

// True if a checkpoint of this life was begun after the store was emptied: its caller may hear of
// its end much later.
bool Checkpoints::is_there(int64_t token, size_t life) const {
  const auto found = taken.find(token);
  return found != taken.end() && found->second.life == life && found->second.event > emptying;
}

// The life was recovered from this one.
void Checkpoints::describe(Life& life, int64_t token) {
  const auto found = taken.find(token);
  const Taken base = found == taken.end() ? Taken{} : found->second;
  life.base = base.life;
  life.resurrected = life.version != 0 && base.event < emptied;
  life.failed = failed.contains(token);
  life.given_up = given_up.contains(token);
  if (life.outcome != engine::Errc::ok || life.asked == 0) return;
  for (const auto& [one, how] : taken) {
    if (how.version > life.version) given_up.insert(one);
  }
}

// The versions of the checkpoints that must be there, in order.
struct Kept {
  explicit Kept(const Run& run) : counted(run) {}
  CountedCheckpoints counted;
  std::vector<uint64_t> versions;
  std::vector<uint64_t> before;  // the store began to be emptied, or to go back
  uint64_t asked = 0;            // it goes back to this, or to one below
  bool stranger = false;         // somebody with other sectors is there

  /// Whether this is the end of a recovery that says nothing of the store, but to whom it was told.
  bool is_strangers(Life& life, const sim::Event& event, size_t place);
  void take(const sim::Event& event);
  void acknowledged(uint64_t version);
  void describe(Life& life, const sim::Event& recovered, size_t place) const;
  uint64_t newest() const;
};

void Kept::take(const sim::Event& event) {
  const auto version = static_cast<uint64_t>(event.b);
  counted.take(event);
  switch (event.kind) {
    case events::kMetadataCommitted: versions.push_back(static_cast<uint64_t>(event.a)); break;
    case events::kCheckpointsRemoved: {
      const size_t gone = versions.size() - std::min(versions.size(), counted.kept());
      versions.erase(versions.begin(), versions.begin() + static_cast<std::ptrdiff_t>(gone));
      break;
    }
    case events::kStoreEmptying: before = std::exchange(versions, {}); break;
    case events::kStoreKept: versions = before; break;
    case ledger::kGoesBack:
      if (event.a == 0) versions = before;
      asked = static_cast<uint64_t>(event.a);
      before = versions;
      if (asked != 0) std::erase_if(versions, [&](uint64_t one) { return one > asked; });
      break;
    case ledger::kAsksForNewest:
    case static_cast<uint16_t>(sim::Kind::crashed): asked = 0; break;
    case events::kRecoveryEnded:
      if (event.a != static_cast<int64_t>(engine::Errc::ok)) break;
      std::erase_if(versions, [&](uint64_t one) { return one >= version; });
      if (event.c != 0) versions.push_back(version);
      asked = 0;
      break;
    default: break;
  }
}

// Whatever the store has made of it.
void Kept::acknowledged(uint64_t version) {
  if (version > newest()) versions.push_back(version);
}

// Of a store that has a checkpoint, who comes with other sectors.
bool may_hear(const sim::Event& ended) {
  const auto code = static_cast<engine::Errc>(ended.a);
  return code == engine::Errc::invalid || code == engine::Errc::io ||
         code == engine::Errc::no_memory;
}

bool Kept::is_strangers(Life& life, const sim::Event& event, size_t place) {
  if (event.kind == ledger::kStrangerAsks) stranger = event.a != 0;
  if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) stranger = false;
  if (event.kind != events::kRecoveryEnded || !stranger) return false;
  if (newest() != 0 && !may_hear(event)) life.hidden_event = place;
  return true;
}

// What the recovery that has ended should have found.
void Kept::describe(Life& life, const sim::Event& recovered, size_t place) const {
  life.asked = asked;
  life.kept = newest();
  const auto code = static_cast<engine::Errc>(recovered.a);
  const bool damaged = code == engine::Errc::corrupt || code == engine::Errc::invalid;
  if (damaged && life.kept != 0 && life.damaged_event == 0) life.damaged_event = place;
}

uint64_t Kept::newest() const { return versions.empty() ? 0 : versions.back(); }

void take_events(const Run& run, std::vector<Life>& lives) {
  Checkpoints checkpoints;
  Kept kept(run);
  uint64_t committed_before = 0;  // it began to be emptied, in this life
  bool removed_before = false;
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    Life& life = lives.back();
    checkpoints.take(event, i, lives.size() - 1);
    if (kept.is_strangers(life, event, i)) continue;
    if (event.kind == events::kRecoveryEnded) kept.describe(life, event, i);
    kept.take(event);
    switch (event.kind) {
      case events::kStoreEmptying:
        committed_before = life.committed;
        removed_before = life.removed_all;
        life.committed = 0;
        life.removed_all = true;
        break;
      case ledger::kGoesBack:
        if (event.a == 0 && life.kept != 0) life.missed_event = life.recovery_event;
        life.back_to = static_cast<uint64_t>(event.a);
        life.recovery_ended = false;  // that it found none says nothing of the newest
        break;
      case events::kStoreKept:
        life.committed = committed_before;
        life.removed_all = removed_before;
        break;
      case events::kMetadataCommitted:
        life.committed = std::max(life.committed, static_cast<uint64_t>(event.a));
        life.commits[static_cast<uint64_t>(event.a)] = event.step;
        break;
      case ledger::kCheckpointAcknowledged:
        if (event.a == 0 || !checkpoints.is_there(event.b, lives.size() - 1)) break;
        life.committed = std::max(life.committed, static_cast<uint64_t>(event.a));
        kept.acknowledged(static_cast<uint64_t>(event.a));
        break;
      case events::kSnapshotStarted: life.finals[static_cast<uint64_t>(event.c)] = event.b; break;
      case events::kRecoveryEnded:
        life.recovery_ended = true;
        life.recovery_event = i;
        life.outcome = static_cast<engine::Errc>(event.a);
        life.version = static_cast<uint64_t>(event.b);
        life.token = static_cast<uint64_t>(event.c);
        checkpoints.describe(life, event.c);
        break;
      case static_cast<uint16_t>(sim::Kind::crashed):
        life.end = event.step;
        life.end_event = i;
        lives.emplace_back();
        break;
      default: break;
    }
  }
  lives.back().end = run.steps;
}

// What sessions were told, and what was given up under them.
void take_working(const Run& run, std::vector<Life>& lives) {
  size_t number = 0;
  const bool cache = run.plan->scenario->is_cache(run.plan->sizes);
  for (Life& life : lives) life.cache = cache;
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) ++number;
    if (event.kind == events::kSessionStarted) {
      lives[number].begun.try_emplace(static_cast<uint64_t>(event.a),
                                      Life::Begun{static_cast<uint64_t>(event.c), i});
    }
    if (event.kind != events::kBoundary) continue;
    const bool begin = event.a == static_cast<int64_t>(engine::Boundary::begin);
    const bool head = event.a == static_cast<int64_t>(engine::Boundary::head);
    if (begin || (head && cache)) note_move(lives[number].moves, {event.step, event.b});
  }
}

// Whichever is higher counts.
void note_move(std::vector<HeadMove>& moves, const HeadMove& move) {
  if (moves.empty() || moves.back().head < move.head) moves.push_back(move);
}

void take_operations(const Run& run, std::vector<Life>& lives) {
  const auto keys = static_cast<size_t>(run.plan->sizes.find("keys").value_or(0));
  for (const Operation& operation : run.history->operations()) {
    Life& life = lives[operation.life];
    life.operations.push_back(operation);
    if (operation.client != kRecoveryReader || operation.returned == kNeverReturned) continue;
    if (operation.outcome != Outcome::ok && operation.outcome != Outcome::not_found) continue;
    const bool present = operation.outcome == Outcome::ok;
    life.found.push_back({operation.key, present, operation.garbage, operation.result});
  }
  for (Life& life : lives) life.begin_known = life.found.size() == keys;
  lives.front().begin_known = true;
}

void begin_with_what_was_found(Life& life) {
  std::vector<Operation> first;
  for (const Found& found : life.found) {
    if (!found.present) continue;
    Operation write;
    write.client = kRecoveryReader;
    write.kind = OpKind::upsert;
    write.outcome = Outcome::ok;
    write.key = found.key;
    write.argument = found.value;
    write.version = 1;  // older than anything that the life does
    write.returned = 0;
    first.push_back(write);
  }
  life.operations.insert(life.operations.begin(), first.begin(), first.end());
}

}  // namespace
}  // namespace orrery::scenarios
