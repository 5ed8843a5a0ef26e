// SPDX-License-Identifier: Apache-2.0
// How pages leave memory: head moves, everybody takes notice, and one worker closes the pages
// below.
//
// The worker is no thread but whoever runs the epoch action and finds nobody at it. Others who come
// meanwhile extend its range and go.
#include <algorithm>

#include "engine/store/events.hpp"
#include "engine/store/hybrid_log.hpp"

namespace orrery::engine {

void HybridLog::shift_head(Self& self, LogAddr desired) {
  const LogAddr flushed = load(Boundary::flushed);
  const LogAddr wanted = std::min(desired, flushed);
  if (wanted <= load(Boundary::head)) return;
  const LogAddr head = frames_.raise_head(wanted);
  if (head == kInvalidAddr) return;
  epoch_.bump(self, {[](void* log, int64_t address, Self&) {
                       static_cast<HybridLog*>(log)->on_pages_closed(address);
                     },
                     this,
                     head,
                     {"close-pages", static_cast<uint64_t>(head)}});
}

// An epoch action: nobody may look below `head` any more.
void HybridLog::on_pages_closed(LogAddr head) {
  if (!boundaries_.raise(Boundary::safe_head, head)) return;
  LogAddr ongoing = ongoing_close_.load();
  for (;;) {
    if (ongoing >= head) return;
    if (ongoing_close_.compare_exchange(ongoing, head)) break;
    tasks_.yield();
  }
  if (ongoing == 0) {
    close_pages();
  } else {
    SOMETIMES(true, "the range of the close worker was extended");
  }
}

void HybridLog::close_pages() {
  for (;;) {
    const LogAddr from = load(Boundary::closed);
    LogAddr until = ongoing_close_.load();
    CHECK(until != 0, "the close worker has lost its range");
    note(events::kCloseBegin, from, until);
    close_range(from, until);
    if (ongoing_close_.compare_exchange(until, 0)) {
      note(events::kCloseEnd, until);
      return;
    }
  }
}

void HybridLog::close_range(LogAddr from, LogAddr until) {
  const bool null = main_is_null();
  for (int64_t page = geometry().page(from); geometry().page_start(page) < until; ++page) {
    const LogAddr end = std::min(until, geometry().page_end(page));
    // What leaves the memory of a cache is gone, and begin must say so before the frame goes.
    if (null) boundaries_.raise(Boundary::begin, end);
    if (end == geometry().page_end(page)) frames_.close(page);
    boundaries_.raise(Boundary::closed, end);
  }
}

}  // namespace orrery::engine
