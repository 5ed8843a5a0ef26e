// SPDX-License-Identifier: Apache-2.0
// What orrery-bench can measure.
#pragma once

#include <algorithm>
#include <string_view>

#include "bench/ycsb/engine.hpp"
#include "bench/ycsb/report.hpp"

namespace orrery::bench {

struct Wanted {
  Times times;
  std::vector<std::string> engines;  // names
  uint64_t records = 2'500'000;
  uint32_t value_size = 8;
  uint32_t batch = 16;
  uint32_t in_flight = 64;
  std::vector<std::string> only;  // goals; empty: all of them
  std::vector<std::string> mixes = {"A", "B", "C", "D", "E", "F"};
  std::vector<std::string> keys = {"uniform", "zipf"};
  std::vector<std::string> data = {"memory", "disk"};
  std::vector<uint32_t> threads = {1, 2};
};

inline bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What so many records take in our log, keys of 8 bytes and all.
inline uint64_t data_size(uint64_t records, uint32_t value_size) {
  return records * (value_size + 32);
}

/// Mixes A to F, uniform and zipf, on 1 and 2 threads, in memory and with four times as much data
/// as memory: operations a second, and how long they take.
void measure_mixes(const Wanted& wanted, Report& report);

/// The figures that are promised (empty, memory, disk, snapshot), beside what others do on the same
/// machine in the same run.
void measure_goals(const Wanted& wanted, Report& report);

}  // namespace orrery::bench
