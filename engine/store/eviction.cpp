// SPDX-License-Identifier: Apache-2.0
// How pages leave memory: head moves, everybody takes notice, and one worker closes the pages
// below. And how the log gives up what it no longer needs.
//
// The worker is no thread but whoever runs the epoch action and finds nobody at it. Others who come
// meanwhile extend its range and go.
#include <algorithm>

#include "engine/store/events.hpp"
#include "engine/store/hybrid_log.hpp"

namespace orrery::engine {

void HybridLog::shift_head(Self& self, LogAddr desired) {
  const LogAddr flushed = load(Boundary::flushed);
  const LogAddr wanted = bugs_.canary_head() ? desired : std::min(desired, flushed);
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
    boundaries_.tell(events::kCloseBegin, from, until);
    close_range(from, until);
    if (ongoing_close_.compare_exchange(until, 0)) {
      boundaries_.tell(events::kCloseEnd, until);
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

// The order is that of a reader's questions: what is below begin is not asked for any more, then it
// is on the device (or never will be), then it leaves memory. Each step may be under way already.
Result<void> HybridLog::shift_begin(Self& self, LogAddr address) {
  CHECK(!epoch_.protected_here(self), "task {} waits inside the epoch for a begin shift", self.id);
  if (address > tail() || address % kRecordAlign != 0) {
    return Error{Errc::invalid, "begin cannot be there", address};
  }
  boundaries_.raise(Boundary::begin, address);
  epoch_.resume(self);
  shift_ro(self, address);
  epoch_.suspend(self);
  TRY(flusher_.wait_for(address));
  for (;;) {
    const uint32_t ticket = frames_.unpin_ticket();
    epoch_.resume(self);
    shift_head(self, address);
    epoch_.suspend(self);
    if (load(Boundary::head) >= address) return {};
    SOMETIMES(true, "a begin shift waits for a pinned page");
    frames_.wait_for_unpin(ticket);
  }
}

void HybridLog::shift_ro(Self& self, LogAddr address) {
  if (!boundaries_.raise(Boundary::ro, address)) return;
  epoch_.bump(self, {[](void* log, int64_t ro, Self&) {
                       static_cast<HybridLog*>(log)->on_marked_read_only(ro);
                     },
                     this,
                     address,
                     {"mark-read-only", static_cast<uint64_t>(address)}});
}

// Writes below flushed have ended; those of the page where flushed stands may share it.
void HybridLog::truncate_device(LogAddr address) {
  CHECK(address <= load(Boundary::begin), "the device is to drop what is above begin");
  const LogAddr safe = std::min(address, load(Boundary::flushed));
  flusher_.device().truncate_until(
      geometry().file_offset(geometry().page_start(geometry().page(safe))));
}

}  // namespace orrery::engine
