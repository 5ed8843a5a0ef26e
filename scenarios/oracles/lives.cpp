// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/lives.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "faults/catalogue.hpp"
#include "scenarios/ledger.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

void take_events(const Run& run, std::vector<Life>& lives);
void take_working(const Run& run, std::vector<Life>& lives);
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
  };
  std::map<int64_t, Taken> taken;
  std::set<int64_t> failed;  // and their files were removed
  std::set<int64_t> left;    // they could not be

  void take(const sim::Event& event, size_t place, size_t life);
  void describe(Life& life, int64_t token, size_t emptied) const;
};

void Checkpoints::take(const sim::Event& event, size_t place, size_t life) {
  switch (event.kind) {
    case events::kCheckpointStarted:
      taken[event.a] = {static_cast<uint32_t>(life), place};
      failed.erase(event.a);
      left.erase(event.a);
      break;
    case events::kCheckpointLeft: left.insert(event.a); break;
    case events::kCheckpointDone:
      if (event.b != static_cast<int64_t>(engine::Errc::ok) && !left.contains(event.c)) {
        failed.insert(event.c);
      }
      break;
    default: break;
  }
}

// The life was recovered from this one.
void Checkpoints::describe(Life& life, int64_t token, size_t emptied) const {
  const auto found = taken.find(token);
  const Taken base = found == taken.end() ? Taken{} : found->second;
  life.base = base.life;
  life.resurrected = life.version != 0 && base.event < emptied;
  life.failed = failed.contains(token);
}

void take_events(const Run& run, std::vector<Life>& lives) {
  Checkpoints checkpoints;
  size_t emptied = 0;             // the event; 0: the store never was
  uint64_t committed_before = 0;  // it began to be emptied, in this life
  bool removed_before = false;
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    Life& life = lives.back();
    checkpoints.take(event, i, lives.size() - 1);
    switch (event.kind) {
      case events::kStoreEmptying:
        committed_before = life.committed;
        removed_before = life.removed_all;
        life.committed = 0;
        life.removed_all = true;
        break;
      case ledger::kGoesBack:
        life.back_to = static_cast<uint64_t>(event.a);
        life.recovery_ended = false;  // that it found none says nothing of the newest
        break;
      case events::kStoreEmptied: emptied = i; break;
      case events::kStoreKept:
        life.committed = committed_before;
        life.removed_all = removed_before;
        break;
      case events::kMetadataCommitted:
        life.committed = std::max(life.committed, static_cast<uint64_t>(event.a));
        break;
      case events::kRecoveryEnded:
        life.recovery_ended = true;
        life.recovery_event = i;
        life.outcome = static_cast<engine::Errc>(event.a);
        life.version = static_cast<uint64_t>(event.b);
        life.token = static_cast<uint64_t>(event.c);
        checkpoints.describe(life, event.c, emptied);
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
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) ++number;
    if (event.kind == events::kSessionStarted) {
      lives[number].begun.try_emplace(static_cast<uint64_t>(event.a),
                                      Life::Begun{static_cast<uint64_t>(event.c), i});
    }
    const bool begin =
        event.kind == events::kBoundary && event.a == static_cast<int64_t>(engine::Boundary::begin);
    if (begin) lives[number].given_up.push_back({event.step, event.b});
  }
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
