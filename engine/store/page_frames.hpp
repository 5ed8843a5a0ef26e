// SPDX-License-Identifier: Apache-2.0
// The frames of the ring, and who keeps one alive beyond its eviction.
//
// A page lives in the slot of its number modulo the ring. Whoever is protected and has seen that an
// address is not below head may translate it; nothing here checks that he has. A snapshot write
// needs a frame for longer than anybody may stay protected, so it *pins* the page. Eviction of a
// pinned page parks its frame beside the ring, and the last pin retires it. No more frames are
// parked than the options say: beyond that, head stops below the lowest pinned page.
#pragma once

#include "engine/runtime/frames.hpp"
#include "engine/runtime/memory.hpp"
#include "engine/runtime/runtime.hpp"
#include "engine/runtime/sync.hpp"
#include "engine/store/boundaries.hpp"
#include "engine/store/bugs.hpp"
#include "engine/store/options.hpp"

namespace orrery::engine {

enum class Pin : uint8_t {
  evicted,    // the page is below head: its frame is not to be touched
  counted,    // unpin it once
  uncounted,  // garnet-2063.a
};

class PageFrames {
 public:
  PageFrames(const Runtime& runtime, Boundaries& boundaries, const Bugs& bugs)
      : runtime_(runtime),
        boundaries_(boundaries),
        bugs_(bugs),
        mutex_(runtime.tasks),
        unpinned_(runtime.tasks) {}

  Result<void> initialise(const Geometry& geometry, const StoreOptions& options);
  /// Retires every frame. Requires: nobody is inside and nothing is pinned.
  void retire_all();

  const Geometry& geometry() const { return geometry_; }

  [[gnu::always_inline]] Frame* frame_of(int64_t page, Site site = Site::current()) const {
    return slots_[static_cast<size_t>(geometry_.slot(page))].load(std::memory_order_seq_cst, site);
  }
  /// Translates an address. Requires: protected, and not below head.
  [[gnu::always_inline]] PageRef at(LogAddr address, Site site = Site::current()) const {
    const int64_t page = geometry_.page(address);
    return PageRef::at(frame_of(page, site), page, static_cast<size_t>(geometry_.offset(address)),
                       site);
  }

  /// Asks the machine for a record ahead of its use, if it is in memory. Nobody sees it.
  /// Requires: protected.
  [[gnu::always_inline]] void prefetch(LogAddr address) const {
    if (address < boundaries_.peek(Boundary::head)) return;
    const Frame* const frame = slots_[place_of(geometry_.page(address))].peek();
    if (frame == nullptr) return;
    const std::byte* const record = frame->base + geometry_.offset(address);
    __builtin_prefetch(record, 1);
    __builtin_prefetch(record + 32, 1);  // a small record may end in the next line
  }

  /// Sees to it that the page has a frame. Errors: no_memory.
  Result<void> ensure(int64_t page);

  /// The frames begin anew, with those of `first` and the pages that follow it; these two at least
  /// must have frames. Requires: nobody is inside and nothing is pinned.
  void reset(int64_t first);

  /// Takes the frame from a page that nobody can reach any more. Called by one task at a time.
  void close(int64_t page);

  /// Raises head to `desired`, or as far as the pins allow. Returns the new head, or kInvalidAddr
  /// if it did not move.
  LogAddr raise_head(LogAddr desired);

  /// A ticket taken before one tries to raise head is good for a wait until some page loses its
  /// last pin.
  uint32_t unpin_ticket();
  void wait_for_unpin(uint32_t ticket) { unpinned_.wait(ticket); }

  Pin try_pin(int64_t page);
  /// Takes back one counted pin.
  void unpin(int64_t page);

 private:
  struct Parked {
    Frame* frame = nullptr;
    int64_t page = -1;
    uint32_t pins = 0;
  };

  void take_pin_back(int64_t page) ORRERY_REQUIRES(mutex_);
  bool park(int64_t page) ORRERY_REQUIRES(mutex_);
  size_t place_of(int64_t page) const { return static_cast<size_t>(geometry_.slot(page)); }

  Runtime runtime_;
  Boundaries& boundaries_;
  const Bugs& bugs_;
  Geometry geometry_;
  bool keep_frames_ = true;
  Array<Atomic<Frame*>> slots_;
  Mutex mutex_;
  Array<uint32_t> pins_ ORRERY_GUARDED_BY(mutex_);  // of the page in each slot
  Array<Parked> parked_ ORRERY_GUARDED_BY(mutex_);
  size_t doomed_ ORRERY_GUARDED_BY(mutex_) = 0;  // pinned pages below head, parked or soon to be
  bool unpin_awaited_ ORRERY_GUARDED_BY(mutex_) = false;
  Event unpinned_;
};

}  // namespace orrery::engine
