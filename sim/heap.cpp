// SPDX-License-Identifier: Apache-2.0
#include "sim/heap.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace orrery::sim {
namespace {

constexpr size_t kHeapReserve = size_t{64} << 30;  // of address space, not of memory
constexpr size_t kHeapReserveLeast = size_t{1} << 30;
constexpr size_t kPage = 4096;
// Blocks of a run with guards: two mappings each, and the system has 65,530 of them for everybody.
constexpr size_t kGuardedBlocksMax = 8192;
// A canonical address pattern, so that a pointer read from a freed block faults with its own
// address. 0x5d is odd, too.
constexpr int kPoison = 0x5d;
// A freed block of this size gives its memory back at once.
constexpr size_t kLarge = size_t{1} << 20;
// More than this is given back to the system between runs instead of being cleared.
constexpr size_t kKeep = size_t{64} << 20;

}  // namespace

Heap::Heap(Scheduler& scheduler)
    : scheduler_(scheduler), reserve_(reserve(kHeapReserve, kHeapReserveLeast)) {
  blocks_.reserve(256);
}

Heap::~Heap() { release(reserve_); }

void Heap::begin(bool guarded, bool mirrored) {
  if (guarded_ && used_ > 0) {
    const size_t whole = engine::round_up(used_, kPage);
    CHECK(mprotect(first_of(whole), whole, PROT_READ | PROT_WRITE) == 0,
          "the heap cannot be opened again");
  }
  if (touched_ > kKeep || guarded != guarded_ || mirrored != mirrored_) {
    const size_t whole = engine::round_up(touched_, kPage);
    madvise(first_of(whole), whole, MADV_DONTNEED);
    touched_ = 0;
  } else if (!guarded && touched_ > 0) {
    std::memset(first_of(touched_), 0, touched_);
    touched_ = 0;
  }
  // Guarded blocks are far apart, and each is cleared when it is given out again.
  used_ = 0;
  live_ = 0;
  guarded_ = guarded;
  mirrored_ = mirrored;
  mappings_left_ = true;
  blocks_.clear();
  spare_.clear();
}

// The part of a block that the run before may have written.
void Heap::clear_what_was_touched(std::byte* start, size_t size) const {
  std::byte* const dirty = first_of(touched_);
  std::byte* const from = std::max(start, dirty);
  std::byte* const to = std::min(start + size, dirty + touched_);
  if (from < to) std::memset(from, 0, static_cast<size_t>(to - from));
}

// The block ends where its guard page begins, as nearly as its alignment allows. Null if there
// are guards enough, or the system has no mappings left.
std::byte* Heap::place_guarded(size_t size, size_t alignment) {
  if (blocks_.size() >= kGuardedBlocksMax) return nullptr;
  const size_t room = engine::round_up(std::max<size_t>(size, 1), kPage);
  std::byte* const start = take(room + kPage, kPage);
  std::byte* const guard = start + room;
  if (mprotect(guard, kPage, PROT_NONE) != 0) return nullptr;
  clear_what_was_touched(start, room);
  const auto end = reinterpret_cast<uintptr_t>(guard);
  return reinterpret_cast<std::byte*>(engine::round_down(end - size, alignment));
}

// A large block that was freed, if there is one of the size. Only when address space grows short.
Block* Heap::reuse(size_t size, size_t alignment) {
  const auto fits = [&](size_t index) {
    return blocks_[index].size == size &&
           reinterpret_cast<uintptr_t>(blocks_[index].start) % alignment == 0;
  };
  const auto found = std::find_if(spare_.begin(), spare_.end(), fits);
  if (found == spare_.end()) return nullptr;
  Block& block = blocks_[*found];
  spare_.erase(found);
  // Its pages were given back when it was freed; the poison at its two ends was not.
  std::memset(block.start, 0, kPage);
  std::memset(block.start + block.size - kPage, 0, kPage);
  return &block;
}

engine::Result<void*> Heap::allocate(size_t size, size_t alignment, const char* label, Site site) {
  if (scheduler_.on_task() && !scheduler_.in_harness()) scheduler_.point(site);
  CHECK(alignment > 0 && alignment <= kPage && (alignment & (alignment - 1)) == 0,
        "an alignment of {} bytes", alignment);
  const Scheduler::Harness harness(scheduler_);
  // No machine has room for a size that was computed wrong.
  if (size >= kHeapReserve || scheduler_.refuses_allocation()) {
    scheduler_.record(Kind::allocation_failed, static_cast<int64_t>(size), 0, 0, site);
    return engine::Error{engine::Errc::no_memory, "Memory refused", static_cast<int64_t>(size)};
  }
  Block made{nullptr, size, label, true, false, scheduler_.steps(), 0, site, {}};
  ++live_;
  if (!is_roomy() && size >= kLarge) {
    if (Block* const spare = reuse(size, alignment)) {
      made.start = spare->start;
      *spare = made;
      return static_cast<void*>(made.start);
    }
  }
  CHECK(used_ + size + 4 * kPage < reserve_.size, "a run wants more than {} bytes", reserve_.size);
  if (guarded_ && mappings_left_ && is_roomy()) {
    made.start = place_guarded(size, alignment);
    made.guarded = mappings_left_ = made.start != nullptr;
  }
  if (made.start == nullptr) {
    made.start = take(size, std::max<size_t>(alignment, 16));
    // In a guarded run nothing was cleared beforehand.
    if (guarded_) clear_what_was_touched(made.start, size);
  }
  touched_ = std::max(touched_, used_);
  blocks_.push_back(made);
  return static_cast<void*>(made.start);
}

void Heap::free(void* address, Site site) {
  if (address == nullptr) return;
  if (scheduler_.on_task() && !scheduler_.in_harness()) scheduler_.point(site);
  const Scheduler::Harness harness(scheduler_);
  Block* const block = const_cast<Block*>(find(address));
  if (block == nullptr || block->start != address || !block->live) {
    Failure failure;
    failure.oracle = "memory";
    failure.site = site;
    if (block == nullptr || block->start != address) {
      failure.label = "something was freed that is no block";
    } else {
      failure.label = "a block was freed twice";
      failure.text.format("a block of {} bytes ({}) was freed at step {} and again", block->size,
                          block->label, block->freed_step);
    }
    if (failure.text.empty()) failure.text.assign(failure.label.view());
    scheduler_.fail(failure);
    return;
  }
  block->live = false;
  block->freed_step = scheduler_.steps();
  block->freed_at = site;
  --live_;
  bury(*block);
}

// What was freed is poisoned, or closed.
void Heap::bury(const Block& block) {
  if (block.guarded) {
    const auto first = engine::round_down(reinterpret_cast<uintptr_t>(block.start), kPage);
    const auto last = reinterpret_cast<uintptr_t>(block.start) + block.size;
    void* const pages = reinterpret_cast<void*>(first);
    const size_t size = engine::round_up(last - first, kPage);
    if (block.size >= kLarge) madvise(pages, size, MADV_DONTNEED);
    CHECK(mprotect(pages, size, PROT_NONE) == 0, "a freed block cannot be closed");
    return;
  }
  if (block.size < kLarge) {
    std::memset(block.start, kPoison, block.size);
    return;
  }
  // Poison in all of it would make resident what was sparse.
  const auto first = engine::round_up(reinterpret_cast<uintptr_t>(block.start), kPage);
  const auto last =
      engine::round_down(reinterpret_cast<uintptr_t>(block.start) + block.size, kPage);
  madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  std::memset(block.start, kPoison, kPage);
  std::memset(block.start + block.size - kPage, kPoison, kPage);
  spare_.push_back(static_cast<size_t>(&block - blocks_.data()));
}

const Block* Heap::last_before(const std::byte* at) const {
  if (mirrored_) {
    const auto found = std::partition_point(blocks_.begin(), blocks_.end(),
                                            [at](const Block& b) { return b.start > at; });
    return found == blocks_.end() ? nullptr : &*found;
  }
  const auto found =
      std::upper_bound(blocks_.begin(), blocks_.end(), at,
                       [](const std::byte* a, const Block& b) { return a < b.start; });
  return found == blocks_.begin() ? nullptr : &*(found - 1);
}

const Block* Heap::find(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  const Block* const block = last_before(at);
  if (block == nullptr || at >= block->start + std::max<size_t>(block->size, 1)) return nullptr;
  return block;
}

const Block* Heap::find_guarded(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  const Block* const block = last_before(at);
  if (block == nullptr || !block->guarded) return find(address);
  const auto end = reinterpret_cast<uintptr_t>(block->start) + block->size;
  const uintptr_t guard_end = engine::round_up(end, kPage) + kPage;
  return reinterpret_cast<uintptr_t>(at) < guard_end ? block : nullptr;
}

bool Heap::owns(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  return reserve_.contains(at);
}

}  // namespace orrery::sim
