// SPDX-License-Identifier: Apache-2.0
// Large stretches of memory that are mostly untouched: which of their pages hold anything.
//
// Reading an untouched page makes it resident, and a cache of 40 GiB would become 40 GiB. So the
// kernel is asked first (sim/resident.hpp), and only pages that hold anything are read. Which they
// are may differ from one machine to the next; what they hold may not: whoever digests looks at
// bytes that are not zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/resident.hpp"

namespace orrery::sim {

inline constexpr size_t kOsPage = ResidentPages::kOsPage;
/// From this length on it pays to ask.
inline constexpr size_t kSparseFrom = 32 * 1024;

class Sparse {
 public:
  /// Calls visit(offset, length) for each resident stretch of [start, start + length).
  template <typename Visit>
  void each_resident(const std::byte* start, size_t length, const Visit& visit) {
    ask(start, length);
    const auto from = reinterpret_cast<uintptr_t>(start);
    const uintptr_t first = from / kOsPage * kOsPage;
    for (size_t i = 0; i < pages_.count(); ++i) {
      if (!pages_.holds(i)) continue;
      size_t last = i;
      while (last + 1 < pages_.count() && pages_.holds(last + 1)) ++last;
      const uintptr_t low = first + i * kOsPage > from ? first + i * kOsPage : from;
      const uintptr_t high = first + (last + 1) * kOsPage < from + length
                                 ? first + (last + 1) * kOsPage
                                 : from + length;
      visit(low - from, high - low);
      i = last;
    }
  }

  /// As memcpy, but what is untouched in both places stays so.
  void copy(std::byte* target, const std::byte* source, size_t length);

  /// A hash of where the bytes are not zero, and of what they are there.
  uint64_t hash(const std::byte* start, size_t length);

 private:
  void ask(const std::byte* start, size_t length);

  ResidentPages pages_;
};

}  // namespace orrery::sim
