// SPDX-License-Identifier: Apache-2.0
// The highest of what several threads have seen.
#pragma once

#include <atomic>

namespace orrery::tests {

template <typename T>
void raise_to(std::atomic<T>& value, T to) {
  T before = value.load();
  while (before < to && !value.compare_exchange_weak(before, to)) {
  }
}

}  // namespace orrery::tests
