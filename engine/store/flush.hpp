// SPDX-License-Identifier: Apache-2.0
// The main flush pipeline: what has become immutable is written to the main device, and
// flushed_until follows the contiguous prefix of what was written.
//
// Ranges arrive from epoch actions, in any order; they are disjoint and tile the log. A page is
// written whole, or in parts one behind the other, because parts share a sector: so a page has one
// request, and all that is known of later parts is where they end. Nothing here needs memory.
//
// A failed or short write is tried again as the policy of the log says: at once, where its
// completion runs; or, after a pause, by whoever waits for the log or asks its device to go on, for
// there is no thread to do it. Then the log has failed: flushed_until stays where it is for ever,
// everybody who waits for it is woken and told. A tolerant log instead notes the range as a hole
// and goes on.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/runtime/sync.hpp"
#include "engine/store/holes.hpp"
#include "engine/store/options.hpp"
#include "engine/store/outstanding.hpp"
#include "engine/store/page_frames.hpp"

namespace orrery::engine {

class Flusher;

/// The write of a page, or of a part of it, that is under way or is to be tried again.
struct PageFlush {
  Io io;
  Flusher* flusher = nullptr;
  int64_t page = 0;
  LogAddr from = 0;
  LogAddr until = 0;
  uint32_t attempts = 0;
  Instant due;                // of the next attempt
  PageFlush* next = nullptr;  // in the list of those that wait for it
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

  Result<void> initialise(Device& device, LogAddr first, const RetryPolicy& policy);

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
  /// May return for another reason. Requires: not protected.
  void wait(uint32_t ticket);
  /// Tries again what is due, and lets the device finish what is ready on the caller's stack. True
  /// if the device finished something. To be called by whoever needs the log and does not wait.
  bool try_complete();
  /// Wakes everybody who waits, for another reason.
  void wake_all() { moved_.set(); }
  /// Waits until everything below `address` is flushed. Requires: not protected, and somebody has
  /// made all of that read-only. Errors: those of the device.
  Result<void> wait_for(LogAddr address);

  bool failed() const { return failure_.load() != Errc::ok; }
  /// Requires: failed(), and nobody empties the store meanwhile.
  Error failure() const;
  /// The failure, if there is one: also while somebody empties the store, who forgets it.
  Result<void> health() const;

  /// Waits until nothing is under way, and drops what a failed log will never write. Requires:
  /// nothing new comes.
  void close();

  Device& device() { return *device_; }
  const RetryPolicy& policy() const { return policy_; }

 private:
  struct Slot {
    Atomic<LogAddr> last_flushed{0};
    PageFlush request;
    bool busy = false;   // guarded by mutex_: the request is under way
    LogAddr wanted = 0;  // guarded by mutex_: what is below is to be flushed
  };

  Slot& slot_of(int64_t page) { return slots_[static_cast<size_t>(frames_.geometry().slot(page))]; }
  void flush_page(int64_t page, LogAddr until);
  void write_next(Slot& slot);
  PageFlush* claim(Slot& slot) ORRERY_REQUIRES(mutex_);
  void mark_flushed(int64_t page, LogAddr until);
  void shift_flushed();
  void submit(PageFlush& request);
  static void write_done(Io& io);
  void finish(PageFlush& request, Errc code);
  void try_again(PageFlush& request);
  Instant submit_due();
  PageFlush* take_due(Instant now, Instant& next) ORRERY_REQUIRES(mutex_);
  bool leave_hole(Hole lost, Errc code);
  bool add_hole(Hole lost);
  void fail(int64_t page, Errc code);

  Runtime runtime_;
  Boundaries& boundaries_;
  PageFrames& frames_;
  const Bugs& bugs_;
  Device* device_ = nullptr;
  RetryPolicy policy_;
  Array<Slot> slots_;
  Event moved_;
  Mutex mutex_;
  Atomic<uint32_t> waiting_count_{0};                       // requests in the list
  PageFlush* waiting_ ORRERY_GUARDED_BY(mutex_) = nullptr;  // for their next attempt
  bool closing_ ORRERY_GUARDED_BY(mutex_) = false;          // nobody will come to try them again
  bool tolerant_ = false;
  Holes holes_ ORRERY_GUARDED_BY(mutex_);
  Atomic<uint32_t> hole_turn_{0};
  Atomic<Errc> failure_{Errc::ok};
  Outstanding outstanding_;
};

}  // namespace orrery::engine
