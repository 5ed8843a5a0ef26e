// SPDX-License-Identifier: Apache-2.0
// The world that ships: the machine that the process runs on, as a Runtime.
//
// Threads and futexes, the monotonic clock, mapped frames, the process's allocator, and a directory
// of files behind a ring of the kernel's, or behind a pool of threads where there is none. Where a
// limit on the size of files is set, the process must ignore SIGXFSZ, or the kernel ends it. One
// machine at a time has a folder: to open another one on it is an error as long as it lives.
// Whoever was given the runtime is gone before the machine goes. Requests that are still in flight
// then are performed and finished first.
#pragma once

#include <memory>
#include <string>

#include "engine/real/directory.hpp"
#include "engine/real/io_carrier.hpp"
#include "engine/real/mapped_frames.hpp"
#include "engine/real/steady_clock.hpp"
#include "engine/real/system_memory.hpp"
#include "engine/real/threads.hpp"
#include "engine/runtime/runtime.hpp"

namespace orrery::engine {

/// Who carries out requests.
enum class IoMethod : uint8_t {
  any,   // the ring, or the pool if the kernel gives us none
  ring,  // io_uring
  pool,  // threads that call the kernel
};

struct MachineOptions {
  std::string folder;       // holds the devices, of this machine alone; made if it does not exist
  unsigned io_threads = 4;  // completions at once; of the pool, requests performed at once
  IoMethod io = IoMethod::any;
  bool direct = true;                // past the kernel's page cache, where that is possible
  bool huge_pages = false;           // for page frames: faster, and nothing is sparse any more
  uint64_t memory_max = UINT64_MAX;  // bytes of blocks and page frames that it gives out
};

class Machine {
 public:
  /// Errors: those of Directory::open, IoPool::start and, if there must be a ring, IoRing::start.
  static Result<std::unique_ptr<Machine>> open(const MachineOptions& options);
  /// Waits for the tasks, which may still wait for a request, then for the requests.
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Runtime runtime() { return {clock_, threads_, *directory_, frames_, memory_}; }
  MappedFrames& frames() { return frames_; }
  /// Bytes of blocks and page frames that are given out now.
  uint64_t memory_used() const { return budget_.used(); }
  /// How requests are carried out, for a person: whether past the page cache, by whom, and the
  /// reason why it is not the ring, if nobody asked for the pool.
  const std::string& io_method() const { return io_method_; }

 private:
  explicit Machine(const MachineOptions& options)
      : budget_(options.memory_max), frames_(options.huge_pages, budget_), memory_(budget_) {}
  static Result<std::unique_ptr<Machine>> open_or_throw(const MachineOptions& options);
  Result<void> start_carrier(const MachineOptions& options);

  SteadyClock clock_;
  MemoryBudget budget_;
  MappedFrames frames_;
  SystemMemory memory_;
  Threads threads_;
  std::unique_ptr<IoCarrier> carrier_;
  std::string io_method_;
  std::unique_ptr<Directory> directory_;
};

}  // namespace orrery::engine
