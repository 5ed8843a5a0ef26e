// SPDX-License-Identifier: Apache-2.0
// The mixes of YCSB ("Benchmarking cloud serving systems with YCSB", SoCC 2010), and who draws
// keys.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

namespace orrery::bench {

enum class Keys : uint8_t { uniform, zipf, latest };

/// Parts in a hundred.
struct Mix {
  const char* name;
  const char* sentence;
  uint32_t reads, upserts, inserts, scans, modifies;
  bool latest = false;  // reads what was inserted last
};

std::span<const Mix> mixes();

// xorshift64*: cheap beside an operation.
class Draw {
 public:
  explicit Draw(uint64_t seed) : state_(seed * 0x9E37'79B9'7F4A'7C15ULL | 1) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545'F491'4F6C'DD1DULL;
  }
  /// In 0..count-1, below 2^32.
  uint64_t below(uint64_t count) { return ((next() >> 32) * count) >> 32; }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

/// Ranks by Zipf's law: rank r with a share of 1 / r^theta (Gray et al., "Quickly generating
/// billion-record synthetic databases", SIGMOD 1994). Ranks are spread over the keys, so that hot
/// records do not lie beside each other.
class Zipf {
 public:
  Zipf(uint64_t count, double theta);
  uint64_t rank(Draw& draw) const {
    const double u = draw.unit();
    const double uz = u * zeta_;
    if (uz < 1) return 0;
    if (uz < 1 + half_) return 1;
    const double place = static_cast<double>(count_) * std::pow(eta_ * u - eta_ + 1, alpha_);
    return std::min(static_cast<uint64_t>(place), count_ - 1);
  }
  uint64_t key(Draw& draw) const { return spread(rank(draw)); }

 private:
  uint64_t spread(uint64_t rank) const {
    return ((rank * 0x9E37'79B9'7F4A'7C15ULL >> 32) * count_) >> 32;
  }
  uint64_t count_;
  double zeta_, alpha_, eta_, half_;
};

}  // namespace orrery::bench
