// SPDX-License-Identifier: Apache-2.0
// How long operations took: counts in classes whose width is at most a thirty-second of their
// value.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace orrery::bench {

class Latencies {
 public:
  void add(uint64_t ns) {
    ++counts_[place_of(ns)];
    ++total_;
    longest_ = std::max(longest_, ns);
  }
  void add(const Latencies& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    longest_ = std::max(longest_, other.longest_);
  }
  uint64_t count() const { return total_; }
  uint64_t longest() const { return longest_; }  // to the nanosecond
  /// The upper end of the class in which so many of a million operations lie below, or the longest
  /// if that is less; 0 of none.
  uint64_t at(uint32_t per_million) const {
    const uint64_t wanted = (total_ * per_million + 999'999) / 1'000'000;
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size() && total_ > 0; ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(end_of(i), longest_);
    }
    return 0;
  }
  /// Calls visit(upper end, count) of each class that is not empty, from below.
  template <typename Visit>
  void each_class(const Visit& visit) const {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > 0) visit(end_of(i), counts_[i]);
    }
  }

 private:
  static constexpr int kBits = 5;
  static size_t place_of(uint64_t ns) {
    if (ns < (1U << kBits)) return ns;
    const int shift = static_cast<int>(std::bit_width(ns)) - 1 - kBits;
    return (static_cast<size_t>(shift + 1) << kBits) + ((ns >> shift) & ((1U << kBits) - 1));
  }
  static uint64_t end_of(size_t place) {
    if (place < (1U << kBits)) return place;
    const size_t shift = (place >> kBits) - 1;
    return ((place & ((1U << kBits) - 1)) + (1U << kBits) + 1) << shift;
  }
  std::array<uint64_t, (64 - kBits + 1) << kBits> counts_{};
  uint64_t total_ = 0;
  uint64_t longest_ = 0;
};

}  // namespace orrery::bench
