// SPDX-License-Identifier: Apache-2.0
// Page frames in mapped memory of the process.
//
// Each frame is a mapping of its own, in small pages unless asked otherwise, so that what was never
// touched costs nothing and costs nothing again after a renewal. With huge pages a touched byte may
// cost 2 MiB, and a read all over a large cache is faster. Retirement unmaps: whoever still uses
// the memory dies of it at once, if nobody mapped something there meanwhile. Generations are
// counted as in the simulated world, but nobody compares them here. A Frame object is used again
// and is freed only with this.
#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include "engine/real/io_carrier.hpp"
#include "engine/real/memory_budget.hpp"
#include "engine/runtime/frames.hpp"

namespace orrery::engine {

class MappedFrames final : public Frames {
 public:
  /// The budget outlives it.
  MappedFrames(bool huge_pages, MemoryBudget& budget) : huge_pages_(huge_pages), budget_(budget) {}
  /// Unmaps what is still live.
  ~MappedFrames();
  MappedFrames(const MappedFrames&) = delete;
  MappedFrames& operator=(const MappedFrames&) = delete;

  Result<Frame*> acquire(int64_t page, size_t size, Site site) override;
  void renew(Frame* frame, int64_t page, Site site) override;
  void retire(Frame* frame, Site site) override;

  size_t live_count();

  /// Who carries out requests, for as long as frames are renewed and retired.
  void use(IoCarrier& carrier) { carrier_ = &carrier; }

 private:
  /// From this size on, clearing a frame gives its memory back instead of writing zeros.
  static constexpr size_t kLarge = size_t{1} << 20;

  uint64_t next_generation();

  const bool huge_pages_;
  MemoryBudget& budget_;
  IoCarrier* carrier_ = nullptr;
  std::mutex mutex_;
  std::deque<Frame> frames_;    // guarded by mutex_: all there ever were
  std::vector<Frame*> unused_;  // guarded by mutex_
  uint64_t generations_ = 0;    // guarded by mutex_
};

}  // namespace orrery::engine
