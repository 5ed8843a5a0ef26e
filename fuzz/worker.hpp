// SPDX-License-Identifier: Apache-2.0
// One worker process of a campaign: claims the next run that nobody has, plays it, and sends a row
// for each through a pipe.
//
// A worker notes the index of a run in memory that it shares with the supervisor *before* it claims
// it, so that whatever kills it (a sanitizer, the kernel, a signal nobody could catch) leaves
// behind which run it was, and no run is ever claimed by nobody. What it says on its standard error
// outlives it, too. A worker is single-threaded, ignores Ctrl-C, and dies with its supervisor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fuzz/last_words.hpp"
#include "reports/run_row.hpp"

namespace orrery::fuzz {

/// Plays the runs of a campaign by their index.
class Player {
 public:
  virtual ~Player() = default;
  virtual reports::RunRow play(uint64_t index) = 0;
};

/// Called inside the worker, after the fork: a world belongs to one process.
using MakePlayer = std::function<std::unique_ptr<Player>()>;

inline constexpr uint64_t kNoRun = UINT64_MAX;
inline constexpr unsigned kWorkersMax = 256;
/// The exit code of a worker that the harness ended, and not its run.
inline constexpr int kHarnessFailure = 5;

/// Memory that supervisor and workers share. Lives in an anonymous mapping.
struct Shared {
  std::atomic<uint64_t> next;               // the run that nobody has claimed
  std::atomic<uint64_t> last;               // no run beyond this index begins any more
  std::atomic<uint64_t> limit;              // no run from this index on begins yet
  std::atomic<bool> stop;                   // no run begins any more
  std::atomic<uint64_t> now[kWorkersMax];   // the run that each worker is in, or about to claim
  std::atomic<int64_t> since[kWorkersMax];  // when it began, in ms of the steady clock
};

class SharedMemory {
 public:
  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  Shared& shared() { return *shared_; }
  /// One count for each SOMETIMES of the binary, in the order of all_sometimes().
  std::span<std::atomic<uint64_t>> sometimes() { return {sometimes_, count_}; }

 private:
  Shared* shared_ = nullptr;
  std::atomic<uint64_t>* sometimes_ = nullptr;
  size_t count_ = 0;
  size_t size_ = 0;
};

/// What one worker is to do.
struct WorkerOrder {
  unsigned number = 0;      // of the worker
  uint64_t again = kNoRun;  // the run to begin with, whoever had claimed it
  uint64_t end = 0;         // indices are below this
  int pipe = -1;            // where the rows go
  int64_t still_ms = 0;     // a run that does not move for this long is ended
};

/// Never returns: the process ends with exit code 0 when there is nothing left to play. An
/// exception ends it, too: it must not find its way into the copy of the supervisor's stack.
[[noreturn]] void work(const WorkerOrder& order, SharedMemory& memory, LastWords& last_words,
                       const MakePlayer& make) noexcept;

/// Milliseconds of the steady clock, which is the same in all processes.
int64_t steady_ms();

}  // namespace orrery::fuzz
