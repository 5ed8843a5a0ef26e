// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/io_methods.hpp"

#include <cstdio>

#include "engine/real/io_ring.hpp"

namespace orrery::tests {

std::vector<IoWay> io_ways() {
  using engine::IoMethod;
  std::vector<IoWay> ways = {{"pool", IoMethod::pool, false},
                             {"pool, direct", IoMethod::pool, true}};
  static const bool has_ring = [] {
    const auto ring = engine::IoRing::start({});
    if (!ring) std::fprintf(stderr, "no test uses io_uring: %s\n", ring.error().what);
    return ring.has_value();
  }();
  if (has_ring) {
    ways.push_back({"ring", IoMethod::ring, false});
    ways.push_back({"ring, direct", IoMethod::ring, true});
  }
  return ways;
}

}  // namespace orrery::tests
