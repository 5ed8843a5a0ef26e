// SPDX-License-Identifier: Apache-2.0
#include "engine/real/system_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace orrery::engine {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLarge = 2 * kHugePage;  // below, too much of the last huge page might be waste

size_t place_of(size_t size) { return size >= kLarge ? kHugePage : 1; }

}  // namespace

Result<void*> SystemMemory::allocate(size_t size, size_t alignment, const char* label, Site) {
  CHECK(alignment > 0 && (alignment & (alignment - 1)) == 0, "{}: an alignment of {}", label,
        alignment);
  CHECK(alignment <= 4096, "{}: an alignment of {}", label, alignment);
  // A block of no bytes has an address of its own all the same.
  const size_t wanted = std::max<size_t>(size, 1);
  void* block = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    // What a large block holds is zero already, and untouched.
    block = std::calloc(1, wanted);
  } else if (posix_memalign(&block, std::max(alignment, place_of(wanted)), wanted) == 0) {
    // An index of many MiB is read all over: in small pages each read would also miss the table of
    // pages. Where the kernel has no huge pages it is only slower.
    if (wanted >= kLarge) (void)madvise(block, wanted, MADV_HUGEPAGE);
    std::memset(block, 0, wanted);
  } else {
    block = nullptr;
  }
  if (block == nullptr) return Error{Errc::no_memory, "the process has no memory left"};
  return block;
}

void SystemMemory::free(void* block, Site) { std::free(block); }

}  // namespace orrery::engine
