// SPDX-License-Identifier: Apache-2.0
#include "bench/ycsb/workload.hpp"

#include <array>

namespace orrery::bench {
namespace {

constexpr auto kMixes = std::to_array<Mix>({
    {"A", "half reads, half upserts", 50, 50, 0, 0, 0},
    {"B", "reads, some upserts", 95, 5, 0, 0, 0},
    {"C", "reads", 100, 0, 0, 0, 0},
    {"D", "reads of what is new, some inserts", 95, 0, 5, 0, 0, true},
    {"E", "short scans, some inserts", 0, 0, 5, 95, 0},
    {"F", "half reads, half read-modify-writes", 50, 0, 0, 0, 50},
});

}  // namespace

std::span<const Mix> mixes() { return kMixes; }

Zipf::Zipf(uint64_t count, double theta) : count_(count), zeta_(0) {
  for (uint64_t rank = 1; rank <= count; ++rank) {
    zeta_ += 1 / std::pow(static_cast<double>(rank), theta);
  }
  half_ = std::pow(0.5, theta);
  alpha_ = 1 / (1 - theta);
  eta_ = (1 - std::pow(2 / static_cast<double>(count), 1 - theta)) / (1 - (1 + half_) / zeta_);
}

}  // namespace orrery::bench
