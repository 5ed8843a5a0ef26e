// SPDX-License-Identifier: Apache-2.0
#include "engine/store/boundaries.hpp"

#include "engine/store/events.hpp"

namespace orrery::engine {

bool Boundaries::raise(Boundary which, LogAddr value, LogAddr* old) {
  CHECK(value < kAddrEnd, "boundary {} is raised to {}, past the end of all logs",
        static_cast<int>(which), value);
  Atomic<LogAddr>& word = words_[static_cast<size_t>(which)];
  LogAddr seen = word.load();
  while (seen < value) {
    if (word.compare_exchange(seen, value)) {
      tell(events::kBoundary, static_cast<int64_t>(which), value, seen);
      if (old != nullptr) *old = seen;
      return true;
    }
  }
  return false;
}

void Boundaries::set(Boundary which, LogAddr value) {
  CHECK(value >= kFirstValid, "boundary {} is set to {}", static_cast<int>(which), value);
  words_[static_cast<size_t>(which)].store(value);
}

void Boundaries::set_all(LogAddr value) {
  for (Atomic<LogAddr>& word : words_) word.store(value);
}

}  // namespace orrery::engine
