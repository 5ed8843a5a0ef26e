// SPDX-License-Identifier: Apache-2.0
// What a benchmark asks of a storage engine: keys of 8 bytes, values of a fixed size.
//
// One file an engine; engines() lists those that this build has. A value begins with a number that
// is congruent to its key modulo the number of records, so that a wrong one is noticed: who reads
// counts it, and it fails the benchmark.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/ycsb/latencies.hpp"

namespace orrery::bench {

using Clock = std::chrono::steady_clock;

struct EngineOptions {
  std::string folder;       // of its files; empty
  uint64_t records = 0;     // that will be loaded; scans and inserts may go beyond
  uint32_t value_size = 8;  // bytes, at least 8
  uint64_t memory = 0;      // bytes for records in memory; the index of keys comes on top
  bool in_memory = true;    // nothing needs to survive, and all records fit
  uint32_t in_flight = 64;  // reads of the disk, of a thread that need not wait for each
  uint64_t modulus() const { return records; }
};

/// One thread's line of operations. What it could not do right counts in `wrong`.
class Client {
 public:
  virtual ~Client() = default;

  /// Said before the operations on these keys, in their order.
  virtual void announce(std::span<const uint64_t> keys, bool all_are_reads) {
    (void)keys, (void)all_are_reads;
  }
  /// Whether it has ended. Else it does so later, in another call or in finish().
  virtual bool read(uint64_t key) = 0;
  virtual void upsert(uint64_t key, uint64_t salt) = 0;
  /// Adds the modulus to the number in the value.
  virtual void modify(uint64_t key) = 0;
  /// Reads up to `count` records from the key on. Only if Engine::can_scan().
  virtual void scan(uint64_t key, uint32_t count) { (void)key, (void)count; }
  /// Ends what has its answer by now.
  virtual void poll() {}
  /// Ends what is pending.
  virtual void finish() {}

  uint64_t wrong = 0;
  Latencies* late = nullptr;  // if operations are timed: of reads that ended after their call
  Clock::time_point begun;    // and when the call under way began
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string name() const = 0;  // with its version
  virtual bool can_scan() const = 0;
  /// Used by one thread, and gone before the engine.
  virtual std::unique_ptr<Client> client(uint64_t number) = 0;
  /// All that was done is on the disk, and nothing is left to be done in the background.
  virtual void settle() = 0;
};

struct EngineRow {
  const char* name;
  std::unique_ptr<Engine> (*open)(const EngineOptions&);
};

/// Ours first.
std::span<const EngineRow> engines();

}  // namespace orrery::bench
