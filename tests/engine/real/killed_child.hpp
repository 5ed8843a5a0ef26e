// SPDX-License-Identifier: Apache-2.0
// Processes that a test kills: how they are started, what they leave to it, and the store that one
// after the other works on.
//
// A child is this executable once more, playing a test case of its own, which is hidden. Whatever
// it writes to a shared file outlives it, like what it has given to the kernel for another file: so
// it loses what it had in memory, and no more than that. Power is lost in the simulated world only.
#pragma once

#include <spawn.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "engine/real/machine.hpp"
#include "engine/store/store.hpp"

namespace orrery::tests {

/// What a child is told.
struct Orders {
  std::string folder;   // of the store, and of what is shared
  size_t way = 0;       // how it carries out requests: the number in io_ways()
  bool fast = false;    // commits are records among the entries of the log
  bool small = false;   // the store has a quarter of its memory only
  uint64_t number = 0;  // whatever the test makes of it
  bool logged = true;   // the store has a log of operations
};

/// Starts this program once more, with these words in its environment as well: the test case alone.
/// `actions` may be null.
pid_t spawn_test_case(const char* test_case, std::vector<std::string> words,
                      const posix_spawn_file_actions_t* actions);
/// Starts a process that plays this test case.
pid_t start_child(const char* test_case, const Orders& orders);
/// In there: what it was told. It will not outlive whoever has told it.
Orders orders_of_child();
/// Ends a child that has done what it was to do. It says nothing, like one that was killed.
[[noreturn]] void end_child();

/// Kills the child when it has done so much. Requires: it does more, until it is killed.
void kill_at_work(pid_t child, const std::atomic<uint64_t>& done, uint64_t until);
/// Waits for the end of a child. False if it was killed, true if it had done what it was to do.
bool wait_for_child(pid_t child);

/// The machine and the store of all these tests. It has a memory of 8 KiB, or of 2.
engine::MachineOptions machine_of(const Orders& orders);
engine::StoreOptions store_of(const Orders& orders);
/// Recovers the store, or opens it if there is none yet.
engine::Result<engine::Owned<engine::Store>> begin_store(const engine::Runtime& runtime,
                                                         const Orders& orders,
                                                         const engine::Bugs& bugs);
/// Takes the n-th checkpoint of a child: of all kinds in turn.
void take_checkpoint(engine::Store& store, uint64_t n, std::atomic<uint64_t>& wrong);
/// Takes one after the other, for ever.
[[noreturn]] void take_checkpoints(engine::Store& store, std::atomic<uint64_t>& wrong);

/// Calls `one` for each of `lives` lives of a store, one after the other; and all of that in every
/// way in which requests can be carried out, each with a folder of its own. Direct or not, there is
/// a way with fast commits and one without.
void live_in_every_way(uint64_t lives,
                       const std::function<void(const Orders& orders, uint64_t life)>& one);
/// The file of what all lives share, in the folder of a store.
std::string shared_path(const std::string& folder);

/// Maps a file of this size, which is made if need be. It is zeros at first.
void* map_shared(const std::string& path, size_t size);

/// What several processes look at, and what outlives each of them. It begins as zeros, whatever its
/// constructor would say.
template <typename T>
class SharedFile {
 public:
  explicit SharedFile(const std::string& path)
      : shared_(static_cast<T*>(map_shared(path, sizeof(T)))) {}
  ~SharedFile() { munmap(shared_, sizeof(T)); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;
  T& operator*() { return *shared_; }
  T* operator->() { return shared_; }

 private:
  T* shared_;
};

}  // namespace orrery::tests
