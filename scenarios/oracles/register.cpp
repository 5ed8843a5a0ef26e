// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/register.hpp"

#include <algorithm>

namespace orrery::scenarios {
namespace {

Register::State gone(Register::State state, Presence presence);
bool is_write(const Operation& operation);

}  // namespace

void Register::step(const State& state, uint32_t index, uint64_t now,
                    Successors<State>& next) const {
  if (index == kFinalRead) return final_read(state, next);
  const Operation& op = operations[index];
  if (!hurried_) return take(state, op, now, next);
  Successors<State> all;
  take(state, op, now, all);
  for (uint32_t i = 0; i < all.count; ++i) {
    if (promising(state, op, all.states[i], now)) next.add(all.states[i]);
  }
}

uint64_t Register::hash(const State& state) const {
  const auto presence = static_cast<uint64_t>(state.presence);
  return state.number * 0x9E3779B97F4A7C15U + state.vanishes * 8 + presence;
}

// In a cache it matters when a write began: see evicted_at().
bool Register::alike(uint32_t left, uint32_t right) const {
  const Operation& a = operations[left];
  const Operation& b = operations[right];
  return !eviction.cache && a.kind == b.kind && a.argument == b.argument;
}

void Register::hurry(std::span<Call> calls) {
  seen_.clear();
  written_.clear();
  absence_seen_until_ = 0;
  for (const Call& call : calls) note(call);
  std::sort(seen_.begin(), seen_.end());
  for (const Call& call : calls) {
    if (call.must || operations[call.operation].kind != OpKind::add) continue;
    note_doubtful_add(operations[call.operation].argument);
  }
  std::sort(written_.begin(), written_.end());
  for (Call& call : calls) {
    if (call.operation == kFinalRead || !call.must) continue;
    const Operation& op = operations[call.operation];
    const bool upsert = op.kind == OpKind::upsert;
    const bool erase = op.kind == OpKind::erase && op.outcome == Outcome::ok;
    call.blind = upsert || erase;
    if (upsert) call.unseen = of(seen_, op.argument).empty();
    if (erase) call.unseen = absence_seen_until_ < call.invoked;
  }
  hurried_ = true;
}

void Register::note(const Call& call) {
  const auto sight = [&](uint64_t number) { return Sight{number, call.invoked, call.returned}; };
  if (call.operation == kFinalRead) {
    if (found->present) seen_.push_back(sight(found->value));
    if (!found->present) absence_seen_until_ = call.returned;
    return;
  }
  const Operation& op = operations[call.operation];
  const bool adds = op.kind == OpKind::add && is_write(op);
  if (op.kind == OpKind::upsert) written_.push_back(sight(op.argument));
  if (adds) written_.push_back(sight(call.must ? op.result : op.argument));
  if (!call.must || (is_write(op) && !adds)) return;
  if (op.outcome == Outcome::not_found || (adds && op.result == op.argument)) {
    absence_seen_until_ = std::max(absence_seen_until_, call.returned);
  } else {
    seen_.push_back(sight(adds ? op.result - op.argument : op.result));
  }
}

// An add of unknown outcome may have seen the number below one that was seen. It need not have: so
// it is noted as one that began long ago, and nobody waits for it.
void Register::note_doubtful_add(uint64_t amount) {
  const size_t count = seen_.size();
  for (size_t i = 0; i < count; ++i) {
    seen_.push_back({seen_[i].number - amount, 0, seen_[i].returned});
    written_.push_back({seen_[i].number, 0, kNever});
  }
  std::sort(seen_.begin(), seen_.end());
  seen_.erase(std::unique(seen_.begin(), seen_.end()), seen_.end());
}

std::span<const Register::Sight> Register::of(const Sights& sights, uint64_t number) {
  const auto below = [](const Sight& a, uint64_t b) { return a.number < b; };
  const auto above = [](uint64_t a, const Sight& b) { return a < b.number; };
  const auto begin = std::lower_bound(sights.begin(), sights.end(), number, below);
  return {begin, std::upper_bound(begin, sights.end(), number, above)};
}

// A call that begins later sees this number, and no one is left to write it again before that.
bool Register::seen_later(uint64_t number, uint64_t now) const {
  const auto seen = of(seen_, number);
  const auto next = std::find_if(seen.begin(), seen.end(),
                                 [&](const Sight& sight) { return sight.invoked > now; });
  if (next == seen.end()) return false;
  const auto writers = of(written_, number);
  if (writers.size() == 1) return true;
  return std::none_of(writers.begin(), writers.end(), [&](const Sight& writer) {
    return writer.returned >= now && writer.invoked <= next->returned;
  });
}

bool Register::wanted(uint64_t number, uint64_t now) const {
  const auto seen = of(seen_, number);
  return std::any_of(seen.begin(), seen.end(),
                     [&](const Sight& sight) { return sight.returned >= now; });
}

// Who comes later must not miss a number, and what may have happened helps only if it is seen.
bool Register::promising(const State& state, const Operation& op, const State& after,
                         uint64_t now) const {
  const bool leaves = state.presence == Presence::present &&
                      (after.presence != Presence::present || after.number != state.number);
  if (leaves && seen_later(state.number, now)) return false;
  if (op.outcome != Outcome::unknown) return true;
  if (after.presence != Presence::present) return absence_seen_until_ >= now;
  return wanted(after.number, now);
}

void Register::take(const State& state, const Operation& op, uint64_t now,
                    Successors<State>& next) const {
  switch (op.kind) {
    case OpKind::read: return read(state, op, now, next);
    case OpKind::upsert: return next.add(written(op, op.argument));
    case OpKind::add: return add(state, op, now, next);
    case OpKind::erase: return erase(state, op, now, next);
  }
}

void Register::read(const State& state, const Operation& op, uint64_t now,
                    Successors<State>& next) const {
  if (op.outcome == Outcome::not_found) {
    if (state.presence != Presence::present) {
      next.add(state);
    } else if (may_vanish(state, now)) {
      next.add(gone(state, Presence::vanished));
    }
  } else if (!op.garbage && state.presence == Presence::present && state.number == op.result) {
    next.add(state);
  }
}

// An add finds its record, sees that it is above the head, and only later links the new one. In
// between the head may pass the record, and others miss it. Such an add began before that instant.
void Register::add(const State& state, const Operation& op, uint64_t now,
                   Successors<State>& next) const {
  if (op.outcome == Outcome::not_found) return read(state, op, now, next);
  const bool late = state.presence == Presence::vanished && op.invoked <= state.completes;
  const bool finds = state.presence == Presence::present || late;
  const bool creates = state.presence != Presence::present || may_vanish(state, now);
  const uint64_t sum = state.number + op.argument;
  if (op.outcome == Outcome::unknown) {
    if (finds) next.add(written(op, sum));
    if (creates && !(finds && sum == op.argument)) next.add(written(op, op.argument));
    return;
  }
  const bool fits = (finds && op.result == sum) || (creates && op.result == op.argument);
  if (fits && !op.garbage) next.add(written(op, op.result));
}

// A tombstone is written blindly, so either outcome fits any state. Only where an erase found
// nothing, because the record was evicted, has it perhaps written nothing: then the add that had
// found the record may still complete, and a checkpoint may still have it.
void Register::erase(const State& state, const Operation& op, uint64_t now,
                     Successors<State>& next) const {
  const bool nothing_to_erase = state.presence == Presence::vanished ||
                                (state.presence == Presence::present && may_vanish(state, now));
  const bool perhaps_idle = op.outcome == Outcome::not_found && nothing_to_erase;
  if (perhaps_idle) next.add(gone(state, Presence::vanished));
  // Without a checkpoint whatever can follow here can follow there.
  if (!perhaps_idle || cut != nullptr) next.add(gone(state, Presence::absent));
}

void Register::final_read(const State& state, Successors<State>& next) const {
  if (found->present) {
    // Evicted from memory is not missing from the checkpoint, if the image was written before.
    const bool there = state.presence != Presence::absent;
    if (there && !found->garbage && state.number == found->value) next.add(state);
  } else if (state.presence == Presence::absent || may_vanish(state, cut->written_by)) {
    // If clients missed it only later, the checkpoint must still have it.
    next.add(state);
  }
}

// The step from which on the record of a write may be evicted: when the head first is above it. If
// its address is not known it was in memory when it was written, so some later move it must be.
uint64_t Register::evicted_at(const Operation& write) const {
  const auto moves = eviction.moves;
  const bool known = write.address >= 0 && write.outcome != Outcome::unknown;
  const auto move = std::partition_point(moves.begin(), moves.end(), [&](const HeadMove& past) {
    return known ? past.head <= write.address : past.step < write.invoked;
  });
  return move == moves.end() ? kNever : move->step;
}

bool Register::may_vanish(const State& state, uint64_t now) const {
  return state.vanishes != kNever && state.vanishes <= now;
}

Register::State Register::written(const Operation& write, uint64_t number) const {
  State after{number, kNever, kNever, Presence::present};
  if (!eviction.cache) return after;
  after.vanishes = evicted_at(write);
  const bool known = write.address >= 0 && write.outcome != Outcome::unknown;
  if (known) after.completes = after.vanishes;
  return after;
}

namespace {

// What vanished is remembered, for an add that may complete; what is absent is not.
Register::State gone(Register::State state, Presence presence) {
  if (presence == Presence::absent) state = {};
  state.presence = presence;
  return state;
}

bool is_write(const Operation& operation) {
  if (operation.kind == OpKind::read) return false;
  return operation.kind != OpKind::add || operation.outcome != Outcome::not_found;
}

}  // namespace
}  // namespace orrery::scenarios
