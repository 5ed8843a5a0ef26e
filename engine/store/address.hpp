// SPDX-License-Identifier: Apache-2.0
// Logical addresses: where a record lives in a log that only ever grows.
//
// An address is a byte position. Its high bits are a page, its low bits an offset in that page, and
// the page modulo the size of the ring is a slot, the place of the page in memory. All of it is
// signed 64-bit arithmetic: nothing narrows, anywhere. Addresses stay below 2^47, because 48 bits
// of an index entry and of a record header hold one and the highest of these is reserved.
#pragma once

#include <cstdint>

#include "engine/base/check.hpp"

namespace orrery::engine {

using LogAddr = int64_t;

inline constexpr LogAddr kInvalidAddr = 0;
inline constexpr LogAddr kTempInvalid = 1;  // a record that was allocated but is not linked
inline constexpr LogAddr kFirstValid = 64;
inline constexpr int kAddrBits = 48;
inline constexpr LogAddr kAddrEnd = LogAddr{1} << 47;  // every address is below
inline constexpr int64_t kRecordAlign = 8;

/// The sizes of a log, and the arithmetic that follows from them.
struct Geometry {
  uint32_t page_bits = 0;
  int64_t slots = 0;         // pages in the ring, a power of two
  int64_t sector = 0;        // bytes
  int64_t aligned_page = 0;  // the page size rounded up to the sector: the stride on a device

  int64_t page_size() const { return int64_t{1} << page_bits; }
  int64_t page(LogAddr address) const { return address >> page_bits; }
  int64_t offset(LogAddr address) const { return address & (page_size() - 1); }
  LogAddr page_start(int64_t page) const { return page << page_bits; }
  LogAddr page_end(int64_t page) const { return page_start(page + 1); }
  int64_t slot(int64_t page) const { return page & (slots - 1); }
  int64_t page_count_max() const { return kAddrEnd >> page_bits; }

  /// The place of an address on the main device.
  uint64_t file_offset(LogAddr address) const {
    VERIFY(address >= 0, "a negative address {} has no place on a device", address);
    return static_cast<uint64_t>(aligned_page * page(address) + offset(address));
  }
};

}  // namespace orrery::engine
