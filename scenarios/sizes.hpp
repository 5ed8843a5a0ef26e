// SPDX-License-Identifier: Apache-2.0
// The named numbers of one run: how many tasks, operations and pages, which widths, which
// latencies.
//
// A seed draws them, --set overrides them, the tape holds them, the shrinker makes them smaller.
// Nothing else decides how large a run is. Also the script of the clients is one of them: the size
// `script` names a workload, a pure function of it and of the client's number.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/hash.hpp"
#include "sim/tape.hpp"

namespace orrery::scenarios {

/// One size that a scenario knows. `calm` is where the shrinker wants to go.
struct SizeRow {
  const char* name;
  int64_t minimum;
  int64_t maximum;
  int64_t calm;
  const char* sentence;
};

template <size_t M, size_t N>
constexpr std::array<SizeRow, M + N> joined(const std::array<SizeRow, M>& first,
                                            const std::array<SizeRow, N>& second) {
  std::array<SizeRow, M + N> all{};
  for (size_t i = 0; i < M; ++i) all[i] = first[i];
  for (size_t i = 0; i < N; ++i) all[M + i] = second[i];
  return all;
}

class Sizes {
 public:
  /// The value of a size that is there; a CHECK fails if it is not.
  int64_t operator[](std::string_view name) const;
  std::optional<int64_t> find(std::string_view name) const;
  void set(std::string_view name, int64_t value);

  const std::vector<sim::Size>& all() const { return all_; }
  void clear() { all_.clear(); }

 private:
  std::vector<sim::Size> all_;  // in the order of the scenario's rows
};

/// A stream of numbers drawn from a seed. Separate purposes take separate streams.
class Draw {
 public:
  Draw(uint64_t seed, uint64_t purpose) : state_(sim::mix(seed, purpose)) {}
  uint64_t word() { return sim::scramble(++state_ * 0x9E37'79B9'7F4A'7C15ULL); }
  /// From `low` to `high`, both included.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(sim::below(word(), static_cast<uint64_t>(high - low) + 1));
  }
  /// True `numerator` times in `denominator`.
  bool odds(uint64_t numerator, uint64_t denominator) {
    return sim::below(word(), denominator) < numerator;
  }
  /// A power of two times one to two, each power between 2^low and 2^high equally likely.
  int64_t log_uniform(int64_t low_bits, int64_t high_bits) {
    const int64_t power = int64_t{1} << between(low_bits, high_bits - 1);
    return power + between(0, power - 1);
  }

 private:
  uint64_t state_;
};

}  // namespace orrery::scenarios
