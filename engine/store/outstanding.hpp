// SPDX-License-Identifier: Apache-2.0
// Waiting for others to be gone: a count of what is under way, and a signal that is given once.
//
// Both are made for an owner that frees them as soon as it has seen the end: the last thing that
// the other side reads of them is the word itself. (A Latch or a Semaphore reads itself again to
// wake its waiters, so the one who waits must not free it.)
#pragma once

#include <cstdint>

#include "engine/runtime/tasks.hpp"

namespace orrery::engine {

class Outstanding {
 public:
  explicit Outstanding(Tasks& tasks) : tasks_(tasks) {}

  void add() { count_.fetch_add(1); }
  void remove();
  /// Returns once the count was zero. Requires: nobody adds any more.
  void wait_for_none();
  uint32_t count() const { return count_.load(); }

 private:
  Tasks& tasks_;
  Atomic<uint32_t> count_{0};
};

class Signal {
 public:
  explicit Signal(Tasks& tasks) : tasks_(tasks) {}

  void set();
  void wait();

 private:
  Tasks& tasks_;
  Atomic<uint32_t> set_{0};
};

}  // namespace orrery::engine
