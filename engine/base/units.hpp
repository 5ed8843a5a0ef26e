// SPDX-License-Identifier: Apache-2.0
// Time and odds as integers. There is no floating point in a decision or in time, so that every
// compiler agrees.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace orrery::engine {

/// A length of time in nanoseconds.
struct Duration {
  int64_t ns = 0;
  friend auto operator<=>(Duration, Duration) = default;
};

/// A moment on some Clock, in nanoseconds since its start.
struct Instant {
  int64_t ns = 0;
  friend auto operator<=>(Instant, Instant) = default;
  friend Instant operator+(Instant at, Duration length) { return {at.ns + length.ns}; }
  friend Duration operator-(Instant later, Instant earlier) { return {later.ns - earlier.ns}; }
};

/// A deadline that never comes.
inline constexpr Instant kNever{std::numeric_limits<int64_t>::max()};

/// An exact probability, `numerator` in `denominator`.
struct Odds {
  uint32_t numerator = 0;
  uint32_t denominator = 1;
};

inline constexpr int64_t kMicrosecond = 1'000;
inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

}  // namespace orrery::engine
