// SPDX-License-Identifier: Apache-2.0
// Threads as an engine sees them: spawn, join, yield, and the one way to block, wait and wake on a
// 32-bit word.
//
// Mutex, CondVar, Latch and Semaphore are written once above this (engine/runtime/sync.hpp). A spin
// calls yield: in a simulated world it parks the task until another task has changed a value, or
// something was delivered, since its iteration began.
#pragma once

#include <cstdint>

#include "engine/base/result.hpp"
#include "engine/base/units.hpp"
#include "engine/runtime/atomic.hpp"

namespace orrery::engine {

/// What belongs to one task and to nobody else: its identity, and its place in the process-wide
/// table of epoch slots.
struct Self {
  uint64_t id = 0;               // unique in the life of the process, never 0
  uint32_t epoch_slot = 0;       // 0 = none
  uint32_t epoch_slot_uses = 0;  // how many epoch tables this task is protected in
};

/// Names a task that was spawned, for join.
struct TaskId {
  uint64_t id = 0;
};

class Tasks {
 public:
  /// The calling task. The reference is good until the task ends.
  virtual Self& self() = 0;

  /// Starts a task that runs `run(argument)`. Errors: no_memory.
  virtual Result<TaskId> spawn(Name name, void (*run)(void*), void* argument) = 0;

  /// Waits until the task has ended. Each task is joined at most once; one that never is costs
  /// nothing.
  virtual void join(TaskId task, Site site = Site::current()) = 0;

  /// To be called once in each iteration of a spin.
  virtual void yield(Site site = Site::current()) = 0;

  /// Blocks while `word` holds `seen`, until woken, until the deadline, or for no reason at all:
  /// the caller looks again. False only if the deadline has passed.
  virtual bool wait(Atomic<uint32_t>& word, uint32_t seen, Instant deadline = kNever,
                    Site site = Site::current()) = 0;

  /// Wakes up to `count` tasks that wait on `word`, the longest waiter first.
  virtual void wake(Atomic<uint32_t>& word, uint32_t count, Site site = Site::current()) = 0;

 protected:
  ~Tasks() = default;
};

inline constexpr uint32_t kEverybody = UINT32_MAX;

}  // namespace orrery::engine
