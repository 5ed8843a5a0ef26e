// SPDX-License-Identifier: Apache-2.0
// Threads that work on an engine for some time, and what was measured meanwhile.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "bench/ycsb/engine.hpp"
#include "bench/ycsb/latencies.hpp"
#include "bench/ycsb/workload.hpp"

namespace orrery::bench {

struct Load {
  Mix mix;
  Keys keys = Keys::uniform;
  double theta = 0.99;
  uint64_t records = 0;  // that operations draw from
  uint32_t threads = 1;
  uint32_t batch = 16;  // operations that are announced together; 1: none is
  uint64_t seed = 0;    // of what is drawn: another one with each measurement
  bool timed = false;   // each operation by itself, without being announced
};

/// From one moment to another, all threads together.
struct Window {
  double seconds = 0;
  double per_thread = 0;    // M/s, each thread between two turns of its own
  Latencies reads, writes;  // of a timed load
};

/// On the clock by which all here is measured.
double seconds_since(Clock::time_point begun);

/// Writes records 0..count-1, in order, on one thread.
void load_records(Engine& engine, uint64_t count);

/// The threads of a load. They begin at once and work until it is destroyed, which fails the
/// benchmark if an operation went wrong.
class Workers {
 public:
  Workers(Engine& engine, const Load& load);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// What they do from now on until `until` returns, and for at least a turn each.
  Window measure(const std::function<void()>& until);
  Window measure(double seconds);

 private:
  struct Worker;
  void next_window();

  Engine& engine_;
  Load load_;
  std::atomic<bool> stop_{false};
  std::atomic<uint32_t> window_{0};  // under way
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace orrery::bench
