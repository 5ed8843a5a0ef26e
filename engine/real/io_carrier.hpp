// SPDX-License-Identifier: Apache-2.0
// Who carries out the requests of all file devices: the kernel, through a ring that it shares with
// the process (io_ring.hpp), or threads that call it (io_pool.hpp).
//
// In goes a request with the device it is for; the carrier has its effect on the file and finishes
// it on a thread of its own. Requests overtake one another. `done` may take its time and may submit
// again. It may even wait for another request, as long as fewer do so at once than the carrier has
// threads.
#pragma once

#include <cstddef>

namespace orrery::engine {

class FileDevice;
struct Io;

class IoCarrier {
 public:
  /// Performs what is still queued and ends its threads, if that was not done.
  virtual ~IoCarrier() = default;
  virtual void stop() = 0;

  /// False if there is no memory for the queue: then the request was not taken.
  virtual bool submit(FileDevice& device, Io& io) = 0;

  /// True if the request was still in the queue: it is not performed, and finished as cancelled.
  /// False of one that was cancelled before.
  virtual bool cancel(const Io& io) = 0;

  /// True if the memory of a frame that begins here must stay as it is mapped: the kernel writes
  /// and reads that very memory.
  virtual bool keeps(const std::byte*) { return false; }
  /// It is about to be unmapped. Requires: no request names it any more.
  virtual void forget(const std::byte*) {}

 protected:
  /// A request that was taken.
  struct Job {
    FileDevice* device = nullptr;
    Io* io = nullptr;
    bool cancelled = false;
    int frame = -1;  // the number by which the kernel knows the frame that it names, if it does
  };
};

}  // namespace orrery::engine
