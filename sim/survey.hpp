// SPDX-License-Identifier: Apache-2.0
// What a calm run asks, written down: the addresses that bytes select from.
//
// A Survey is a Source that answers calmly and lists every address at which it was asked, in the
// order of the run. The run that it answers is the calm run, with the calm run's digest. Points are
// far too many to list, so an actor's points stand in stretches of kStretch. The list depends on
// nothing but the plan that was played; it judges nothing and outlives the world.
#pragma once

#include <array>
#include <vector>

#include "sim/choices.hpp"

namespace orrery::sim {

/// One address that a calm run asked. For `preempt`, the first point of a stretch.
struct Place {
  uint64_t key = 0;  // of the actor
  uint64_t occurrence = 0;
};

/// The addresses of one calm run, by what was asked there, in the order of the run.
struct Places {
  static constexpr uint64_t kStretch = 16;  // points

  std::array<std::vector<Place>, kAskCount> of;

  std::vector<Place>& operator[](Ask ask) { return of[static_cast<size_t>(ask)]; }
  const std::vector<Place>& operator[](Ask ask) const { return of[static_cast<size_t>(ask)]; }
};

class Survey final : public Source {
 public:
  uint64_t next_preemption(uint64_t actor_key, uint64_t from) override;
  int pick(const Address& at, std::span<const uint64_t> candidates) override;
  uint64_t choose(const Address& at, uint64_t bound) override;

  const Places& places() const { return places_; }

 private:
  Places places_;
};

}  // namespace orrery::sim
