// SPDX-License-Identifier: Apache-2.0
#include "sim/reserve.hpp"

#include <sys/mman.h>

#include <algorithm>

#include "engine/base/bytes.hpp"
#include "engine/base/check.hpp"

namespace orrery::sim {

Reserve reserve(size_t wanted, size_t least) {
  for (size_t size = wanted; size >= least; size /= 2) {
    void* const block = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) continue;
    // Where there is less than was wanted, it is not for one alone.
    const size_t kept = size == wanted ? size : std::max(least, size / 4);
    if (kept < size) munmap(static_cast<std::byte*>(block) + kept, size - kept);
    return {static_cast<std::byte*>(block), kept};
  }
  CHECK(false, "no address space for {} bytes, nor for {}", wanted, least);
  return {};
}

std::byte* Reserve::first_of(size_t used, bool mirrored) const {
  return mirrored ? base + (size - used) : base;
}

std::byte* Reserve::take(size_t wanted, size_t alignment, size_t& used, bool mirrored) const {
  if (mirrored) {
    used = engine::round_up(used + wanted, alignment);
    return base + (size - used);
  }
  used = engine::round_up(used, alignment);
  used += wanted;
  return base + (used - wanted);
}

void release(const Reserve& reserve) { munmap(reserve.base, reserve.size); }

}  // namespace orrery::sim
