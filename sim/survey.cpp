// SPDX-License-Identifier: Apache-2.0
#include "sim/survey.hpp"

namespace orrery::sim {

// A preemption that is refused changes nothing, but the scheduler comes back to ask for the next:
// so every stretch that the actor reaches is seen.
uint64_t Survey::next_preemption(uint64_t actor_key, uint64_t from) {
  places_[Ask::preempt].push_back({actor_key, from});
  return from + Places::kStretch - 1;
}

int Survey::pick(const Address& at, std::span<const uint64_t>) {
  if (at.ask != Ask::preempt) places_[at.ask].push_back({at.key, at.occurrence});
  return -1;
}

uint64_t Survey::choose(const Address& at, uint64_t) {
  places_[at.ask].push_back({at.key, at.occurrence});
  return 0;
}

}  // namespace orrery::sim
