// SPDX-License-Identifier: Apache-2.0
#include "engine/store/page_frames.hpp"

#include <utility>

#include "engine/store/events.hpp"

namespace orrery::engine {

Result<void> PageFrames::initialise(const Geometry& geometry, const StoreOptions& options) {
  CHECK(slots_.size() == 0, "the frames are initialised twice");
  geometry_ = geometry;
  keep_frames_ = options.keep_frames;
  const auto count = static_cast<size_t>(geometry.slots);
  TRY_ASSIGN(slots_, Array<Atomic<Frame*>>::make(runtime_.memory, count, "frame slots"));
  const Lock lock(mutex_);
  TRY_ASSIGN(pins_, Array<uint32_t>::make(runtime_.memory, count, "frame pins"));
  if (options.parked_pages_max == 0) return {};
  TRY_ASSIGN(parked_,
             Array<Parked>::make(runtime_.memory, options.parked_pages_max, "parked frames"));
  return {};
}

void PageFrames::retire_all() {
  {
    const Lock lock(mutex_);
    CHECK(doomed_ == 0, "{} pages are still pinned", doomed_);
  }
  for (Atomic<Frame*>& slot : slots_) {
    Frame* const frame = slot.exchange(nullptr);
    if (frame != nullptr) runtime_.frames.retire(frame);
  }
}

Result<void> PageFrames::ensure(int64_t page) {
  Atomic<Frame*>& slot = slots_[place_of(page)];
  if (slot.load() != nullptr) return {};
  TRY_ASSIGN(Frame* const frame,
             runtime_.frames.acquire(page, static_cast<size_t>(geometry_.aligned_page)));
  CHECK(frame->size >= static_cast<size_t>(geometry_.aligned_page), "a frame of {} bytes",
        frame->size);
  Frame* expected = nullptr;
  if (!slot.compare_exchange(expected, frame)) {
    SOMETIMES(true, "eviction and allocation both found a frame for a slot");
    runtime_.frames.retire(frame);
  }
  return {};
}

void PageFrames::reset(int64_t first) {
  {
    const Lock lock(mutex_);
    CHECK(doomed_ == 0, "{} pages are still pinned", doomed_);
  }
  for (int64_t page = first; page < first + geometry_.slots; ++page) {
    Atomic<Frame*>& slot = slots_[place_of(page)];
    Frame* const frame = slot.load();
    if (frame == nullptr) continue;
    if (keep_frames_ || page <= first + 1) {
      runtime_.frames.renew(frame, page);
    } else {
      slot.store(nullptr);
      runtime_.frames.retire(frame);
    }
  }
}

void PageFrames::close(int64_t page) {
  Atomic<Frame*>& slot = slots_[place_of(page)];
  bool parked = false;
  {
    const Lock lock(mutex_);
    if (pins_[place_of(page)] > 0) parked = park(page);
  }
  if (!parked && keep_frames_) {
    Frame* const frame = slot.load();
    CHECK(frame != nullptr, "page {} is closed and has no frame", page);
    runtime_.frames.renew(frame, page + geometry_.slots);
  } else if (!parked) {
    Frame* const frame = slot.exchange(nullptr);
    CHECK(frame != nullptr, "page {} is closed and has no frame", page);
    runtime_.frames.retire(frame);
  } else if (keep_frames_) {
    // If memory is short now, whoever opens the page asks again and gets the error.
    const Result<void> fresh = ensure(page + geometry_.slots);
    SOMETIMES(!fresh, "no frame to replace a parked one");
  }
  boundaries_.tell(events::kPageClosed, page);
}

bool PageFrames::park(int64_t page) {
  uint32_t& pins = pins_[place_of(page)];
  for (Parked& place : parked_) {
    if (place.frame != nullptr) continue;
    place = {slots_[place_of(page)].exchange(nullptr), page, pins};
    boundaries_.tell(events::kPageParked, page, pins);
    CHECK(place.frame != nullptr, "page {} is pinned and has no frame", page);
    SOMETIMES(true, "an evicted page was parked for the snapshot that reads it");
    pins = 0;
    return true;
  }
  CHECK(false, "page {} is pinned and evicted, and all {} places are taken", page, parked_.size());
  return false;
}

LogAddr PageFrames::raise_head(LogAddr desired) {
  const Lock lock(mutex_);
  const LogAddr head = boundaries_.load(Boundary::head);
  LogAddr limit = desired;
  size_t doomed = doomed_;
  for (int64_t page = geometry_.page(head); geometry_.page_end(page) <= limit; ++page) {
    if (pins_[place_of(page)] == 0) continue;
    if (doomed == parked_.size()) {
      SOMETIMES(true, "head stopped below a page that a snapshot reads");
      limit = geometry_.page_start(page);
      break;
    }
    ++doomed;
  }
  if (!boundaries_.raise(Boundary::head, limit)) return kInvalidAddr;
  doomed_ = doomed;
  return limit;
}

Pin PageFrames::try_pin(int64_t page) {
  const Lock lock(mutex_);
  if (geometry_.page_end(page) <= boundaries_.load(Boundary::head)) return Pin::evicted;
  if (bugs_.garnet_2063_a()) return Pin::uncounted;
  ++pins_[place_of(page)];
  return Pin::counted;
}

uint32_t PageFrames::unpin_ticket() {
  const Lock lock(mutex_);
  unpin_awaited_ = true;
  return unpinned_.ticket();
}

void PageFrames::unpin(int64_t page) {
  bool awaited = false;
  {
    const Lock lock(mutex_);
    take_pin_back(page);
    awaited = std::exchange(unpin_awaited_, false);
  }
  if (awaited) unpinned_.set();
}

void PageFrames::take_pin_back(int64_t page) {
  for (Parked& place : parked_) {
    if (place.frame == nullptr || place.page != page) continue;
    CHECK(place.pins > 0, "page {} is parked for nobody", page);
    if (--place.pins > 0) return;
    runtime_.frames.retire(place.frame);
    boundaries_.tell(events::kPageUnparked, page);
    place = {};
    --doomed_;
    return;
  }
  uint32_t& pins = pins_[place_of(page)];
  CHECK(pins > 0, "page {} is unpinned more often than it was pinned", page);
  if (--pins > 0) return;
  if (geometry_.page_end(page) <= boundaries_.load(Boundary::head)) --doomed_;
}

}  // namespace orrery::engine
