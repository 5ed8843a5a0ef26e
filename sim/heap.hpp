// SPDX-License-Identifier: Apache-2.0
// The memory of one incarnation: handed out by engine::Memory, forgotten whole when the incarnation
// ends.
//
// Blocks are bumped from one mapping and never given to a second owner in the same run, so a
// pointer names one block for ever, and a freed block keeps its poison until the run ends. Guarded,
// each block lies in its own pages, up against a guard page, and becomes inaccessible when it is
// freed. Mirrored, blocks are bumped from the other end, so that the one that came later lies
// before the other: what happens may not depend on either. A run that is too long for that (half of
// the address space used up, no mappings left) goes on with plain blocks, and large ones are used
// again: less is seen, nothing else happens. Every block is listed with who asked for it; what is
// live at quiescence has leaked. Nothing of the harness lives here.
#pragma once

#include <vector>

#include "engine/base/bytes.hpp"
#include "engine/runtime/memory.hpp"
#include "sim/reserve.hpp"
#include "sim/scheduler.hpp"

namespace orrery::sim {

struct Block {
  std::byte* start = nullptr;
  size_t size = 0;
  const char* label = "";
  bool live = false;
  bool guarded = false;
  uint64_t allocated_step = 0;
  uint64_t freed_step = 0;
  Site allocated_at;
  Site freed_at;
};

class Heap final : public engine::Memory {
 public:
  explicit Heap(Scheduler& scheduler);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// Forgets every block. Both hold for the run to come.
  void begin(bool guarded, bool mirrored = false);

  engine::Result<void*> allocate(size_t size, size_t alignment, const char* label,
                                 Site site) override;
  void free(void* block, Site site) override;

  /// The block that holds the address, also one that was freed; null if it never was in one.
  const Block* find(const void* address) const;
  /// The same, and where the address lies in the guard page behind a block, that block.
  const Block* find_guarded(const void* address) const;
  /// Live blocks, in order of allocation.
  template <typename Visit>
  void each_live(const Visit& visit) const {
    for (const Block& block : blocks_) {
      if (block.live) visit(block);
    }
  }
  size_t live_count() const { return live_; }
  /// Blocks of a guarded run have none any more: there were too many of them.
  bool guards_ran_out() const { return guarded_ && !mappings_left_; }
  /// Whether the address lies in the heap's mapping at all.
  bool owns(const void* address) const;

 private:
  std::byte* first_of(size_t used) const { return reserve_.first_of(used, mirrored_); }
  std::byte* take(size_t size, size_t alignment) {
    return reserve_.take(size, alignment, used_, mirrored_);
  }
  bool is_roomy() const { return used_ < reserve_.size / 2; }
  void clear_what_was_touched(std::byte* start, size_t size) const;
  std::byte* place_guarded(size_t size, size_t alignment);
  Block* reuse(size_t size, size_t alignment);
  void bury(const Block& block);
  const Block* last_before(const std::byte* at) const;

  Scheduler& scheduler_;
  const Reserve reserve_;
  size_t used_ = 0;     // bytes handed out in this run
  size_t touched_ = 0;  // bytes that may be other than zero
  bool guarded_ = false;
  bool mirrored_ = false;
  bool mappings_left_ = true;
  size_t live_ = 0;
  std::vector<Block> blocks_;  // by address, mirrored: from the highest
  std::vector<size_t> spare_;  // large plain blocks that were freed, as indices into blocks_
};

}  // namespace orrery::sim
