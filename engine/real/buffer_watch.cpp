// SPDX-License-Identifier: Apache-2.0
#include "engine/real/buffer_watch.hpp"

#include <atomic>

#include "engine/base/sanitizers.hpp"

#if ORRERY_ASAN
#include <sanitizer/asan_interface.h>
#endif
#if ORRERY_TSAN
extern "C" void __tsan_write_range(void* address, unsigned long size);  // NOLINT: its own name
#endif

namespace orrery::engine {

bool is_sound([[maybe_unused]] const Io& io) {
#if ORRERY_ASAN
  return io.length == 0 || __asan_region_is_poisoned(io.buffer, io.length) == nullptr;
#else
  return true;
#endif
}

void announce_source([[maybe_unused]] const Io& io, [[maybe_unused]] uint32_t sector_size) {
#if ORRERY_TSAN
  const size_t settled = io.length - sector_size;
  for (size_t at = 0; at + 8 <= settled; at += 8) {
    auto& word = *reinterpret_cast<uint64_t*>(io.buffer + at);
    (void)std::atomic_ref<uint64_t>(word).load(std::memory_order_relaxed);
  }
#endif
}

void announce_target([[maybe_unused]] const Io& io) {
#if ORRERY_TSAN
  __tsan_write_range(io.buffer, io.length);
#endif
}

}  // namespace orrery::engine
