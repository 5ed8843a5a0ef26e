// SPDX-License-Identifier: Apache-2.0
// How much memory a machine may give out: blocks and page frames together.
//
// Counted is what was asked for and what the allocator rounded it up to, not what is resident: a
// frame counts whole from the day it is mapped. Threads, their stacks and the kernel do not count.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace orrery::engine {

/// What its memory comes in, in bytes.
inline constexpr size_t kMachinePage = 4096;
inline constexpr size_t kHugePage = size_t{2} << 20;

class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t bytes) : bytes_(bytes) {}

  /// False, and nothing taken, if so many bytes are not left.
  bool take(uint64_t bytes) {
    uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > bytes_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void give(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const uint64_t bytes_;
  std::atomic<uint64_t> used_{0};
};

}  // namespace orrery::engine
