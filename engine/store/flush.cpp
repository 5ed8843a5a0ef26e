// SPDX-License-Identifier: Apache-2.0
#include "engine/store/flush.hpp"

#include <algorithm>

#include "engine/store/events.hpp"

namespace orrery::engine {

Result<void> Flusher::initialise(Device& device, LogAddr first) {
  CHECK(device_ == nullptr, "the flusher is initialised twice");
  device_ = &device;
  const auto count = static_cast<size_t>(frames_.geometry().slots);
  TRY_ASSIGN(slots_, Array<Slot>::make(runtime_.memory, count, "flush slots"));
  slot_of(frames_.geometry().page(first)).last_flushed.store(first);
  return {};
}

void Flusher::recover_to(LogAddr flushed) {
  CHECK(outstanding_.count() == 0, "a log is recovered while it is being written");
  for (Slot& slot : slots_) slot.last_flushed.store(0);
  slot_of(frames_.geometry().page(flushed)).last_flushed.store(flushed);
}

void Flusher::reset(LogAddr first) {
  recover_to(first);
  device_->reset();
  failure_.store(Errc::ok);
  const Lock lock(mutex_);
  holes_ = {};
}

void Flusher::close() {
  outstanding_.wait_for_none();
  for (Slot& slot : slots_) {
    CHECK(slot.pending == nullptr || failed(), "a part of a page was never written");
    while (slot.pending != nullptr) {
      PageFlush* const request = slot.pending;
      slot.pending = request->next;
      give_back(*request);
    }
  }
}

void Flusher::adopt_holes(const Holes& holes) {
  CHECK(outstanding_.count() == 0, "a log gets its holes while it is being written");
  const Lock lock(mutex_);
  holes_ = holes;
  hole_turn_.fetch_add(1);
}

Holes Flusher::holes() {
  const Lock lock(mutex_);
  return holes_;
}

Result<void> Flusher::wait_for(LogAddr address) {
  for (;;) {
    const uint32_t before = ticket();
    if (boundaries_.load(Boundary::flushed) >= address) return {};
    if (failed()) return failure();
    wait(before);
  }
}

Error Flusher::failure() const {
  const Errc code = failure_.load();
  CHECK(code != Errc::ok, "asked for the failure of a log that did not fail");
  return {code, "the main log could not be written"};
}

void Flusher::flush_pages(LogAddr from, LogAddr until) {
  const Geometry& geometry = frames_.geometry();
  CHECK(from < until, "an empty range [{}, {}) is flushed", from, until);
  for (int64_t page = geometry.page(from); geometry.page_start(page) < until; ++page) {
    flush_page(page, std::max(from, geometry.page_start(page)),
               std::min(until, geometry.page_end(page)));
  }
}

void Flusher::flush_page(int64_t page, LogAddr from, LogAddr until) {
  const LogAddr begin = boundaries_.load(Boundary::begin);
  // Nobody asks for what is below begin. But a part behind another one counts only after that one,
  // which may be under way: it is written in its turn, like all parts.
  const bool given_up = until <= begin && frames_.geometry().offset(from) == 0;
  if (device_->is_null() || given_up) {
    mark_flushed(page, until);
    shift_flushed();
    return;
  }
  PageFlush* const request = claim(page, from, until);
  if (request == nullptr) {
    // It cannot even be a hole: the part before it is under way, and must count first.
    fail(page, Errc::no_memory);
  } else if (frames_.geometry().offset(from) == 0) {
    issue(*request);
  } else {
    enqueue(*request);
  }
}

void Flusher::mark_flushed(int64_t page, LogAddr until) {
  Atomic<LogAddr>& last = slot_of(page).last_flushed;
  LogAddr seen = last.load();
  while (seen < until && !last.compare_exchange(seen, until)) {
  }
}

// A slot that still speaks of the page one ring earlier holds a smaller address: it stops the walk.
// One that speaks of the page one ring later holds an address beyond this page: others have walked
// past here since this walk began, and to believe it would skip what is not written yet.
void Flusher::shift_flushed() {
  const Geometry& geometry = frames_.geometry();
  LogAddr reached = boundaries_.load(Boundary::flushed);
  for (;;) {
    const int64_t page = geometry.page(reached);
    const LogAddr last = slot_of(page).last_flushed.load();
    if (last <= reached || last > geometry.page_end(page)) break;
    reached = last;
  }
  if (boundaries_.raise(Boundary::flushed, reached)) moved_.set();
}

PageFlush* Flusher::claim(int64_t page, LogAddr from, LogAddr until) {
  Slot& slot = slot_of(page);
  bool own = false;
  {
    const Lock lock(mutex_);
    own = !slot.own_taken;
    slot.own_taken = true;
  }
  PageFlush* request = &slot.own;
  if (!own) {
    SOMETIMES(true, "two parts of a page are to be flushed at once");
    auto block = runtime_.memory.allocate(sizeof(PageFlush), alignof(PageFlush), "page flush");
    if (!block) return nullptr;
    request = static_cast<PageFlush*>(*block);
  }
  new (request) PageFlush();
  request->flusher = this;
  request->page = page;
  request->from = from;
  request->until = until;
  return request;
}

void Flusher::give_back(PageFlush& request) {
  Slot& slot = slot_of(request.page);
  if (&request != &slot.own) {
    if (!bugs_.garnet_2046_a()) runtime_.memory.free(&request);
    return;
  }
  const Lock lock(mutex_);
  CHECK(slot.own_taken, "the flush of page {} is given back twice", request.page);
  slot.own_taken = false;
}

// The part before this one may be under way: they share a sector, so this one waits for it. Either
// this task or the one that finishes the other part sees that its turn has come.
void Flusher::enqueue(PageFlush& request) {
  PageFlush* absorbed = nullptr;
  PageFlush* ready = nullptr;
  {
    const Lock lock(mutex_);
    Slot& slot = slot_of(request.page);
    for (PageFlush** link = &slot.pending; *link != nullptr;) {
      PageFlush* const other = *link;
      if (other->until != request.from) {
        link = &other->next;
        continue;
      }
      SOMETIMES(true, "two parts of a page were joined before they were written");
      request.from = other->from;
      *link = other->next;
      other->next = absorbed;
      absorbed = other;
      link = &slot.pending;
    }
    request.next = slot.pending;
    slot.pending = &request;
    ready = take_next();
  }
  while (absorbed != nullptr) {
    PageFlush* const after = absorbed->next;
    give_back(*absorbed);
    absorbed = after;
  }
  if (ready != nullptr) issue(*ready);
}

// The waiting part that starts where flushed_until is now.
PageFlush* Flusher::take_next() {
  const LogAddr flushed = boundaries_.load(Boundary::flushed);
  Slot& slot = slot_of(frames_.geometry().page(flushed));
  for (PageFlush** link = &slot.pending; *link != nullptr; link = &(*link)->next) {
    PageFlush* const request = *link;
    if (request->from != flushed) continue;
    *link = request->next;
    request->next = nullptr;
    return request;
  }
  return nullptr;
}

void Flusher::issue(PageFlush& request) {
  outstanding_.add();
  submit(request);
}

void Flusher::submit(PageFlush& request) {
  const Geometry& geometry = frames_.geometry();
  const auto sector = static_cast<uint64_t>(geometry.sector);
  const auto start = static_cast<uint64_t>(geometry.offset(request.from));
  const auto end = start + static_cast<uint64_t>(request.until - request.from);
  CHECK(end <= static_cast<uint64_t>(geometry.page_size()), "a flush leaves page {}", request.page);
  const uint64_t write_start = round_down(start, sector);
  const uint64_t write_end = round_up(end, sector);
  const Frame* const frame = frames_.frame_of(request.page);
  Io& io = request.io;
  io = {};
  io.kind = IoKind::write;
  io.offset = geometry.file_offset(geometry.page_start(request.page)) + write_start;
  io.length = write_end - write_start;
  io.buffer = PageRef::at(frame, request.page, write_start).raw();
  io.frame = frame;
  io.done = &Flusher::write_done;
  io.owner = &request;
  device_->submit(io);
}

void Flusher::write_done(Io& io) {
  auto& request = *static_cast<PageFlush*>(io.owner);
  Errc code = io.error;
  if (code == Errc::ok && io.transferred < io.length) code = Errc::io;
  request.flusher->finish(request, code);
}

void Flusher::finish(PageFlush& request, Errc code) {
  const int64_t page = request.page;
  const LogAddr from = request.from;
  const LogAddr until = request.until;
  if (code != Errc::ok && bugs_.garnet_1991_a()) code = Errc::ok;
  if (code != Errc::ok) {
    ++request.attempts;
    boundaries_.tell(events::kMainWriteFailed, page, request.attempts, static_cast<int64_t>(code));
    // From a task of its own, because this may be the stack of the one who submitted it.
    if (request.attempts < kAttempts &&
        runtime_.tasks.spawn({"flush-retry", static_cast<uint64_t>(page)}, &retry, &request)) {
      SOMETIMES(true, "a write of the main log is tried again");
      return;
    }
  }
  // First, because the slot may be another page's as soon as this one counts as flushed.
  give_back(request);
  if (code == Errc::ok) {
    mark_flushed(page, until);
    shift_flushed();
  } else {
    give_up(page, {from, until}, code);
  }
  PageFlush* ready = nullptr;
  {
    const Lock lock(mutex_);
    ready = take_next();
  }
  if (ready != nullptr) issue(*ready);
  outstanding_.remove();
}

void Flusher::retry(void* request) {
  auto& again = *static_cast<PageFlush*>(request);
  again.flusher->submit(again);
}

// What a tolerant log has lost counts as flushed: nothing will ever write it.
void Flusher::give_up(int64_t page, Hole lost, Errc code) {
  if (!tolerant_ || !add_hole(lost)) return fail(page, code);
  boundaries_.tell(events::kHoleLeft, lost.from, lost.until, static_cast<int64_t>(code));
  SOMETIMES(true, "a tolerant log gave up a range");
  mark_flushed(page, lost.until);
  shift_flushed();
}

bool Flusher::add_hole(Hole lost) {
  const LogAddr begin = boundaries_.load(Boundary::begin);
  const Lock lock(mutex_);
  holes_.drop_below(begin);
  if (!holes_.add(lost)) return false;
  hole_turn_.fetch_add(1);
  return true;
}

void Flusher::fail(int64_t page, Errc code) {
  CHECK(code != Errc::ok, "a failure that is none");
  Errc expected = Errc::ok;
  if (failure_.compare_exchange(expected, code)) {
    boundaries_.tell(events::kLogFailed, page, static_cast<int64_t>(code));
  }
  SOMETIMES(true, "the main log failed for good");
  moved_.set();
}

}  // namespace orrery::engine
