// SPDX-License-Identifier: Apache-2.0
// Is there one order in which these calls make sense? The search, for any sequential model.
//
// In come the calls of one object (an interval of time each) and a model: a state, and which states
// an operation may lead to. Out comes whether the calls can be put in one line so that each stands
// somewhere in its interval and the model allows them all; if not, the first call that cannot be
// placed, and the states it was tried on. The search walks through time and keeps every
// configuration that explains what has returned so far: the state, and the calls that already took
// effect but have not returned. A call is placed just in time, when it or another must return
// (Lowe, "Testing for linearizability", 2017). Equal configurations are kept once, and one that
// could only do what another can is dropped. It never recurses, never allocates once its vectors
// have grown, and never guesses: past its budget it says so.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/check.hpp"

namespace orrery::scenarios {

/// One call as the search sees it.
struct Call {
  uint64_t invoked = 0;
  uint64_t returned = UINT64_MAX;  // UINT64_MAX: never, so it may take effect at any later time
  uint32_t operation = 0;          // what the model knows it by
  bool must = true;                // false: it may as well never have happened
  bool pure = false;               // leaves a state as it is, or lets it do less than before
  // Hints that may make a search shorter at the price of missing an order, see Register::hurry().
  bool blind = false;  // any state allows it, and it makes the same of each
  bool unseen =
      false;  // blind, and no other call sees what it does: it may go before any blind one
};

/// What one operation may make of a state. None: the state does not allow it.
template <typename State>
struct Successors {
  std::array<State, 2> states;
  uint32_t count = 0;

  void add(const State& state) {
    VERIFY(count < states.size(), "a model with more than two successors");
    states[count++] = state;
  }
};

template <typename Model>
concept SequentialModel =
    std::equality_comparable<typename Model::State> &&
    requires(Model& model, const typename Model::State& state, uint32_t operation, uint64_t now,
             Successors<typename Model::State>& next) {
      { model.initial() } -> std::convertible_to<typename Model::State>;
      // Adds what `operation`, taking effect no later than `now`, may make of `state`.
      model.step(state, operation, now, next);
      { model.hash(state) } -> std::same_as<uint64_t>;
      // Two operations that nothing but their invocation tells apart.
      { model.alike(operation, operation) } -> std::same_as<bool>;
    };

enum class Placing : uint8_t { all, stuck, over_budget };

template <SequentialModel Model>
class Linearizer {
 public:
  using State = typename Model::State;

  struct Result {
    Placing placing = Placing::all;
    uint32_t operation = 0;  // if stuck: the first that cannot be placed
    uint64_t step = 0;       // if stuck: when it returned
  };

  /// Requires: `calls` in the order of their invocation. Takes from `budget` one per configuration.
  /// With a `width` it keeps no more than that many at a time: then `stuck` means nothing.
  Result run(Model& model, std::span<const Call> calls, uint64_t& budget, size_t width = SIZE_MAX);

  /// After `stuck`: the state of every configuration in which the call could not be placed.
  template <typename Visit>
  void each_stuck_state(Visit visit) const {
    for (const Config& config : tried_.items) visit(config.state);
  }

 private:
  static constexpr uint32_t kSlots = 64;  // open calls at one time; a bit each
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kScanned = 16;  // up to so many configurations a table does not pay

  struct Config {
    uint64_t done;  // slots of open calls that took effect
    State state;
    uint32_t link;  // the next in the same chain of the table
  };

  struct Set {
    std::vector<Config> items;
    std::vector<uint32_t> heads;  // in use once there are more than kScanned items
    bool hashed = false;

    void clear() {
      items.clear();
      hashed = false;
    }
  };

  void reset(Model& model);
  bool alone(Model& model, const Call& call);
  bool start(Model& model, const Call& call);
  void close(uint32_t slot);
  Placing finish(Model& model, uint32_t slot);
  void explore(Model& model, const Config& config, uint64_t others, uint64_t now);
  Config absorb(Model& model, Config config, uint64_t reads, uint64_t now) const;
  bool dominates(const Config& kept, const Config& fresh) const;
  void insert(Model& model, Set& set, const Config& config);
  uint64_t chain_of(Model& model, const Set& set, const Config& config) const;
  void index(Model& model, Set& set);

  static uint64_t bit(uint32_t slot) { return uint64_t{1} << slot; }

  Set current_, tried_, next_;
  std::array<Call, kSlots> open_calls_;
  std::array<uint64_t, kSlots> twins_;  // the open call that goes first of two that are alike
  uint64_t open_ = 0;
  uint64_t optional_ = 0;
  uint64_t pure_ = 0;
  uint64_t unseen_ = 0;
  uint32_t soonest_ = kNone;  // the open call that returns first
  uint64_t spent_ = 0;
  uint64_t limit_ = 0;
  size_t width_ = SIZE_MAX;
};

template <SequentialModel Model>
auto Linearizer<Model>::run(Model& model, std::span<const Call> calls, uint64_t& budget,
                            size_t width) -> Result {
  reset(model);
  limit_ = budget;
  width_ = width;
  const auto judged = [&](Placing placing, uint32_t operation, uint64_t step) {
    budget -= std::min(budget, spent_);
    return Result{placing, operation, step};
  };
  for (size_t i = 0; i <= calls.size(); ++i) {
    // The end of the calls is like one more that begins after all have returned.
    const uint64_t invoked = i < calls.size() ? calls[i].invoked : UINT64_MAX;
    while (soonest_ != kNone && open_calls_[soonest_].returned < invoked) {
      const Call done = open_calls_[soonest_];
      const Placing placing = finish(model, soonest_);
      if (placing != Placing::all) return judged(placing, done.operation, done.returned);
    }
    if (i == calls.size()) break;
    const Call& call = calls[i];
    const bool overlaps = i + 1 < calls.size() && calls[i + 1].invoked <= call.returned;
    if (open_ == 0 && !overlaps && call.must && call.returned != UINT64_MAX) {
      if (!alone(model, call)) return judged(Placing::stuck, call.operation, call.returned);
    } else if (!start(model, call)) {
      return judged(Placing::over_budget, 0, 0);
    }
  }
  return judged(Placing::all, 0, 0);
}

template <SequentialModel Model>
void Linearizer<Model>::reset(Model& model) {
  current_.clear();
  tried_.clear();
  next_.clear();
  open_ = optional_ = pure_ = unseen_ = 0;
  soonest_ = kNone;
  spent_ = 0;
  current_.items.push_back({0, model.initial(), kNone});
}

// A call that meets no other: the common case, and the fast one.
template <SequentialModel Model>
bool Linearizer<Model>::alone(Model& model, const Call& call) {
  next_.clear();
  for (const Config& config : current_.items) {
    Successors<State> after;
    model.step(config.state, call.operation, call.returned, after);
    for (uint32_t i = 0; i < after.count; ++i) insert(model, next_, {0, after.states[i], kNone});
  }
  if (next_.items.empty()) {
    std::swap(tried_, current_);
    return false;
  }
  std::swap(current_, next_);
  return true;
}

template <SequentialModel Model>
bool Linearizer<Model>::start(Model& model, const Call& call) {
  VERIFY(call.must || !call.pure, "a read that need not happen says nothing: leave it out");
  const auto slot = static_cast<uint32_t>(std::countr_one(open_));
  if (slot == kSlots) return false;
  open_calls_[slot] = call;
  twins_[slot] = 0;
  if (!call.must && call.returned == UINT64_MAX) {
    for (uint64_t rest = optional_; rest != 0; rest &= rest - 1) {
      const auto other = static_cast<uint32_t>(std::countr_zero(rest));
      if (open_calls_[other].returned != UINT64_MAX) continue;
      // Both stay open to the end, so the earlier one can always stand in for the later.
      if (model.alike(open_calls_[other].operation, call.operation)) twins_[slot] |= bit(other);
    }
  }
  open_ |= bit(slot);
  if (!call.must) optional_ |= bit(slot);
  if (call.unseen) unseen_ |= bit(slot);
  if (call.returned != UINT64_MAX &&
      (soonest_ == kNone || call.returned < open_calls_[soonest_].returned)) {
    soonest_ = slot;
  }
  if (call.pure) {
    pure_ |= bit(slot);
    for (Config& config : current_.items) config = absorb(model, config, bit(slot), call.invoked);
  }
  return true;
}

template <SequentialModel Model>
void Linearizer<Model>::close(uint32_t slot) {
  open_ &= ~bit(slot);
  optional_ &= ~bit(slot);
  pure_ &= ~bit(slot);
  unseen_ &= ~bit(slot);
  soonest_ = kNone;
  for (uint64_t rest = open_; rest != 0; rest &= rest - 1) {
    const auto other = static_cast<uint32_t>(std::countr_zero(rest));
    if (open_calls_[other].returned == UINT64_MAX) continue;
    if (soonest_ == kNone || open_calls_[other].returned < open_calls_[soonest_].returned) {
      soonest_ = other;
    }
  }
}

// The call in `slot` returns: it has taken effect by now, after any number of the others.
template <SequentialModel Model>
Placing Linearizer<Model>::finish(Model& model, uint32_t slot) {
  const Call call = open_calls_[slot];
  const uint64_t others = open_ & ~bit(slot);
  std::swap(tried_, current_);
  next_.clear();
  for (size_t i = 0; i < tried_.items.size(); ++i) {
    if (spent_ > limit_) return Placing::over_budget;
    const Config config = tried_.items[i];  // a copy: exploring makes the vector grow
    if ((config.done & bit(slot)) != 0) {
      insert(model, next_, {config.done & ~bit(slot), config.state, kNone});
      continue;
    }
    if (!call.must) insert(model, next_, config);
    Successors<State> after;
    model.step(config.state, call.operation, call.returned, after);
    for (uint32_t k = 0; k < after.count; ++k) {
      const uint64_t covered = call.blind ? others & unseen_ : 0;
      const Config fresh{config.done | covered, after.states[k], kNone};
      insert(model, next_, absorb(model, fresh, others & pure_, call.returned));
    }
    explore(model, config, others, call.returned);
  }
  if (next_.items.empty()) return Placing::stuck;
  std::swap(current_, next_);
  close(slot);
  return Placing::all;
}

// Every configuration in which one more of the others has taken effect is to be tried as well.
template <SequentialModel Model>
void Linearizer<Model>::explore(Model& model, const Config& config, uint64_t others, uint64_t now) {
  for (uint64_t rest = others & ~config.done; rest != 0; rest &= rest - 1) {
    const auto other = static_cast<uint32_t>(std::countr_zero(rest));
    if ((twins_[other] & ~config.done) != 0) continue;
    Successors<State> after;
    model.step(config.state, open_calls_[other].operation, now, after);
    const uint64_t covered = open_calls_[other].blind ? others & unseen_ : 0;
    for (uint32_t k = 0; k < after.count; ++k) {
      const Config fresh{config.done | bit(other) | covered, after.states[k], kNone};
      insert(model, tried_, absorb(model, fresh, others & pure_, now));
    }
  }
}

// Pure calls that the state allows as it is take effect at once: later they could only do harm.
template <SequentialModel Model>
auto Linearizer<Model>::absorb(Model& model, Config config, uint64_t reads, uint64_t now) const
    -> Config {
  for (uint64_t rest = reads & ~config.done; rest != 0; rest &= rest - 1) {
    const auto slot = static_cast<uint32_t>(std::countr_zero(rest));
    Successors<State> after;
    model.step(config.state, open_calls_[slot].operation, now, after);
    if (after.count == 1 && after.states[0] == config.state) config.done |= bit(slot);
  }
  return config;
}

// Whatever can still follow `fresh` can follow `kept`: it owes no more calls, and has used up no
// more of those that may be left out.
template <SequentialModel Model>
bool Linearizer<Model>::dominates(const Config& kept, const Config& fresh) const {
  const uint64_t more = kept.done & ~fresh.done;
  const uint64_t less = fresh.done & ~kept.done;
  return (more & ~pure_) == 0 && (less & ~optional_) == 0 && kept.state == fresh.state;
}

template <SequentialModel Model>
void Linearizer<Model>::insert(Model& model, Set& set, const Config& config) {
  ++spent_;
  if (set.items.size() >= width_) return;
  if (!set.hashed) {
    for (const Config& kept : set.items) {
      if (dominates(kept, config)) return;
    }
    set.items.push_back(config);
    if (set.items.size() > kScanned) index(model, set);
    return;
  }
  const uint64_t chain = chain_of(model, set, config);
  for (uint32_t at = set.heads[chain]; at != kNone; at = set.items[at].link) {
    if (dominates(set.items[at], config)) return;
  }
  const auto place = static_cast<uint32_t>(set.items.size());
  set.items.push_back({config.done, config.state, set.heads[chain]});
  set.heads[chain] = place;
  if (set.items.size() > set.heads.size()) index(model, set);
}

// Configurations that may dominate one another share a chain.
template <SequentialModel Model>
uint64_t Linearizer<Model>::chain_of(Model& model, const Set& set, const Config& config) const {
  uint64_t mixed = model.hash(config.state) + (config.done & ~(pure_ | optional_));
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
  return (mixed ^ (mixed >> 31)) & (set.heads.size() - 1);
}

template <SequentialModel Model>
void Linearizer<Model>::index(Model& model, Set& set) {
  set.hashed = true;
  set.heads.assign(std::bit_ceil(4 * set.items.size()), kNone);
  for (size_t i = 0; i < set.items.size(); ++i) {
    const uint64_t chain = chain_of(model, set, set.items[i]);
    set.items[i].link = set.heads[chain];
    set.heads[chain] = static_cast<uint32_t>(i);
  }
}

}  // namespace orrery::scenarios
