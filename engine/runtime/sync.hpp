// SPDX-License-Identifier: Apache-2.0
// Mutex, CondVar, Latch and Semaphore, on Tasks::wait and Tasks::wake alone. Correct in any world
// that has those two.
#pragma once

#include <cstdint>

#include "engine/base/annotations.hpp"
#include "engine/runtime/tasks.hpp"

namespace orrery::engine {

class ORRERY_CAPABILITY("mutex") Mutex {
 public:
  explicit Mutex(Tasks& tasks) : tasks_(tasks) {}
  void lock() ORRERY_ACQUIRE();
  void unlock() ORRERY_RELEASE();

 private:
  friend class CondVar;
  Tasks& tasks_;
  Atomic<uint32_t> state_{0};  // 0 free, 1 taken, 2 taken and somebody may wait
};

class ORRERY_SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(Mutex& mutex) ORRERY_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() ORRERY_RELEASE() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  explicit CondVar(Tasks& tasks) : tasks_(tasks) {}
  /// Releases the mutex, waits, and takes it again. May return for no reason. False if the deadline
  /// passed. Requires: the caller holds `mutex`.
  bool wait(Mutex& mutex, Instant deadline = kNever) ORRERY_REQUIRES(mutex);
  void notify_one();
  void notify_all();

 private:
  Tasks& tasks_;
  Atomic<uint32_t> turn_{0};
};

/// A broadcast that re-arms itself: a ticket taken before a condition was tested is released by any
/// later set().
class Event {
 public:
  explicit Event(Tasks& tasks) : tasks_(tasks) {}
  uint32_t ticket() const { return turn_.load(); }
  void set();
  /// Returns once set() was called after `ticket` was taken. False if the deadline passed before.
  bool wait(uint32_t ticket, Instant deadline = kNever);

 private:
  Tasks& tasks_;
  Atomic<uint32_t> turn_{0};
};

/// Opens once, for ever.
class Latch {
 public:
  explicit Latch(Tasks& tasks) : tasks_(tasks) {}
  void open();
  bool is_open() const { return open_.load() != 0; }
  void wait();

 private:
  Tasks& tasks_;
  Atomic<uint32_t> open_{0};
};

class Semaphore {
 public:
  explicit Semaphore(Tasks& tasks, uint32_t count = 0) : tasks_(tasks), count_(count) {}
  void release(uint32_t count = 1);
  void acquire();
  bool try_acquire();
  uint32_t count() const { return count_.load(); }

 private:
  Tasks& tasks_;
  Atomic<uint32_t> count_;
};

}  // namespace orrery::engine
