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

  // It is handed out from the front on, or mirrored, from the back on: the same run with the other
  // layout of memory.

  /// Where the stretch begins that holds the first `used` bytes that were handed out.
  std::byte* first_of(size_t used, bool mirrored) const;
  /// Hands out `size` bytes more, and moves `used` on. Whoever calls sees to it that there is room.
  std::byte* take(size_t size, size_t alignment, size_t& used, bool mirrored) const;
  bool contains(const std::byte* at) const { return at >= base && at < base + size; }
};

/// `wanted`, or a quarter of what can be had by halving it, but no less than `least`: the others of
/// a world want some, too. A defect of the harness if there is not so much.
Reserve reserve(size_t wanted, size_t least);
void release(const Reserve& reserve);

}  // namespace orrery::sim
