// SPDX-License-Identifier: Apache-2.0
#include "sim/resident.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "engine/base/check.hpp"

namespace orrery::sim {
namespace {

// Of an entry of the map (Linux, Documentation/admin-guide/mm/pagemap.rst).
constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr uint64_t kSwapped = uint64_t{1} << 62;

constexpr size_t kEntriesAtOnce = 4096;

}  // namespace

ResidentPages::ResidentPages() : map_(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}

ResidentPages::~ResidentPages() {
  if (map_ >= 0) close(map_);
}

void ResidentPages::ask(uintptr_t first, size_t count) {
  CHECK(first % kOsPage == 0, "{:x} is not the address of a page", first);
  held_.resize(count);
  if (map_ >= 0 && read_map(first, count)) return;
  CHECK(mincore(reinterpret_cast<void*>(first), count * kOsPage, held_.data()) == 0,
        "the kernel does not say which pages are resident");
  for (unsigned char& held : held_) held &= 1U;
}

bool ResidentPages::read_map(uintptr_t first, size_t count) {
  entries_.resize(kEntriesAtOnce);
  for (size_t done = 0; done < count;) {
    const size_t wanted = std::min(kEntriesAtOnce, count - done) * sizeof(uint64_t);
    const auto at = static_cast<off_t>((first / kOsPage + done) * sizeof(uint64_t));
    const ssize_t got = pread(map_, entries_.data(), wanted, at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    const size_t entries = static_cast<size_t>(got) / sizeof(uint64_t);
    for (size_t i = 0; i < entries; ++i) {
      held_[done + i] = (entries_[i] & (kPresent | kSwapped)) != 0 ? 1 : 0;
    }
    done += entries;
  }
  return true;
}

}  // namespace orrery::sim
