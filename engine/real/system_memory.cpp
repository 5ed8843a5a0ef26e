// SPDX-License-Identifier: Apache-2.0
#include "engine/real/system_memory.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace orrery::engine {
namespace {

constexpr size_t kLarge = 2 * kHugePage;  // below, too much of the last huge page might be waste

size_t place_of(size_t size) { return size >= kLarge ? kHugePage : 1; }

// A large block is given back to the kernel, who has zeros for whoever touches it.
void clear(std::byte* block, size_t size) {
  size_t cleared = 0;
  if (size >= kLarge) {
    const size_t whole = size / kMachinePage * kMachinePage;
    if (madvise(block, whole, MADV_DONTNEED) == 0) cleared = whole;
  }
  std::memset(block + cleared, 0, size - cleared);
}

}  // namespace

Result<void*> SystemMemory::allocate(size_t size, size_t alignment, const char* label, Site) {
  CHECK(alignment > 0 && (alignment & (alignment - 1)) == 0, "{}: an alignment of {}", label,
        alignment);
  CHECK(alignment <= 4096, "{}: an alignment of {}", label, alignment);
  // A block of no bytes has an address of its own all the same.
  const size_t wanted = std::max<size_t>(size, 1);
  if (!budget_.take(wanted))
    return Error{Errc::no_memory, "the machine's budget of memory is used up"};
  void* block = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    // What a large block holds is zero already, and untouched.
    block = std::calloc(1, wanted);
  } else if (posix_memalign(&block, std::max(alignment, place_of(wanted)), wanted) == 0) {
    // An index of many MiB is read all over: in small pages each read would also miss the table of
    // pages. Where the kernel has no huge pages it is only slower.
    if (wanted >= kLarge) (void)madvise(block, wanted, MADV_HUGEPAGE);
    clear(static_cast<std::byte*>(block), wanted);
  } else {
    block = nullptr;
  }
  const size_t rounded = malloc_usable_size(block);
  const bool fits = block != nullptr && (rounded <= wanted || budget_.take(rounded - wanted));
  if (fits) return block;
  budget_.give(wanted);
  std::free(block);
  if (block != nullptr) return Error{Errc::no_memory, "the machine's budget of memory is used up"};
  return Error{Errc::no_memory, "the process has no memory left"};
}

void SystemMemory::free(void* block, Site) {
  budget_.give(malloc_usable_size(block));
  std::free(block);
}

}  // namespace orrery::engine
