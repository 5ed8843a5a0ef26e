// SPDX-License-Identifier: Apache-2.0
// The main flush pipeline: what has become immutable is written to the main device, and
// flushed_until follows the contiguous prefix of what was written.
//
// Ranges arrive from epoch actions, in any order; they are disjoint and tile the log. A page is
// written whole, or in parts one behind the other, because parts share a sector. A failed or short
// write is tried again a few times, each time from a task of its own; then the log has failed:
// flushed_until stays where it is for ever, everybody who waits for it is woken and told. A
// tolerant log instead notes the range as a hole and goes on.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/runtime/sync.hpp"
#include "engine/store/holes.hpp"
#include "engine/store/outstanding.hpp"
#include "engine/store/page_frames.hpp"

namespace orrery::engine {

class Flusher;

/// One page write that is under way, or waits for the part before it.
struct PageFlush {
  Io io;
  Flusher* flusher = nullptr;
  int64_t page = 0;
  LogAddr from = 0;
  LogAddr until = 0;
  uint32_t attempts = 0;
  PageFlush* next = nullptr;  // in the list of parts that wait
};

class Flusher {
 public:
  Flusher(const Runtime& runtime, Boundaries& boundaries, PageFrames& frames, const Bugs& bugs)
      : runtime_(runtime),
        boundaries_(boundaries),
        frames_(frames),
        bugs_(bugs),
        moved_(runtime.tasks),
        mutex_(runtime.tasks),
        outstanding_(runtime.tasks) {}

  Result<void> initialise(Device& device, LogAddr first);

  /// The log was recovered: everything below is flushed. Requires: nothing is under way.
  void recover_to(LogAddr flushed);

  /// The log begins anew at `first`: the device is emptied, and a failure forgotten. Requires:
  /// closed before, and nothing came since.
  void reset(LogAddr first);

  /// From now on, what cannot be written is given up. Requires: nothing is under way.
  void tolerate_failures() { tolerant_ = true; }
  /// The holes of a log that was recovered. Requires: nothing is under way.
  void adopt_holes(const Holes& holes);
  /// What was given up above begin.
  Holes holes();
  /// Changes with every hole, before flushed_until passes it.
  uint32_t hole_turn() const { return hole_turn_.load(); }

  /// Sees to it that [from, until) gets flushed. Requires: all of it is below safe_ro.
  void flush_pages(LogAddr from, LogAddr until);

  /// A ticket taken before one looks at flushed_until is good for a wait until it moves.
  uint32_t ticket() const { return moved_.ticket(); }
  void wait(uint32_t ticket) { moved_.wait(ticket); }
  /// Wakes everybody who waits, for another reason.
  void wake_all() { moved_.set(); }
  /// Waits until everything below `address` is flushed. Requires: not protected, and somebody has
  /// made all of that read-only. Errors: those of the device.
  Result<void> wait_for(LogAddr address);

  bool failed() const { return failure_.load() != Errc::ok; }
  /// Requires: failed().
  Error failure() const;

  /// Waits until nothing is under way, and drops what a failed log will never write. Requires:
  /// nothing new comes.
  void close();

  Device& device() { return *device_; }

 private:
  static constexpr uint32_t kAttempts = 3;

  struct Slot {
    Atomic<LogAddr> last_flushed{0};
    PageFlush own;                 // serves the first request of a page, so that it needs no memory
    bool own_taken = false;        // guarded by mutex_
    PageFlush* pending = nullptr;  // guarded by mutex_: parts that wait for the one before
  };

  Slot& slot_of(int64_t page) { return slots_[static_cast<size_t>(frames_.geometry().slot(page))]; }
  void flush_page(int64_t page, LogAddr from, LogAddr until);
  void mark_flushed(int64_t page, LogAddr until);
  void shift_flushed();
  PageFlush* claim(int64_t page, LogAddr from, LogAddr until);
  void give_back(PageFlush& request);
  void enqueue(PageFlush& request);
  PageFlush* take_next() ORRERY_REQUIRES(mutex_);
  void issue(PageFlush& request);
  void submit(PageFlush& request);
  void give_up(int64_t page, Hole lost, Errc code);
  bool add_hole(Hole lost);
  void fail(int64_t page, Errc code);
  void finish(PageFlush& request, Errc code);
  static void write_done(Io& io);
  static void retry(void* request);

  Runtime runtime_;
  Boundaries& boundaries_;
  PageFrames& frames_;
  const Bugs& bugs_;
  Device* device_ = nullptr;
  Array<Slot> slots_;
  Event moved_;
  Mutex mutex_;
  bool tolerant_ = false;
  Holes holes_ ORRERY_GUARDED_BY(mutex_);
  Atomic<uint32_t> hole_turn_{0};
  Atomic<Errc> failure_{Errc::ok};
  Outstanding outstanding_;
};

}  // namespace orrery::engine
