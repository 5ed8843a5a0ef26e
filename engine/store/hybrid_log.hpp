// SPDX-License-Identifier: Apache-2.0
// The log: records are appended at the tail, updated in place while they are young, written to the
// main device when they are not, and evicted from memory when the ring is full.
//
// Everything is driven by allocation. Whoever overflows a page moves ro and head along behind the
// tail; each move is followed by an epoch action, which moves safe_ro and flushes, or moves
// safe_head and closes pages. So an allocation may run flushes and evictions, its own or those of
// others; what its caller knew of the log before is stale afterwards, except for the new address.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/runtime/sync.hpp"
#include "engine/store/boundaries.hpp"
#include "engine/store/bugs.hpp"
#include "engine/store/epoch.hpp"
#include "engine/store/flush.hpp"
#include "engine/store/options.hpp"
#include "engine/store/page_frames.hpp"
#include "engine/store/record.hpp"

namespace orrery::engine {

enum class Allocate : uint8_t {
  ok,
  wait,    // for a flush: leave the epoch, wait on the ticket, come back
  retry,   // for an eviction: refresh, and try again
  failed,  // see the error
};

struct Allocation {
  Allocate outcome = Allocate::ok;
  LogAddr address = kInvalidAddr;
  uint32_t flush_ticket = 0;  // for Allocate::wait
  Error error;
};

/// Where a log stands that was recovered: begin <= head <= flushed <= tail. What is below `flushed`
/// is on the main device, what is above `head` in memory.
struct LogAddresses {
  LogAddr begin = 0;
  LogAddr head = 0;
  LogAddr flushed = 0;
  LogAddr tail = 0;
};

/// What a log writes where a page ends before its bytes do: a word that is not zero.
struct PageEndMark {
  uint64_t (*word)(const void* context, LogAddr address) = nullptr;
  const void* context = nullptr;
};

class HybridLog {
 public:
  /// `notes` is added to the kind of every event of this log.
  HybridLog(const Runtime& runtime, EpochTable& epoch, const Bugs& bugs, uint16_t notes = 0)
      : tasks_(runtime.tasks),
        epoch_(epoch),
        boundaries_(notes),
        bugs_(bugs),
        frames_(runtime, boundaries_, bugs),
        flusher_(runtime, boundaries_, frames_, bugs),
        lag_mutex_(runtime.tasks) {}

  /// The sizes of a log that is opened with these options.
  static Geometry geometry_of(const StoreOptions& options);

  Result<void> initialise(const StoreOptions& options, Device& main);
  /// Gives the page after the tail its frame, so that opening it seldom has to ask for memory.
  /// Errors: no_memory.
  Result<void> ensure_page_after_tail();
  /// Sets the boundaries of a log that was initialised to begin at `addresses.tail`, and whose
  /// pages from head on have been put into their frames. Requires: nobody is inside. Errors:
  /// no_memory.
  Result<void> recover_to(const LogAddresses& addresses);
  /// Waits until nothing is under way and gives the frames back. Requires: nobody is inside.
  void close();

  /// `size` bytes, a multiple of 8, inside one page, all zero. Requires: protected. Between success
  /// and the linking of the record the caller must not refresh: whoever walks the page relies on
  /// it. Errors: no_memory, too_large, and those of the main device.
  Allocation allocate(Self& self, int64_t size);

  /// From now on the place behind the last allocation of a page that was left with room gets such
  /// a word, before anybody can flush it. Requires: nobody is inside.
  void mark_page_ends(PageEndMark mark) { page_end_ = mark; }

  LogAddr tail() const;
  LogAddr load(Boundary which) const { return boundaries_.load(which); }
  const Geometry& geometry() const { return frames_.geometry(); }
  int64_t head_lag() const { return head_lag_.load(); }
  int64_t ro_lag() const { return ro_lag_.load(); }
  bool main_is_null() { return flusher_.device().is_null(); }

  /// Translates an address. Requires: protected, and not below head.
  [[gnu::always_inline]] PageRef at(LogAddr address, Site site = Site::current()) const {
    return frames_.at(address, site);
  }

  /// Keeps so many slots of the ring unused from now on. What no longer fits is evicted at once, as
  /// far as it is flushed; what fits again comes with the next pages. Requires: not protected.
  /// Errors: invalid.
  Result<void> set_empty_pages(Self& self, uint32_t pages);

  [[gnu::always_inline]] void prefetch(LogAddr address) const { frames_.prefetch(address); }

  /// Makes everything up to the present tail read-only; returns that tail. Requires: protected.
  LogAddr shift_ro_to_tail(Self& self);

  /// Gives up everything below `address`, where an allocation begins or the tail is: it exists no
  /// more, and leaves memory. What is on the device stays there: see truncate_device. Waits for
  /// flushes, evictions and pins. Requires: not protected. Errors: invalid if the log has not come
  /// so far, and those of the main device; begin is raised all the same.
  Result<void> shift_begin(Self& self, LogAddr address);

  /// Lets the device drop what it holds below `address`, as far as nobody writes there any more.
  /// Requires: nobody needs it, not even a recovery.
  void truncate_device(LogAddr address);

  /// Sees to it that a reset to `first` cannot fail. Requires: nobody is inside, and nothing is
  /// under way. Errors: no_memory.
  Result<void> prepare_reset(LogAddr first);
  /// The log is empty and begins at `first` again; the device holds nothing. Requires:
  /// prepare_reset, and as there.
  void reset(LogAddr first);

  PageFrames& frames() { return frames_; }
  Flusher& flusher() { return flusher_; }

 private:
  /// The tail as a value. The offset may exceed the page while allocations overflow it, by up to
  /// 2^17 pages, before it would reach the page number.
  struct Tail {
    int64_t page = 0;
    int64_t offset = 0;
  };
  uint32_t offset_bits() const { return geometry().page_bits + 17; }
  Tail unpack(uint64_t word) const;
  uint64_t pack(Tail tail) const;

  void end_page(Tail tail);
  bool need_wait(int64_t page) const;
  bool cannot_allocate(int64_t page) const;
  Allocation blocked(int64_t page, uint32_t ticket) const;
  Allocation overflow(Self& self, Tail tail, int64_t size, uint32_t ticket);
  Allocation open_page(int64_t page, int64_t size, uint32_t ticket);
  Allocation take_back(int64_t page, Allocation result);

  void shift_ro_paged(Self& self, LogAddr tail);
  void shift_head_paged(Self& self, LogAddr tail);
  void on_marked_read_only(LogAddr address);

  // eviction.cpp
  void shift_ro(Self& self, LogAddr address);
  void shift_head(Self& self, LogAddr desired);
  void on_pages_closed(LogAddr head);
  void close_pages();
  void close_range(LogAddr from, LogAddr until);

  Tasks& tasks_;
  EpochTable& epoch_;
  Boundaries boundaries_;
  const Bugs& bugs_;
  PageFrames frames_;
  Flusher flusher_;
  void set_lags(int64_t empty_pages);

  Mutex lag_mutex_;  // of whoever changes the lags
  uint64_t mutable_permille_ = 0;
  int64_t empty_pages_min_ = 0;  // as the options say: the ring was sized for it
  Atomic<int64_t> head_lag_{0};  // bytes
  Atomic<int64_t> ro_lag_{0};    // bytes
  PageEndMark page_end_;
  Atomic<uint64_t> tail_{0};
  Atomic<LogAddr> ongoing_close_{0};  // how far the close worker is to go; 0 = there is none
};

}  // namespace orrery::engine
