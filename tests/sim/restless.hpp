// SPDX-License-Identifier: Apache-2.0
// Sources of choices for tests: one that switches as often as it can, and one that listens.
#pragma once

#include <vector>

#include "sim/choices.hpp"

namespace orrery::tests {

/// Switches at about every second point, to anybody; answers everything else calmly. A bug that
/// needs a switch at one certain place meets it within a few seeds.
class Restless final : public sim::Source {
 public:
  explicit Restless(uint64_t seed) : seed_(sim::scramble(seed)) {}
  uint64_t next_preemption(uint64_t key, uint64_t from) override {
    return from + sim::below(sim::mix(seed_, key, from), 3);
  }
  int pick(const sim::Address& at, std::span<const uint64_t> candidates) override {
    const uint64_t drawn = sim::mix(seed_, at.key, at.occurrence, static_cast<uint64_t>(at.ask));
    return static_cast<int>(sim::below(drawn, candidates.size() + 1)) - 1;
  }
  uint64_t choose(const sim::Address&, uint64_t) override { return 0; }

 private:
  uint64_t seed_;
};

/// Calm, and keeps the address of everything that it was asked.
class Listener final : public sim::Source {
 public:
  std::vector<sim::Address> heard;
  std::vector<uint64_t> bounds;

  uint64_t next_preemption(uint64_t, uint64_t) override { return kNowhere; }
  int pick(const sim::Address&, std::span<const uint64_t>) override { return -1; }
  uint64_t choose(const sim::Address& at, uint64_t bound) override {
    heard.push_back(at);
    bounds.push_back(bound);
    return 0;
  }
};

/// Gives one answer to every choice of one kind, and is calm otherwise.
class Stubborn final : public sim::Source {
 public:
  Stubborn(sim::Ask ask, uint64_t answer) : ask_(ask), answer_(answer) {}
  uint64_t next_preemption(uint64_t, uint64_t) override { return kNowhere; }
  int pick(const sim::Address&, std::span<const uint64_t>) override { return -1; }
  uint64_t choose(const sim::Address& at, uint64_t bound) override {
    return at.ask == ask_ && answer_ < bound ? answer_ : 0;
  }

 private:
  sim::Ask ask_;
  uint64_t answer_;
};

}  // namespace orrery::tests
