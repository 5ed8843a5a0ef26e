// SPDX-License-Identifier: Apache-2.0
// Page frames of a simulated world: lifetimes with generations, at one of two levels of protection.
//
// `checked` frames live side by side and are used again; the accessor (engine::PageRef) sees every
// misuse. `guarded` frames get an address range of their own for each lifetime, ended by a guard
// page and inaccessible once retired: an overrun or a stale pointer is a real SIGSEGV. Where that
// uses up the address space or the system's mappings, the rest of the run goes on as `checked`. In
// a build with AddressSanitizer what `checked` frames held is poisoned once retired: a stale
// pointer that no accessor sees ends the process with a report, which the supervisor makes a
// verdict. The level changes what is seen, never what happens. Untouched parts of a frame cost
// nothing, so a cache of 40 GiB runs in a few dozen MiB.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/runtime/frames.hpp"
#include "sim/reserve.hpp"
#include "sim/scheduler.hpp"

namespace orrery::sim {

class FrameTable final : public engine::Frames {
 public:
  FrameTable(Scheduler& scheduler, Trace& trace);
  ~FrameTable();
  FrameTable(const FrameTable&) = delete;
  FrameTable& operator=(const FrameTable&) = delete;

  /// Forgets every frame of the run before. Mirrored, memory is handed out from the other end, and
  /// what was given back last is used again first: what happens may not depend on it.
  void begin(bool guarded, bool mirrored = false);

  engine::Result<engine::Frame*> acquire(int64_t page, size_t size, Site site) override;
  void renew(engine::Frame* frame, int64_t page, Site site) override;
  void retire(engine::Frame* frame, Site site) override;

  size_t live_count() const { return live_; }
  /// Lifetimes of a guarded run have none any more: there were too many of them.
  bool guards_ran_out() const { return guarded_ && guarded_until_ != SIZE_MAX; }
  /// The generation of the lifetime, live or ended, whose memory holds the address; 0 = none.
  /// Guarded runs only, where an address belongs to one lifetime for ever.
  uint64_t find(const void* address) const;
  /// Whether the address lies in memory for frames, guard pages included.
  bool owns(const void* address) const;
  /// A run may hold less than this at a time, whatever it has held before.
  static constexpr size_t kHeldMax = size_t{128} << 30;
  static constexpr size_t kPage = 4096;
  static constexpr size_t kLarge = size_t{1} << 20;

 private:
  std::byte* first_of(size_t used) const { return reserve_.first_of(used, mirrored_); }
  std::byte* take(size_t size, size_t alignment);
  std::byte* open_range(size_t size);
  void give_up_guards();
  bool is_guarded(const std::byte* memory) const;
  std::byte* take_memory(size_t size);
  void clear_memory(std::byte* start, size_t size) const;
  void unpoison_all();
  void open_lifetime(engine::Frame& frame, int64_t page, size_t size, Site site);
  void close_lifetime(engine::Frame& frame, Site site);
  uint64_t last_of(int64_t page) const;

  Scheduler& scheduler_;
  Trace& trace_;
  const Reserve reserve_;
  size_t used_ = 0;                  // bytes of the reserve handed out in this run
  size_t opened_ = 0;                // guarded: bytes that may be accessible
  size_t guarded_until_ = SIZE_MAX;  // bytes handed out when guards were given up
  bool guarded_ = false;
  bool mirrored_ = false;
  size_t live_ = 0;
  std::vector<std::unique_ptr<engine::Frame>> frames_;
  std::vector<engine::Frame*> unused_;
  std::map<size_t, std::vector<std::byte*>> free_memory_;  // by size
  std::vector<std::pair<std::byte*, uint64_t>> ranges_;  // guarded: start → generation, by address
};

}  // namespace orrery::sim
