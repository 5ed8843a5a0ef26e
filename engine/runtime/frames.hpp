// SPDX-License-Identifier: Apache-2.0
// Page frames, and the only way to touch the bytes of a page: PageRef.
//
// A frame holds one page at a time. Each holding is a *lifetime* with its own generation; keeping
// the memory for the next page still ends one lifetime and begins another. A PageRef remembers the
// lifetime that it was made in. In a simulated world every access is checked against it (is this
// still the page, is this inside the frame), so the use of recycled memory is an error even where
// every byte is validly mapped. Outside a world an access is a plain access.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/base/bytes.hpp"
#include "engine/base/result.hpp"
#include "engine/runtime/atomic.hpp"

namespace orrery::engine {

/// Owned by Frames; the object outlives every lifetime, so a stale pointer to it may always be
/// looked at.
class Frame {
 public:
  std::byte* base = nullptr;
  size_t size = 0;          // bytes
  int64_t page = -1;        // the page of the present lifetime
  uint64_t generation = 0;  // of the present lifetime; 0 between two of them
  bool live = false;
};

class Frames {
 public:
  /// A frame for `page`, all zeros, aligned to 512 bytes. Untouched parts of it cost no memory.
  /// Errors: no_memory.
  virtual Result<Frame*> acquire(int64_t page, size_t size, Site site = Site::current()) = 0;

  /// Ends the lifetime and begins one for `page` in the same memory, which reads as zeros again.
  /// Cannot fail.
  virtual void renew(Frame* frame, int64_t page, Site site = Site::current()) = 0;

  /// Ends the lifetime. The memory may be unmapped or given to another page.
  virtual void retire(Frame* frame, Site site = Site::current()) = 0;

 protected:
  ~Frames() = default;
};

/// A byte position inside one lifetime of one frame. Cheap to copy. Every access is a visible
/// operation.
class PageRef {
 public:
  PageRef() = default;

  /// Translates to `offset` in `frame`, which must hold `page` now. The frame may be null only
  /// where the engine has lost track of it, which a world reports and a process dies of.
  [[gnu::always_inline]] static PageRef at(const Frame* frame, int64_t page, size_t offset,
                                           Site site = Site::current()) {
    if (Points* world = current_points) [[unlikely]] {
      world->touched = site;
      if (world->checked && (frame == nullptr || !frame->live || frame->page != page)) {
        world->bad_access(frame, 0, page, static_cast<int64_t>(offset), 0, site);
      }
    }
    PageRef ref;
    ref.at_ = frame->base + offset;
    ref.frame_ = frame;
    ref.generation_ = frame->generation;
    return ref;
  }

  /// `distance` bytes further; may be anywhere, only accesses are checked.
  PageRef plus(int64_t distance) const {
    PageRef ref = *this;
    ref.at_ += distance;
    return ref;
  }
  explicit operator bool() const { return at_ != nullptr; }
  const Frame* frame() const { return frame_; }
  /// Bytes from the start of the frame.
  int64_t offset() const { return at_ - frame_->base; }
  /// A hint: the bytes `distance` behind this will be written soon. They may be no bytes at all.
  void expect_write(uintptr_t distance) const {
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(at_) + distance),
                       1);
  }
  /// For a device: the bytes themselves. The frame goes with them in Io::frame.
  std::byte* raw() const { return at_; }

  [[gnu::always_inline]] uint64_t load_word(std::memory_order order = std::memory_order_acquire,
                                            Site site = Site::current()) const {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return word().load(order);
    enter(*world, 8, site);
    const uint64_t value = word().load(order);
    world->saw(value);
    return value;
  }
  [[gnu::always_inline]] void store_word(uint64_t value,
                                         std::memory_order order = std::memory_order_release,
                                         Site site = Site::current()) const {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return word().store(value, order);
    enter(*world, 8, site);
    world->changes += word().load(std::memory_order_relaxed) != value ? 1 : 0;
    world->saw(value);
    word().store(value, order);
  }
  /// One attempt; `expected` receives what was there.
  [[gnu::always_inline]] bool cas_word(uint64_t& expected, uint64_t desired,
                                       Site site = Site::current()) const {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return word().compare_exchange_strong(expected, desired);
    enter(*world, 8, site);
    const uint64_t wanted = expected;
    const bool done = word().compare_exchange_strong(expected, desired);
    world->changes += done && wanted != desired ? 1 : 0;
    world->saw(expected);
    return done;
  }

  /// Plain integers inside a record: lengths and the like.
  template <typename T>
  [[gnu::always_inline]] T load(Site site = Site::current()) const {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return get<T>(at_);
    enter(*world, sizeof(T), site);
    const T value = get<T>(at_);
    world->saw(static_cast<uint64_t>(value));
    return value;
  }
  template <typename T>
  [[gnu::always_inline]] void store(T value, Site site = Site::current()) const {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return put<T>(at_, value);
    enter(*world, sizeof(T), site);
    world->saw(static_cast<uint64_t>(value));
    put<T>(at_, value);
  }

  /// Copies bytes out of, or into, the page: two halves, with a point between them, so that what
  /// changes meanwhile is seen torn.
  void copy_out(MutableBytes target, Site site = Site::current()) const;
  void copy_in(Bytes source, Site site = Site::current()) const;
  /// As copy_out, from bytes that others may be writing. Each aligned word is copied whole, but one
  /// word may be older than the next: the caller can tell which bytes are worth something.
  /// Requires: a size and a position that are multiples of 8.
  void copy_out_while_written(MutableBytes target, Site site = Site::current()) const;
  /// Whether the page holds exactly `wanted` here.
  bool equals(Bytes wanted, Site site = Site::current()) const;

 private:
  // The point before an access in a world. Outside of one an access is one test and itself.
  [[gnu::always_inline]] void enter(Points& world, size_t length, Site site) const {
    world.point(site);
    world.touched = site;
    if (world.checked) check(world, length, site);
  }
  [[gnu::always_inline]] void check(Points& world, size_t length, Site site) const {
    const auto start = static_cast<size_t>(at_ - frame_->base);
    if (frame_->generation != generation_ || start > frame_->size || length > frame_->size - start)
        [[unlikely]] {
      world.bad_access(frame_, generation_, frame_->page, at_ - frame_->base,
                       static_cast<int64_t>(length), site);
    }
  }
  [[gnu::always_inline]] std::atomic_ref<uint64_t> word() const {
    return std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(at_));
  }

  std::byte* at_ = nullptr;
  const Frame* frame_ = nullptr;
  uint64_t generation_ = 0;
};

}  // namespace orrery::engine
