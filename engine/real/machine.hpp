// SPDX-License-Identifier: Apache-2.0
// The world that ships: the machine that the process runs on, as a Runtime.
//
// Threads and futexes, the monotonic clock, mapped frames, the process's allocator, and a directory
// of files behind a pool of threads. Whoever was given the runtime is gone before the machine goes.
// Requests that are still in flight then are performed and finished first.
#pragma once

#include <memory>
#include <string>

#include "engine/real/directory.hpp"
#include "engine/real/io_pool.hpp"
#include "engine/real/mapped_frames.hpp"
#include "engine/real/steady_clock.hpp"
#include "engine/real/system_memory.hpp"
#include "engine/real/threads.hpp"
#include "engine/runtime/runtime.hpp"

namespace orrery::engine {

struct MachineOptions {
  std::string folder;       // holds the devices; made if it does not exist
  unsigned io_threads = 4;  // requests performed at once
  bool huge_pages = false;  // for page frames: faster, and nothing is sparse any more
};

class Machine {
 public:
  /// Errors: those of Directory::open and IoPool::start.
  static Result<std::unique_ptr<Machine>> open(const MachineOptions& options);
  /// Waits for the tasks, which may still wait for a request, then for the requests.
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Runtime runtime() { return {clock_, threads_, *directory_, frames_, memory_}; }
  MappedFrames& frames() { return frames_; }

 private:
  explicit Machine(bool huge_pages) : frames_(huge_pages) {}

  SteadyClock clock_;
  MappedFrames frames_;
  SystemMemory memory_;
  Threads threads_;
  std::unique_ptr<IoPool> pool_;
  std::unique_ptr<Directory> directory_;
};

}  // namespace orrery::engine
