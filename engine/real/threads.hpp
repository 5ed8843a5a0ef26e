// SPDX-License-Identifier: Apache-2.0
// Tasks that are threads of the process, and waits that are futexes.
//
// Any thread may call in: one that was not spawned here, such as main or one of the I/O pool, gets
// an identity when it first asks for it. A spawned thread that nobody joins leaves nothing behind.
// The identity of a thread is its own, whichever Threads object it asks. Destruction waits for the
// threads that were spawned here.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>

#include "engine/runtime/tasks.hpp"

namespace orrery::engine {

class Threads final : public Tasks {
 public:
  Threads() = default;
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  /// Waits until nothing that was spawned here runs any more.
  void wait_for_all();

  Self& self() override;
  Result<TaskId> spawn(Name name, void (*run)(void*), void* argument) override;
  void join(TaskId task, Site site) override;
  void yield(Site site) override;
  bool wait(Atomic<uint32_t>& word, uint32_t seen, Instant deadline, Site site) override;
  void wake(Atomic<uint32_t>& word, uint32_t count, Site site) override;

 private:
  struct Start;
  static void* begin(void* start);
  void ended(uint64_t id);

  std::mutex mutex_;
  std::condition_variable somebody_ended_;
  std::set<uint64_t> running_;  // guarded by mutex_: the ids of what was spawned and has not ended
};

}  // namespace orrery::engine
