// SPDX-License-Identifier: Apache-2.0
// Which part of a page is to be walked after a snapshot has written it: a pure function.
//
// Records below safe_ro cannot be updated in place any more, so their Dirty bits matter to nobody.
// The records of [max(from, safe_ro), min(page end, until)) are in the snapshot now, and their
// Dirty bits are to be cleared. safe_ro moves while pages are written, and may lie far above the
// page.
#pragma once

#include <cstdint>

#include "engine/store/address.hpp"

namespace orrery::engine {

struct WalkWindow {
  LogAddr start = 0;
  int64_t width = 0;  // bytes; nothing to walk unless positive
};

/// With `faulty`, the arithmetic of garnet-385: `width` is what is left of a 64-bit difference in a
/// signed integer of `width_bits`.
WalkWindow post_flush_window(int64_t page, LogAddr from, LogAddr until, LogAddr safe_ro,
                             uint32_t page_bits, uint32_t width_bits, bool faulty);

/// The low `bits` of a value as a signed integer of that width.
constexpr int64_t truncate_signed(int64_t value, uint32_t bits) {
  const uint32_t drop = 64 - bits;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << drop) >> drop;
}

}  // namespace orrery::engine
