// SPDX-License-Identifier: Apache-2.0
// What the boundary of an engine promises, as bodies that run in any world.
//
// Each contract is one body. contracts_test.cpp plays it in the simulated world, under many seeds;
// tests/engine/real/contracts_test.cpp plays it, more than once, on the machine. A body is a task:
// it throws nothing, judges with `expect`, and leaves no task and no request behind. It uses no
// time of day: a deadline may come late, never early.
//
// What only one of the two worlds promises, and therefore is tested in its own folder:
//
//   simulated  completions inline, held and out of order on purpose (device_test.cpp); exact times
//              (scheduler_test.cpp, device_test.cpp); a lost wake-up, a deadlock, a stale frame or
//              buffer as a verdict (sync_test.cpp, frames_test.cpp, device_rules_test.cpp);
//              try_complete that finds something: the machine leaves nothing ready and unfinished;
//              any name of the allowed characters: for the simulated disk a name is no path
//   machine    contents that outlive the process, also one that is killed (killed_test.cpp);
//              errors of the kernel as errors of a device: a full one, a limit on the size of
//              files, a folder that is mounted read-only (machine_test.cpp, recovery_test.cpp);
//              no component `.`, `..` or none in a name, and no name that is another's folder;
//              memory of a retired frame that is really gone (machine_test.cpp)
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "engine/runtime/runtime.hpp"

namespace orrery::tests {

/// Keeps the first thing that was not as it should be. Any task may ask.
class Expect {
 public:
  void operator()(bool holds, const char* what) {
    const char* none = nullptr;
    if (!holds) broken_.compare_exchange_strong(none, what);
  }
  /// Null if all was well.
  const char* broken() const { return broken_.load(); }

 private:
  std::atomic<const char*> broken_{nullptr};
};

struct Contract {
  const char* name;
  void (*body)(const engine::Runtime& runtime, Expect& expect);
  uint64_t seeds = 300;  // in the simulated world
};

/// All of them, in the order of the boundary: clock, tasks, sync, frames, memory, devices, storage.
std::span<const Contract> all_contracts();

}  // namespace orrery::tests
