// SPDX-License-Identifier: Apache-2.0
#include "engine/store/window.hpp"

#include <algorithm>

namespace orrery::engine {

WalkWindow post_flush_window(int64_t page, LogAddr from, LogAddr until, LogAddr safe_ro,
                             uint32_t page_bits, uint32_t width_bits, bool faulty) {
  CHECK(page_bits < 32 && page >= 0, "page {} of {} bits is no page", page, page_bits);
  CHECK(width_bits >= 8 && width_bits <= 64, "an integer of {} bits", width_bits);
  LogAddr start = page << page_bits;
  LogAddr end = start + (int64_t{1} << page_bits);
  start = std::max(start, from);
  if (faulty) {
    start = std::max(start, safe_ro);  // may jump far beyond the end
    end = std::min(end, until);
    return {start, truncate_signed(end - start, width_bits)};
  }
  end = std::min(end, until);
  // Both ends are raised: a page below safe_ro has an empty window, not a negative one.
  start = std::max(start, safe_ro);
  end = std::max(end, safe_ro);
  return {start, std::max(end - start, int64_t{0})};
}

}  // namespace orrery::engine
