// SPDX-License-Identifier: Apache-2.0
// Where answers come from: a seed, or a tape.
//
// Seeded is a pure function of the seed and the address, shaped by a temper that is itself drawn
// from the seed, so that every run is another swarm: rates, tails and weights differ by orders of
// magnitude from one seed to the next. Replayed answers from a list of deviations and calmly
// everywhere else.
#pragma once

#include <span>
#include <vector>

#include "sim/choices.hpp"

namespace orrery::sim {

/// The habits of one seeded run. Odds are in 65,536ths.
struct Temper {
  static constexpr uint32_t kAlways = 65536;
  uint64_t preempt_gap = 0;  // points between preemptions on average; 0 = none
  uint32_t odds[kAskCount] = {};
  uint64_t tail_max = 6;        // a slow request takes up to 2^tail_max times the nominal latency
  uint32_t slow_share = 32768;  // of the requests that are not nominal, so many are slow, not quick

  /// Everything from the seed. Kinds of fault that no enabled fault asks about do no harm.
  static Temper drawn_from(uint64_t seed);
};

class Seeded final : public Source {
 public:
  Seeded(uint64_t seed, const Temper& temper) : seed_(scramble(seed)), temper_(temper) {}

  uint64_t next_preemption(uint64_t actor_key, uint64_t from) override;
  int pick(const Address& at, std::span<const uint64_t> candidates) override;
  uint64_t choose(const Address& at, uint64_t bound) override;

 private:
  uint64_t seed_;
  Temper temper_;
};

/// One deviation, for machines.
struct Deviated {
  uint64_t key = 0;  // of the actor
  Ask ask = Ask::preempt;
  uint64_t occurrence = 0;
  uint64_t value = 0;  // the key of the task, if `ask` names one
};

class Replayed final : public Source {
 public:
  explicit Replayed(std::span<const Deviated> deviations);

  uint64_t next_preemption(uint64_t actor_key, uint64_t from) override;
  int pick(const Address& at, std::span<const uint64_t> candidates) override;
  uint64_t choose(const Address& at, uint64_t bound) override;

  /// For each deviation, in the order given, whether it took effect.
  const std::vector<bool>& used() const { return used_; }

 private:
  struct Entry {
    Deviated deviated;
    size_t index;
  };
  const Entry* find(const Address& at) const;

  std::vector<Entry> entries_;  // by key, ask, occurrence
  std::vector<bool> used_;
};

}  // namespace orrery::sim
