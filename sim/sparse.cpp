// SPDX-License-Identifier: Apache-2.0
#include "sim/sparse.hpp"

#include <sys/mman.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "engine/base/bytes.hpp"
#include "engine/base/check.hpp"
#include "sim/hash.hpp"

namespace orrery::sim {

void Sparse::ask(const std::byte* start, size_t length) {
  const auto first = engine::round_down(reinterpret_cast<uintptr_t>(start), kOsPage);
  const auto last = engine::round_up(reinterpret_cast<uintptr_t>(start) + length, kOsPage);
  pages_.assign((last - first) / kOsPage, 0);
  CHECK(mincore(reinterpret_cast<void*>(first), last - first, pages_.data()) == 0,
        "the kernel does not say which pages are resident");
}

void Sparse::copy(std::byte* target, const std::byte* source, size_t length) {
  // What the source does not have reads as zeros: only what the target has must be cleared.
  each_resident(target, length, [&](size_t at, size_t size) { std::memset(target + at, 0, size); });
  each_resident(source, length,
                [&](size_t at, size_t size) { std::memcpy(target + at, source + at, size); });
}

uint64_t Sparse::hash(const std::byte* start, size_t length) {
  uint64_t hash = length;
  each_resident(start, length, [&](size_t at, size_t size) {
    for (size_t done = 0; done < size;) {
      // Parts end where the buffer's own pages of 4 KiB end, wherever the buffer lies.
      const size_t part = std::min(size - done, kOsPage - (at + done) % kOsPage);
      const std::byte* const bytes = start + at + done;
      const bool zero = bytes[0] == std::byte{0} && std::memcmp(bytes, bytes + 1, part - 1) == 0;
      if (!zero) hash = mix(hash, at + done, XXH3_64bits(bytes, part));
      done += part;
    }
  });
  return hash;
}

}  // namespace orrery::sim
