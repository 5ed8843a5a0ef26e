// SPDX-License-Identifier: Apache-2.0
// Requests through io_uring: the kernel performs them, and a few threads run their completions.
//
// Requests wait in a queue for a place in the ring. Whoever submits enters the kernel with all that
// has gathered there, unless another task is just at it: then that one takes it along, in one call.
// A transfer that ends early goes on where it ended. The kernel syncs one file at a time: of two
// syncs that ran at once only one would hear of a failure.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/real/io_carrier.hpp"
#include "engine/real/registered_frames.hpp"

struct io_uring;

namespace orrery::engine {

struct RingOptions {
  unsigned threads = 4;            // run completions; 1..depth
  unsigned depth = 256;            // requests that the kernel has at once; a power of two
  size_t chunk = size_t{1} << 30;  // bytes that it is asked for in one call; to 1 << 30
  bool registers = true;           // page frames, as far as the kernel lets us
};

class IoRing final : public IoCarrier {
 public:
  /// Errors: io, if the kernel has no ring, may not give us one, or one that does too little;
  /// no_memory.
  static Result<std::unique_ptr<IoRing>> start(const RingOptions& options);
  ~IoRing() override;
  IoRing(const IoRing&) = delete;
  IoRing& operator=(const IoRing&) = delete;

  bool submit(FileDevice& device, Io& io) override;
  bool cancel(const Io& io) override;
  void stop() override;
  bool keeps(const std::byte* memory) override { return frames_.knows(memory); }
  void forget(const std::byte* memory) override { frames_.forget(memory); }

  /// True if it registers page frames with the kernel.
  bool registers() const { return registers_; }
  size_t registered_frames() { return frames_.count(); }

 private:
  /// A request that the kernel has, or is to get again.
  struct Slot {
    Job job;
    size_t done = 0;        // bytes transferred so far
    int refusals = 0;       // how often the kernel gave it back undone
    bool buffered = false;  // it goes through the page cache
    bool syncs = false;     // it has the turn of its device's syncs
    Errc error = Errc::ok;  // otherwise the kernel is asked nothing: this is its end
  };

  explicit IoRing(const RingOptions& options);
  Result<void> initialise();
  void pump(std::unique_lock<std::mutex>& lock);
  unsigned prepare_all();
  std::optional<Slot> next_in_queue();
  void prepare(uint32_t index);
  void enter(unsigned count);
  void serve();
  void handle(uint32_t index, int result);
  void end(std::unique_lock<std::mutex>& lock, uint32_t index, Errc error);

  const RingOptions options_;
  std::unique_ptr<io_uring> ring_;
  bool made_ = false;
  RegisteredFrames frames_;
  bool registers_ = false;

  std::mutex mutex_;
  std::deque<Job> queue_;         // guarded by mutex_, as all below
  std::vector<Slot> slots_;       // as many as the ring is deep
  std::vector<uint32_t> free_;    // of the slots
  std::vector<uint32_t> again_;   // slots whose request goes on
  bool submitting_ = false;       // a task prepares entries and enters the kernel
  size_t outstanding_ = 0;        // requests taken whose `done` has not returned
  std::condition_variable idle_;  // outstanding_ has become 0, and submitting_ is false

  std::mutex reap_mutex_;  // held by the thread that waits for the next completion
  std::vector<std::thread> threads_;
};

}  // namespace orrery::engine
