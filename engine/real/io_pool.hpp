// SPDX-License-Identifier: Apache-2.0
// Threads that carry out requests with plain calls of the kernel, in the order of submission: for
// machines without a ring. The device performs each request; the pool knows nothing of files.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/real/io_carrier.hpp"

namespace orrery::engine {

class IoPool final : public IoCarrier {
 public:
  /// Errors: no_memory, if the threads cannot be started.
  static Result<std::unique_ptr<IoPool>> start(unsigned threads);

  ~IoPool() override;
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  bool submit(FileDevice& device, Io& io) override;
  bool cancel(const Io& io) override;
  void stop() override;

 private:
  IoPool() = default;
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace orrery::engine
