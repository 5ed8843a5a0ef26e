// SPDX-License-Identifier: Apache-2.0
#include "engine/store/hybrid_log.hpp"

#include <algorithm>

#include "engine/store/events.hpp"

namespace orrery::engine {

Geometry HybridLog::geometry_of(const StoreOptions& options) {
  Geometry geometry;
  geometry.page_bits = options.page_bits;
  geometry.slots = int64_t{1} << (options.memory_bits - options.page_bits);
  geometry.sector = options.sector_size;
  geometry.aligned_page = static_cast<int64_t>(
      round_up(static_cast<uint64_t>(geometry.page_size()), options.sector_size));
  return geometry;
}

Result<void> HybridLog::initialise(const StoreOptions& options, Device& main) {
  const Geometry geometry = geometry_of(options);
  TRY(frames_.initialise(geometry, options));
  mutable_permille_ = options.mutable_permille;
  empty_pages_min_ = options.empty_pages;
  set_lags(options.empty_pages);
  TRY(flusher_.initialise(main, options.first_address, options.main_io));
  const int64_t page = geometry.page(options.first_address);
  TRY(frames_.ensure(page));
  boundaries_.set_all(options.first_address);
  tail_.store(pack({page, geometry.offset(options.first_address)}));
  boundaries_.tell(events::kLogOpened, options.first_address, geometry.slots);
  boundaries_.tell(events::kPageOpened, page, options.first_address);
  return {};
}

Result<void> HybridLog::recover_to(const LogAddresses& addresses) {
  CHECK(addresses.begin <= addresses.head, "a head of {} below begin", addresses.head);
  CHECK(addresses.head <= addresses.flushed, "a head of {} above flushed", addresses.head);
  CHECK(addresses.flushed <= addresses.tail, "flushed {} is behind the tail", addresses.flushed);
  const LogAddr begun = tail();
  CHECK(addresses.tail == begun, "the log begins at {}", begun);
  boundaries_.set(Boundary::begin, addresses.begin);
  for (const Boundary which : {Boundary::closed, Boundary::safe_head, Boundary::head}) {
    boundaries_.set(which, addresses.head);
  }
  for (const Boundary which : {Boundary::flushed, Boundary::safe_ro, Boundary::ro}) {
    boundaries_.set(which, addresses.flushed);
  }
  flusher_.recover_to(addresses.flushed);
  boundaries_.tell(events::kLogRecovered, addresses.begin, addresses.head, addresses.flushed);
  return ensure_page_after_tail();
}

// If there is no reset in the end, the frames are those of the pages that come to these slots next.
Result<void> HybridLog::prepare_reset(LogAddr first) {
  const int64_t oldest = geometry().page(load(Boundary::head));
  for (int64_t page = geometry().page(first); page <= geometry().page(first) + 1; ++page) {
    TRY(frames_.ensure(oldest + geometry().slot(page - oldest)));
  }
  return {};
}

void HybridLog::reset(LogAddr first) {
  CHECK(ongoing_close_.load() == 0, "pages are still being closed");
  const int64_t page = geometry().page(first);
  frames_.reset(page);
  boundaries_.set_all(first);
  flusher_.reset(first);
  tail_.store(pack({page, geometry().offset(first)}));
  note(events::kLogOpened, first, geometry().slots);
  note(events::kPageOpened, page, first);
}

// Unless its slot is still that of the oldest page in memory.
Result<void> HybridLog::ensure_page_after_tail() {
  return frames_.ensure(unpack(tail_.load()).page + 1);
}

void HybridLog::set_lags(int64_t empty_pages) {
  const int64_t lag = geometry().slots - 1 - empty_pages;
  CHECK(lag >= 0, "{} empty pages in a ring of {}", empty_pages, geometry().slots);
  head_lag_.store(lag << geometry().page_bits);
  ro_lag_.store((lag * static_cast<int64_t>(mutable_permille_) / 1000) << geometry().page_bits);
}

Result<void> HybridLog::set_empty_pages(Self& self, uint32_t pages) {
  if (pages < empty_pages_min_ || pages >= geometry().slots) {
    return Error{Errc::invalid, "a count of empty pages that the ring does not allow", pages};
  }
  // Taken before the epoch: nobody may be inside and wait.
  const Lock lock(lag_mutex_);
  set_lags(pages);
  epoch_.resume(self);
  const LogAddr tail_page = geometry().page_start(unpack(tail_.load()).page);
  shift_ro_paged(self, tail_page);
  shift_head_paged(self, tail_page);
  epoch_.suspend(self);
  return {};
}

void HybridLog::close() {
  CHECK(ongoing_close_.load() == 0, "pages are still being closed");
  flusher_.close();
  frames_.retire_all();
}

LogAddr HybridLog::tail() const {
  const Tail tail = unpack(tail_.load());
  // Between the overflow of a page and the opening of the next one the tail is where that begins.
  const LogAddr address =
      geometry().page_start(tail.page) + std::min(tail.offset, geometry().page_size());
  boundaries_.tell(events::kTailSeen, address);
  return address;
}

HybridLog::Tail HybridLog::unpack(uint64_t word) const {
  const uint64_t mask = (uint64_t{1} << offset_bits()) - 1;
  return {static_cast<int64_t>(word >> offset_bits()), static_cast<int64_t>(word & mask)};
}

uint64_t HybridLog::pack(Tail tail) const {
  CHECK(tail.page < geometry().page_count_max(), "page {} is past the end of the log", tail.page);
  CHECK(tail.offset >= 0 && tail.offset <= geometry().page_size(), "offset {}", tail.offset);
  return (static_cast<uint64_t>(tail.page) << offset_bits()) | static_cast<uint64_t>(tail.offset);
}

bool HybridLog::need_wait(int64_t page) const {
  return page >= geometry().slots + geometry().page(load(Boundary::flushed));
}

bool HybridLog::cannot_allocate(int64_t page) const {
  return page >= geometry().slots + geometry().page(load(Boundary::closed));
}

// For an allocation that found the page before `page` full, and `page` not open.
Allocation HybridLog::blocked(int64_t page, uint32_t ticket) const {
  Allocation result;
  result.flush_ticket = ticket;
  result.outcome = need_wait(page) ? Allocate::wait : Allocate::retry;
  if (result.outcome == Allocate::wait && flusher_.failed()) {
    result.outcome = Allocate::failed;
    result.error = flusher_.failure();
  }
  SOMETIMES(result.outcome == Allocate::wait, "an allocation waits for a flush");
  return result;
}

Allocation HybridLog::allocate(Self& self, int64_t size) {
  const int64_t page_size = geometry().page_size();
  CHECK(size > 0 && size % kRecordAlign == 0, "an allocation of {} bytes", size);
  CHECK(size <= page_size, "{} bytes do not fit on a page", size);
  // Before the attempt: a flush that ends between the attempt and the wait must end the wait.
  const uint32_t ticket = flusher_.ticket();
  Tail tail = unpack(tail_.load());
  const int64_t next = tail.page + 1;
  // Whoever opens the next page is at it; adding to the word would only make it grow.
  if (tail.offset > page_size) return blocked(next, ticket);
  if (tail.offset == page_size && next < geometry().page_count_max()) {
    // The page is exactly full, or its opener gave up. Nothing is added to the word before the next
    // page can be opened, or two who wait for it would keep each other awake.
    boundaries_.tell(events::kTailSeen, geometry().page_start(next));
    shift_ro_paged(self, geometry().page_start(next));
    shift_head_paged(self, geometry().page_start(next));
    if (need_wait(next) || cannot_allocate(next)) return blocked(next, ticket);
    SOMETIMES(true, "an allocation met a page that was exactly full");
  }
  const auto added = static_cast<uint64_t>(size);
  tail = unpack(tail_.fetch_add(added));
  if (tail.offset + size > page_size) return overflow(self, tail, size, ticket);
  return {Allocate::ok, geometry().page_start(tail.page) + tail.offset, ticket, {}};
}

// `tail` is what the word was before this allocation was added to it.
Allocation HybridLog::overflow(Self& self, Tail tail, int64_t size, uint32_t ticket) {
  const int64_t next = tail.page + 1;
  CHECK(tail.offset >> (offset_bits() - 1) == 0, "offset {} nears the page number", tail.offset);
  const bool opener = tail.offset <= geometry().page_size();
  boundaries_.tell(events::kTailSeen, geometry().page_start(next));
  if (opener) end_page(tail);
  if (next + 1 >= geometry().page_count_max()) {
    Allocation result;
    result.outcome = Allocate::failed;
    result.error = {Errc::too_large, "the log has no addresses left", geometry().page_start(next)};
    return opener ? take_back(tail.page, result) : result;
  }
  shift_ro_paged(self, geometry().page_start(next));
  shift_head_paged(self, geometry().page_start(next));
  if (opener) return open_page(next, size, ticket);
  SOMETIMES(true, "several allocations overflowed one page");
  return blocked(next, ticket);
}

// Only who overflows a page knows where its last allocation ended. He is protected, so nothing
// above the ro that he saw has been flushed; an action that he runs himself may flush it.
void HybridLog::end_page(Tail tail) {
  if (page_end_.word == nullptr || tail.offset == geometry().page_size()) return;
  const LogAddr end = geometry().page_start(tail.page) + tail.offset;
  at(end).store_word(page_end_.word(page_end_.context, end));
}

// Of all that overflow a page, exactly one found it not yet overflowed, and comes here.
Allocation HybridLog::open_page(int64_t page, int64_t size, uint32_t ticket) {
  if (need_wait(page) || cannot_allocate(page)) {
    SOMETIMES(true, "the next page could not be opened yet");
    return take_back(page - 1, blocked(page, ticket));
  }
  // The page after it gets its frame as well, so that opening one seldom has to ask for memory.
  Result<void> framed = frames_.ensure(page);
  if (framed) framed = frames_.ensure(page + 1);
  if (!framed) {
    SOMETIMES(true, "no frame for the next page");
    Allocation result;
    result.outcome = Allocate::failed;
    result.error = framed.error();
    return take_back(page - 1, result);
  }
  // What others added meanwhile is dropped; they were all sent away.
  tail_.store(pack({page, size}));
  boundaries_.tell(events::kPageOpened, page, geometry().page_start(page));
  return {Allocate::ok, geometry().page_start(page), ticket, {}};
}

// The opener gives up: the page is exactly full, and the next to come becomes the opener.
Allocation HybridLog::take_back(int64_t page, Allocation result) {
  CHECK(result.outcome != Allocate::ok, "an opener gives up and has a page");
  tail_.store(pack({page, geometry().page_size()}));
  return result;
}

void HybridLog::shift_ro_paged(Self& self, LogAddr tail) { shift_ro(self, tail - ro_lag_.load()); }

LogAddr HybridLog::shift_ro_to_tail(Self& self) {
  const LogAddr ro = tail();
  shift_ro(self, ro);
  return ro;
}

// An epoch action: by now every task compares with an ro of at least `address`.
void HybridLog::on_marked_read_only(LogAddr address) {
  LogAddr old = 0;
  if (!boundaries_.raise(Boundary::safe_ro, address, &old)) return;
  CHECK(address <= load(Boundary::ro), "safe_ro {} overtakes ro", address);
  flusher_.flush_pages(old, address);
}

void HybridLog::shift_head_paged(Self& self, LogAddr tail) {
  shift_head(self, tail - head_lag_.load());
}

}  // namespace orrery::engine
