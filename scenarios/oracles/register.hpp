// SPDX-License-Identifier: Apache-2.0
// What one key of the store may do: a number that may be absent and that may vanish.
//
// The sequential model behind scenarios/oracles/linearizable.hpp. In come a state and an operation
// with its answer; out come the states that it may lead to, none if the answer does not fit. With a
// checkpoint there is one more operation, the final read, which says what the checkpoint holds. The
// model never searches, and knows nothing of time but when records were evicted.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/history.hpp"
#include "scenarios/oracles/linearizable.hpp"
#include "scenarios/oracles/linearizer.hpp"

namespace orrery::scenarios {

enum class Presence : uint8_t {
  absent,
  present,
  vanished,  // the record was evicted: absent, but for an add that had found it before
};

class Register {
 public:
  /// The name of the final read, among the indices of operations.
  static constexpr uint32_t kFinalRead = UINT32_MAX;
  static constexpr uint64_t kNever = UINT64_MAX;

  struct State {
    uint64_t number = 0;
    uint64_t vanishes = kNever;   // the step from which on its record may have been evicted
    uint64_t completes = kNever;  // an add that began by this step may have found it before
    Presence presence = Presence::absent;

    friend bool operator==(const State&, const State&) = default;
  };

  std::span<const Operation> operations = {};
  Eviction eviction = {};
  const Cut* cut = nullptr;  // with `found`: there is a final read
  const Found* found = nullptr;

  State initial() const { return {}; }
  void step(const State& state, uint32_t index, uint64_t now, Successors<State>& next) const;
  uint64_t hash(const State& state) const;
  bool alike(uint32_t left, uint32_t right) const;

  /// From now on takes only steps that look promising for `calls`, all those of one key, and adds
  /// hints to them. Whatever order is found then is an order; that none is found means nothing.
  void hurry(std::span<Call> calls);
  void stop_hurrying() { hurried_ = false; }

 private:
  // A call that sees a number, or writes one.
  struct Sight {
    uint64_t number;
    uint64_t invoked;
    uint64_t returned;

    friend auto operator<=>(const Sight&, const Sight&) = default;
  };
  using Sights = std::vector<Sight>;

  void take(const State& state, const Operation& op, uint64_t now, Successors<State>& next) const;
  void read(const State& state, const Operation& op, uint64_t now, Successors<State>& next) const;
  void add(const State& state, const Operation& op, uint64_t now, Successors<State>& next) const;
  void erase(const State& state, const Operation& op, uint64_t now, Successors<State>& next) const;
  void final_read(const State& state, Successors<State>& next) const;
  bool promising(const State& state, const Operation& op, const State& after, uint64_t now) const;

  uint64_t evicted_at(const Operation& write) const;
  bool may_vanish(const State& state, uint64_t now) const;
  State written(const Operation& write, uint64_t number) const;

  void note(const Call& call);
  void note_doubtful_add(uint64_t amount);
  bool seen_later(uint64_t number, uint64_t now) const;
  bool wanted(uint64_t number, uint64_t now) const;
  static std::span<const Sight> of(const Sights& sights, uint64_t number);

  bool hurried_ = false;
  Sights seen_;                      // by number, then by time
  Sights written_;                   // the same
  uint64_t absence_seen_until_ = 0;  // the latest return of who saw the key absent
};

}  // namespace orrery::scenarios
