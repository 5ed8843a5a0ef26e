// SPDX-License-Identifier: Apache-2.0
#include "engine/store/flush.hpp"

#include <algorithm>
#include <utility>

#include "engine/store/events.hpp"

namespace orrery::engine {

Result<void> Flusher::initialise(Device& device, LogAddr first, const RetryPolicy& policy) {
  CHECK(device_ == nullptr, "the flusher is initialised twice");
  CHECK(policy.attempts > 0, "a log that never writes");
  device_ = &device;
  policy_ = policy;
  const auto count = static_cast<size_t>(frames_.geometry().slots);
  TRY_ASSIGN(slots_, Array<Slot>::make(runtime_.memory, count, "flush slots"));
  slot_of(frames_.geometry().page(first)).last_flushed.store(first);
  return {};
}

void Flusher::recover_to(LogAddr flushed) {
  CHECK(outstanding_.count() == 0, "a log is recovered while it is being written");
  const Lock lock(mutex_);
  for (Slot& slot : slots_) {
    slot.last_flushed.store(0);
    slot.wanted = 0;
  }
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
  PageFlush* waiting = nullptr;
  {
    const Lock lock(mutex_);
    closing_ = true;
    waiting = std::exchange(waiting_, nullptr);
    waiting_count_.store(0);
  }
  while (waiting != nullptr) {
    SOMETIMES(true, "a log is closed before a write was tried again");
    submit(*std::exchange(waiting, waiting->next));
  }
  outstanding_.wait_for_none();
  const bool all = !failed();
  const Lock lock(mutex_);
  closing_ = false;
  for (const Slot& slot : slots_) {
    const LogAddr done = slot.last_flushed.load();
    CHECK(!all || slot.wanted <= done, "a part of a page was never written");
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

// A write that fails from now on changes what the ticket was taken of.
void Flusher::wait(uint32_t ticket) {
  const Instant due = submit_due();
  moved_.wait(ticket, due);
}

bool Flusher::try_complete() {
  submit_due();
  return device_->try_complete();
}

Result<void> Flusher::wait_for(LogAddr address) {
  for (;;) {
    const uint32_t before = ticket();
    if (boundaries_.load(Boundary::flushed) >= address) return {};
    TRY(health());
    wait(before);
  }
}

Result<void> Flusher::health() const {
  const Errc code = failure_.load();
  if (code == Errc::ok) return {};
  return Error{code, "the main log could not be written"};
}

Error Flusher::failure() const {
  const Result<void> now = health();
  CHECK(!now, "asked for the failure of a log that did not fail");
  return now.error();
}

void Flusher::flush_pages(LogAddr from, LogAddr until) {
  const Geometry& geometry = frames_.geometry();
  CHECK(from < until, "an empty range [{}, {}) is flushed", from, until);
  for (int64_t page = geometry.page(from); geometry.page_start(page) < until; ++page) {
    flush_page(page, std::min(until, geometry.page_end(page)));
  }
}

// All that is below safe_ro may be written: whoever is to ask for a part before this one may come
// later, and find it done.
void Flusher::flush_page(int64_t page, LogAddr until) {
  if (device_->is_null()) {
    mark_flushed(page, until);
    return shift_flushed();
  }
  Slot& slot = slot_of(page);
  {
    const Lock lock(mutex_);
    slot.wanted = std::max(slot.wanted, until);
  }
  write_next(slot);
}

// The part before may be under way: they share a sector, so this one waits for it. Either this task
// or the one that finishes the other part sees that its turn has come.
void Flusher::write_next(Slot& slot) {
  const LogAddr begin = boundaries_.load(Boundary::begin);
  PageFlush* request = nullptr;
  {
    const Lock lock(mutex_);
    request = claim(slot);
    if (request == nullptr) return;
    if (request->until <= begin) {
      // Nobody asks for what is below begin.
      mark_flushed(request->page, request->until);
      slot.busy = false;
      request = nullptr;
    }
  }
  if (request == nullptr) return shift_flushed();
  outstanding_.add();
  submit(*request);
}

// The request for what is wanted of a page and not done, if there is any and it can be made.
PageFlush* Flusher::claim(Slot& slot) {
  if (slot.busy || failed()) return nullptr;
  const Geometry& geometry = frames_.geometry();
  const LogAddr done = slot.last_flushed.load();
  if (slot.wanted <= done) return nullptr;
  PageFlush& request = slot.request;
  request = {};
  request.flusher = this;
  request.page = geometry.page(slot.wanted - 1);
  request.from = std::max(geometry.page_start(request.page), done);
  request.until = slot.wanted;
  slot.busy = true;
  return &request;
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
  const Hole written{request.from, request.until};
  if (code != Errc::ok && bugs_.garnet_1991_a()) code = Errc::ok;
  if (code != Errc::ok) {
    ++request.attempts;
    boundaries_.tell(events::kMainWriteFailed, page, request.attempts, static_cast<int64_t>(code));
    if (request.attempts < policy_.attempts) return try_again(request);
  }
  // Before anybody can claim the request again: he would try again what has failed for good.
  const bool lost = code != Errc::ok && !leave_hole(written, code);
  if (lost) fail(page, code);
  Slot& slot = slot_of(page);
  {
    const Lock lock(mutex_);
    CHECK(slot.busy, "the flush of page {} ends twice", page);
    slot.busy = false;
    if (!lost) mark_flushed(page, written.until);
  }
  if (!lost) shift_flushed();
  write_next(slot);
  outstanding_.remove();
}

// On the stack of a completion, which may be that of the one who submitted it.
void Flusher::try_again(PageFlush& request) {
  SOMETIMES(true, "a write of the main log is tried again");
  if (policy_.retry_delay_us == 0) return submit(request);
  request.due = runtime_.clock.now() + policy_.retry_delay();
  // Once it is in the list others may end it: without a count of its own this task could find the
  // log closed and gone.
  outstanding_.add();
  bool listed = false;
  {
    const Lock lock(mutex_);
    listed = !closing_;
    if (listed) {
      request.next = waiting_;
      waiting_ = &request;
      waiting_count_.fetch_add(1);
    }
  }
  if (!listed) submit(request);
  moved_.set();  // whoever waits must know when to look
  outstanding_.remove();
}

// Returns when there will be more to do; kNever if nothing waits for its next attempt.
Instant Flusher::submit_due() {
  if (waiting_count_.load() == 0) return kNever;
  const Instant now = runtime_.clock.now();
  for (;;) {
    Instant next = kNever;
    PageFlush* due = nullptr;
    {
      const Lock lock(mutex_);
      due = take_due(now, next);
    }
    if (due == nullptr) return next;
    submit(*due);
  }
}

// One whose time has come, out of the list; or the time when there will be one.
PageFlush* Flusher::take_due(Instant now, Instant& next) {
  for (PageFlush** link = &waiting_; *link != nullptr; link = &(*link)->next) {
    PageFlush* const request = *link;
    next = std::min(next, request->due);
    if (request->due > now) continue;
    *link = request->next;
    waiting_count_.fetch_sub(1);
    return request;
  }
  return nullptr;
}

// What a tolerant log has lost counts as flushed: nothing will ever write it.
bool Flusher::leave_hole(Hole lost, Errc code) {
  if (!tolerant_ || !add_hole(lost)) return false;
  boundaries_.tell(events::kHoleLeft, lost.from, lost.until, static_cast<int64_t>(code));
  SOMETIMES(true, "a tolerant log gave up a range");
  return true;
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
