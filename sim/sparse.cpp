// SPDX-License-Identifier: Apache-2.0
#include "sim/sparse.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "engine/base/bytes.hpp"
#include "sim/hash.hpp"

namespace orrery::sim {

void Sparse::ask(const std::byte* start, size_t length) {
  const auto first = engine::round_down(reinterpret_cast<uintptr_t>(start), kOsPage);
  const auto last = engine::round_up(reinterpret_cast<uintptr_t>(start) + length, kOsPage);
  pages_.ask(first, (last - first) / kOsPage);
}

void Sparse::copy(std::byte* target, const std::byte* source, size_t length) {
  // What the source does not have reads as zeros: only what the target has must be cleared.
  each_resident(target, length, [&](size_t at, size_t size) { std::memset(target + at, 0, size); });
  each_resident(source, length,
                [&](size_t at, size_t size) { std::memcpy(target + at, source + at, size); });
}

uint64_t Sparse::hash(const std::byte* start, size_t length) {
  uint64_t hash = length;
  size_t next = 0;  // the first block that was not looked at
  each_resident(start, length, [&](size_t at, size_t size) {
    // Blocks are counted from the start of the buffer, wherever it lies: where the system's pages
    // end, and which of them are zeros that somebody looked at, must not show.
    for (size_t block = std::max(next, at / kOsPage); block * kOsPage < at + size; ++block) {
      const std::byte* const bytes = start + block * kOsPage;
      const size_t part = std::min(kOsPage, length - block * kOsPage);
      const bool zero = bytes[0] == std::byte{0} && std::memcmp(bytes, bytes + 1, part - 1) == 0;
      if (!zero) hash = mix(hash, block, XXH3_64bits(bytes, part));
      next = block + 1;
    }
  });
  return hash;
}

}  // namespace orrery::sim
