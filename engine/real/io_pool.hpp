// SPDX-License-Identifier: Apache-2.0
// The threads that carry out the requests of all file devices, in the order of submission.
//
// In goes a request with the device it is for; the device performs it and finishes it on a thread
// of the pool. With several threads requests overtake one another. The pool knows nothing of files.
// `done` may take its time and may submit again. It may even wait for another request, as long as
// fewer do so at once than there are threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/base/result.hpp"

namespace orrery::engine {

class FileDevice;
struct Io;

class IoPool {
 public:
  /// Errors: no_memory, if the threads cannot be started.
  static Result<std::unique_ptr<IoPool>> start(unsigned threads);

  /// Performs what is still queued, then ends.
  ~IoPool();
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  /// False if there is no memory for the queue: then the request was not taken.
  bool submit(FileDevice& device, Io& io);

  /// True if the request was still in the queue: it is not performed, and finished as cancelled.
  bool cancel(const Io& io);

 private:
  struct Job {
    FileDevice* device = nullptr;
    Io* io = nullptr;
    bool cancelled = false;
  };

  IoPool() = default;
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace orrery::engine
