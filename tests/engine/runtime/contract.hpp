// SPDX-License-Identifier: Apache-2.0
// What the boundary of an engine promises, as bodies that run in any world.
//
// Each contract is one body. contracts_test.cpp plays it in the simulated world, under many seeds;
// tests/engine/real/contracts_test.cpp plays it, more than once, on the machine. A body is a task:
// it throws nothing, judges with `expect`, and leaves no task and no request behind. It uses no
// time of day: a deadline may come late, never early.
//
// Where the world goes wrong (a full disk, a broken one, one that is read-only, a limit on the size
// of files, short transfers, no memory, a kill), the bodies are trials, in trial.hpp.
//
// What only one of the two worlds promises, and therefore is tested in its own folder:
//
//   simulated  completions inline, held and out of order on purpose (device_test.cpp); exact times
//              (scheduler_test.cpp, device_test.cpp); a lost wake-up, a deadlock, a stale frame or
//              buffer as a verdict (sync_test.cpp, frames_test.cpp, device_rules_test.cpp);
//              try_complete that finds something: the machine leaves nothing ready and unfinished;
//              any name of the allowed characters: for the simulated disk a name is no path;
//              a short transfer that an engine sees: of the kernel's, the machine transfers the
//              rest, or has failed; power that is lost, with what no sync covers (disk_test.cpp):
//              nobody here can take the machine's away
//   machine    contents that outlive the process without a kill (machine_test.cpp): a simulated
//              life ends by a crash, or with its world;
//              which error it is: a simulated disk only ever says io, the machine also no_space and
//              no_memory, as the kernel does (machine_test.cpp, recovery_test.cpp): an engine may
//              not do more for one than for another;
//              no component `.`, `..` or none in a name, and no name that is another's folder;
//              memory of a retired frame that is really gone (machine_test.cpp);
//              a sync, of a device or of names, that fails for ever once one has failed
//              (machine_test.cpp): the kernel drops what it could not write, while a simulated
//              error is transient; of a device, until a reset works (file_device_test.cpp);
//              a reset that fails, and hides what it could not drop (file_device_test.cpp): the
//              simulated one always works;
//              another sector size of a known device, or another segment size of an open one, as
//              invalid (machine_test.cpp, file_device_test.cpp): requests were checked against the
//              old one; the simulated disk has no caller that changes one, and keeps the first;
//              one storage at a time for a folder (directory_test.cpp): nobody else can come to a
//              simulated disk;
//              a budget of so many bytes (memory_budget_test.cpp): in the simulated world it is
//              the choices that say which allocation is refused
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

  /// What the body is about has happened.
  void saw() { seen_.store(true); }
  bool has_seen() const { return seen_.load(); }

 private:
  std::atomic<const char*> broken_{nullptr};
  std::atomic<bool> seen_{false};
};

struct Contract {
  const char* name;
  void (*body)(const engine::Runtime& runtime, Expect& expect);
  uint64_t seeds = 300;  // in the simulated world
  bool shows = false;    // in each world it must have seen now and then what it is about
};

/// All of them, in the order of the boundary: clock, tasks, sync, frames, memory, devices, storage.
std::span<const Contract> all_contracts();

}  // namespace orrery::tests
