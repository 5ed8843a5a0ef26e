// SPDX-License-Identifier: Apache-2.0
// A count for reports that many threads may raise. Not an engine::Atomic: counting must not be a
// visible operation, or a run that is watched would differ from one that is not.
#pragma once

#include <atomic>
#include <cstdint>

namespace orrery::engine {

class Counter {
 public:
  Counter() = default;
  Counter(const Counter& other) : count_(other.value()) {}
  Counter& operator=(const Counter& other) {
    count_.store(other.value(), std::memory_order_relaxed);
    return *this;
  }
  void add() { count_.fetch_add(1, std::memory_order_relaxed); }
  void reset() { count_.store(0, std::memory_order_relaxed); }
  uint64_t value() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_{0};
};

}  // namespace orrery::engine
