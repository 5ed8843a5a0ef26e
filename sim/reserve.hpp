// SPDX-License-Identifier: Apache-2.0
// Address space of which little is ever used: readable, writable, and nothing until it is touched.
//
// Some tools (valgrind) and limits (ulimit -v) leave less of it than is asked for. Then a smaller
// piece does as well, for all but the largest scenarios: who runs out of it says so.
#pragma once

#include <cstddef>

namespace orrery::sim {

struct Reserve {
  std::byte* base = nullptr;
  size_t size = 0;
};

/// As much as can be had of `wanted` by halving. A defect of the harness if that is below `least`.
Reserve reserve(size_t wanted, size_t least);
void release(const Reserve& reserve);

}  // namespace orrery::sim
