// SPDX-License-Identifier: Apache-2.0
// Which pages of this process hold anything, as the kernel knows it.
//
// Untouched anonymous memory has no pages; what was touched is in memory, or swapped out. mincore()
// calls the latter absent, and a run on a machine that swaps would lose bytes. So the kernel's map
// of the process is read instead; where there is none, mincore has to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace orrery::sim {

class ResidentPages {
 public:
  static constexpr size_t kOsPage = 4096;

  /// Of the process that makes it: not to be taken across a fork.
  ResidentPages();
  ~ResidentPages();
  ResidentPages(const ResidentPages&) = delete;
  ResidentPages& operator=(const ResidentPages&) = delete;

  /// Asks about the `count` pages from `first`, an address of a page, on.
  void ask(uintptr_t first, size_t count);

  /// How many pages were asked about.
  size_t count() const { return held_.size(); }
  /// Whether the i-th of them holds anything.
  bool holds(size_t i) const { return held_[i] != 0; }

 private:
  bool read_map(uintptr_t first, size_t count);

  int map_ = -1;  // /proc/self/pagemap
  std::vector<uint64_t> entries_;
  std::vector<unsigned char> held_;
};

}  // namespace orrery::sim
