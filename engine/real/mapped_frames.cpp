// SPDX-License-Identifier: Apache-2.0
#include "engine/real/mapped_frames.hpp"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace orrery::engine {
namespace {

// Null if the machine refuses.
std::byte* map(size_t size, bool huge_pages);
void unmap(std::byte* start, size_t size);

}  // namespace

MappedFrames::~MappedFrames() {
  for (const Frame& frame : frames_) {
    if (frame.live) unmap(frame.base, frame.size);
  }
}

Result<Frame*> MappedFrames::acquire(int64_t page, size_t size, Site) {
  CHECK(size > 0, "a frame of no bytes for page {}", page);
  const uint64_t cost = round_up(size, kMachinePage);
  if (!budget_.take(cost)) {
    return Error{Errc::no_memory, "the machine's budget of memory is used up", page};
  }
  std::byte* const base = map(size, huge_pages_);
  if (base == nullptr) {
    budget_.give(cost);
    return Error{Errc::no_memory, "no memory can be mapped", page};
  }
  const std::lock_guard lock(mutex_);
  Frame* frame = nullptr;
  try {
    if (unused_.empty()) {
      frames_.emplace_back();
      unused_.reserve(frames_.size());  // so that retire() needs no memory
      unused_.push_back(&frames_.back());
    }
  } catch (const std::bad_alloc&) {
    unmap(base, size);
    budget_.give(cost);
    return Error{Errc::no_memory, "the process has no memory left", page};
  }
  frame = unused_.back();
  unused_.pop_back();
  *frame = {base, size, page, ++generations_, true};
  return frame;
}

void MappedFrames::renew(Frame* frame, int64_t page, Site) {
  CHECK(frame != nullptr, "no frame was renewed");
  CHECK(frame->live, "a frame was renewed whose lifetime has ended");
  const bool stays = carrier_ != nullptr && carrier_->keeps(frame->base);
  if (stays || frame->size < kLarge ||
      madvise(frame->base, round_up(frame->size, kMachinePage), MADV_DONTNEED) != 0) {
    std::memset(frame->base, 0, frame->size);
  }
  frame->page = page;
  frame->generation = next_generation();
}

void MappedFrames::retire(Frame* frame, Site) {
  CHECK(frame != nullptr, "no frame was retired");
  CHECK(frame->live, "a frame was retired twice");
  std::byte* const base = frame->base;
  const size_t size = frame->size;
  if (carrier_ != nullptr) carrier_->forget(base);
  const std::lock_guard lock(mutex_);
  // A null base, so that a stale translation is an access violation and no silent success.
  *frame = Frame{};
  unmap(base, size);
  budget_.give(round_up(size, kMachinePage));
  unused_.push_back(frame);
}

size_t MappedFrames::live_count() {
  const std::lock_guard lock(mutex_);
  return frames_.size() - unused_.size();
}

uint64_t MappedFrames::next_generation() {
  const std::lock_guard lock(mutex_);
  return ++generations_;
}

namespace {

std::byte* map(size_t size, bool huge_pages) {
  const size_t wanted = round_up(size, kMachinePage);
  // Room to begin at a huge page. What is too much at either end goes back at once.
  const size_t room = huge_pages ? kHugePage : 0;
  void* const mapped = mmap(nullptr, wanted + room, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* start = static_cast<std::byte*>(mapped);
  if (room > 0) {
    const auto at = reinterpret_cast<uintptr_t>(mapped);
    const size_t before = round_up(at, kHugePage) - at;
    if (before > 0) unmap(start, before);
    start += before;
    if (room > before) unmap(start + wanted, room - before);
  }
  // Otherwise a huge page might make 2 MiB resident for one touched byte. A kernel that has none
  // refuses either advice, and nothing is wrong.
  (void)madvise(start, wanted, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return start;
}

void unmap(std::byte* start, size_t size) {
  const int failed = munmap(start, round_up(size, kMachinePage));
  CHECK(failed == 0, "a frame of {} bytes cannot be unmapped", size);
}

}  // namespace
}  // namespace orrery::engine
