// SPDX-License-Identifier: Apache-2.0
#include "engine/real/io_pool.hpp"

#include <algorithm>
#include <new>
#include <system_error>

#include "engine/real/file_device.hpp"

namespace orrery::engine {

Result<std::unique_ptr<IoPool>> IoPool::start(unsigned threads) {
  CHECK(threads > 0, "a pool without threads finishes nothing");
  const Error refused{Errc::no_memory, "the threads of the I/O pool cannot be started"};
  std::unique_ptr<IoPool> pool(new (std::nothrow) IoPool());
  if (pool == nullptr) return refused;
  try {
    for (unsigned i = 0; i < threads; ++i) {
      pool->threads_.emplace_back([raw = pool.get()] { raw->serve(); });
    }
  } catch (const std::system_error&) {
    return refused;
  } catch (const std::bad_alloc&) {
    return refused;
  }
  return pool;
}

IoPool::~IoPool() { stop(); }

void IoPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  CHECK(jobs_.empty(), "{} requests were never performed", jobs_.size());
}

bool IoPool::submit(FileDevice& device, Io& io) {
  {
    const std::lock_guard lock(mutex_);
    try {
      jobs_.push_back({&device, &io, false});
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  changed_.notify_one();
  return true;
}

bool IoPool::cancel(const Io& io) {
  const std::lock_guard lock(mutex_);
  const auto job =
      std::find_if(jobs_.begin(), jobs_.end(), [&io](const Job& one) { return one.io == &io; });
  if (job == jobs_.end() || job->cancelled) return false;
  job->cancelled = true;
  return true;
}

void IoPool::serve() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = jobs_.front();
      jobs_.pop_front();
    }
    const Errc error = job.cancelled ? Errc::cancelled : job.device->perform(*job.io);
    job.device->finish(*job.io, error);
  }
}

}  // namespace orrery::engine
