// SPDX-License-Identifier: Apache-2.0
#include "sim/frames.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#if ORRERY_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace orrery::sim {
namespace {

// Of address space, not of memory. Guarded lifetimes that have ended take one half at most.
constexpr size_t kFramesReserve = 2 * FrameTable::kHeldMax;
constexpr size_t kFramesReserveLeast = size_t{1} << 30;
constexpr size_t kAlignment = 512;
// Each guarded lifetime that was written to remains a mapping of its own until the next run, and
// the system has 65,530 of them for everybody.
constexpr size_t kGuardedFramesMax = 8192;

// The shadow of a large frame would be memory that is really used.
[[maybe_unused]] bool casts_little_shadow(size_t size) { return size < FrameTable::kLarge; }

void poison([[maybe_unused]] std::byte* start, [[maybe_unused]] size_t size) {
#if ORRERY_ASAN
  if (casts_little_shadow(size)) ASAN_POISON_MEMORY_REGION(start, size);
#endif
}

void unpoison([[maybe_unused]] std::byte* start, [[maybe_unused]] size_t size) {
#if ORRERY_ASAN
  if (casts_little_shadow(size)) ASAN_UNPOISON_MEMORY_REGION(start, size);
#endif
}

}  // namespace

FrameTable::FrameTable(Scheduler& scheduler, Trace& trace)
    : scheduler_(scheduler), trace_(trace), reserve_(reserve(kFramesReserve, kFramesReserveLeast)) {
  // A huge page would make 2 MiB resident for one touched byte.
  madvise(reserve_.base, reserve_.size, MADV_NOHUGEPAGE);
}

FrameTable::~FrameTable() {
  unpoison_all();
  release(reserve_);
}

void FrameTable::begin(bool guarded, bool mirrored) {
  if (guarded != guarded_) {
    const int access = guarded ? PROT_NONE : PROT_READ | PROT_WRITE;
    CHECK(mprotect(reserve_.base, reserve_.size, access) == 0,
          "the frames' protection cannot be changed");
  } else if (guarded && opened_ > 0) {
    CHECK(mprotect(first_of(opened_), opened_, PROT_NONE) == 0, "the frames cannot be closed");
  }
  guarded_ = guarded;
  mirrored_ = mirrored;
  used_ = opened_ = 0;
  guarded_until_ = SIZE_MAX;
  live_ = 0;
  unused_.clear();
  for (const auto& frame : frames_) {
    // What a large frame held is given back; small ones are cleared when they are used again.
    if (frame->live && frame->size >= kLarge) madvise(frame->base, frame->size, MADV_DONTNEED);
    *frame = engine::Frame{};
    unused_.push_back(frame.get());
  }
  if (mirrored) std::reverse(unused_.begin(), unused_.end());
  unpoison_all();
  for (auto& [size, list] : free_memory_) list.clear();
  ranges_.clear();
}

std::byte* FrameTable::take(size_t size, size_t alignment) {
  CHECK(used_ + size + alignment < reserve_.size, "a run wants more than {} bytes of frames",
        reserve_.size);
  return reserve_.take(size, alignment, used_, mirrored_);
}

std::byte* FrameTable::take_memory(size_t size) {
  if (guarded_ && guarded_until_ == SIZE_MAX) {
    if (std::byte* const start = open_range(size)) return start;
    give_up_guards();
  }
  auto& list = free_memory_[size];
  if (!list.empty()) {
    // The one that was given back first: a page's memory does not return to it at once.
    const auto chosen = mirrored_ ? list.end() - 1 : list.begin();
    std::byte* const start = *chosen;
    list.erase(chosen);
    unpoison(start, size);
    return start;
  }
  return take(size, size >= kPage ? kPage : kAlignment);
}

// A range of its own that ends at a closed page. Null if there is none to be had.
std::byte* FrameTable::open_range(size_t size) {
  const size_t room = engine::round_up(size, kPage);
  if (ranges_.size() >= kGuardedFramesMax) return nullptr;
  if (used_ + room + kPage > reserve_.size / 2) return nullptr;
  std::byte* const range = take(room + kPage, kPage);
  if (mprotect(range, room, PROT_READ | PROT_WRITE) != 0) return nullptr;
  opened_ = used_;
  return range + (room - size);
}

void FrameTable::give_up_guards() {
  guarded_until_ = used_ = engine::round_up(used_, kPage);
  opened_ = reserve_.size;
  std::byte* const rest = mirrored_ ? reserve_.base : reserve_.base + used_;
  CHECK(mprotect(rest, reserve_.size - used_, PROT_READ | PROT_WRITE) == 0,
        "no frame can be opened; too many mappings?");
}

bool FrameTable::is_guarded(const std::byte* memory) const {
  if (!guarded_) return false;
  const std::byte* const end = reserve_.base + reserve_.size;
  const auto place = static_cast<size_t>(mirrored_ ? end - memory - 1 : memory - reserve_.base);
  return place < guarded_until_;
}

// What was retired and not taken again.
void FrameTable::unpoison_all() {
  for (const auto& [size, list] : free_memory_) {
    for (std::byte* const start : list) unpoison(start, size);
  }
}

void FrameTable::clear_memory(std::byte* start, size_t size) const {
  if (size >= kLarge) {
    madvise(start, size, MADV_DONTNEED);
  } else {
    std::memset(start, 0, size);
  }
}

void FrameTable::open_lifetime(engine::Frame& frame, int64_t page, size_t size, Site site) {
  frame.base = take_memory(size);
  clear_memory(frame.base, size);
  frame.size = size;
  frame.page = page;
  frame.live = true;
  trace_.lifetimes.push_back({page,
                              size,
                              scheduler_.steps(),
                              UINT64_MAX,
                              scheduler_.now().ns,
                              0,
                              scheduler_.current_task(),
                              kNobody,
                              site,
                              {}});
  frame.generation = trace_.lifetimes.size();
  if (is_guarded(frame.base)) ranges_.emplace_back(frame.base, frame.generation);
  ++live_;
  scheduler_.record(Kind::frame_acquired, page, static_cast<int64_t>(frame.generation),
                    static_cast<int64_t>(size), site);
}

void FrameTable::close_lifetime(engine::Frame& frame, Site site) {
  Lifetime& lifetime = trace_.lifetimes[frame.generation - 1];
  lifetime.retired_step = scheduler_.steps();
  lifetime.retired_ns = scheduler_.now().ns;
  lifetime.retired_by = scheduler_.current_task();
  lifetime.retired_at = site;
  scheduler_.record(Kind::frame_retired, frame.page, static_cast<int64_t>(frame.generation), 0,
                    site);
  --live_;
  frame.live = false;
  frame.generation = 0;  // no reference that was made before belongs to it now
  if (!is_guarded(frame.base)) {
    free_memory_[frame.size].push_back(frame.base);
    poison(frame.base, frame.size);
    return;
  }
  std::byte* const first = frame.base + frame.size - engine::round_up(frame.size, kPage);
  if (frame.size >= kLarge) madvise(first, frame.size, MADV_DONTNEED);
  CHECK(mprotect(first, engine::round_up(frame.size, kPage), PROT_NONE) == 0,
        "a retired frame cannot be closed");
}

engine::Result<engine::Frame*> FrameTable::acquire(int64_t page, size_t size, Site site) {
  scheduler_.point(site);
  CHECK(size >= 64 && (size & (size - 1)) == 0, "a frame of {} bytes", size);
  const Scheduler::Harness harness(scheduler_);
  if (scheduler_.refuses_allocation()) {
    scheduler_.record(Kind::allocation_failed, static_cast<int64_t>(size), 0, 0, site);
    return engine::Error{engine::Errc::no_memory, "Frames refused", page};
  }
  if (unused_.empty()) {
    frames_.push_back(std::make_unique<engine::Frame>());
    unused_.push_back(frames_.back().get());
  }
  engine::Frame* const frame = unused_.back();
  unused_.pop_back();
  open_lifetime(*frame, page, size, site);
  return frame;
}

void FrameTable::renew(engine::Frame* frame, int64_t page, Site site) {
  scheduler_.point(site);
  CHECK(frame != nullptr, "no frame was renewed");
  const Scheduler::Harness harness(scheduler_);
  if (!frame->live) {
    Failure failure;
    failure.oracle = "lifetimes";
    failure.label = "a frame was renewed whose lifetime has ended";
    failure.text.assign(failure.label.view());
    failure.generation = last_of(frame->page);
    failure.site = site;
    scheduler_.fail(failure);
    return;
  }
  const size_t size = frame->size;
  std::byte* const before = frame->base;
  close_lifetime(*frame, site);
  if (!is_guarded(before) && !mirrored_) {
    // In place: the memory just given back is the one that is taken.
    free_memory_[size].pop_back();
    free_memory_[size].insert(free_memory_[size].begin(), before);
  }
  open_lifetime(*frame, page, size, site);
}

void FrameTable::retire(engine::Frame* frame, Site site) {
  scheduler_.point(site);
  const Scheduler::Harness harness(scheduler_);
  if (frame == nullptr || !frame->live) {
    Failure failure;
    failure.oracle = "lifetimes";
    failure.label = "a frame was retired twice";
    failure.text.assign(failure.label.view());
    failure.generation = frame == nullptr ? 0 : last_of(frame->page);
    failure.site = site;
    scheduler_.fail(failure);
    return;
  }
  close_lifetime(*frame, site);
}

uint64_t FrameTable::last_of(int64_t page) const {
  uint64_t generation = trace_.lifetimes.size();
  while (generation > 0 && trace_.lifetimes[generation - 1].page != page) --generation;
  return generation;
}

uint64_t FrameTable::find(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  // The last one, in the order of their addresses, that does not begin behind it.
  auto found = ranges_.end();
  if (mirrored_) {
    found = std::partition_point(ranges_.begin(), ranges_.end(),
                                 [at](const auto& range) { return range.first > at; });
    if (found == ranges_.end()) return 0;
  } else {
    found = std::partition_point(ranges_.begin(), ranges_.end(),
                                 [at](const auto& range) { return range.first <= at; });
    if (found == ranges_.begin()) return 0;
    --found;
  }
  const Lifetime& lifetime = trace_.lifetimes[found->second - 1];
  // The guard page behind a frame belongs to it: that is where an overrun is caught.
  return at < found->first + lifetime.size + kPage ? found->second : 0;
}

bool FrameTable::owns(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  return reserve_.contains(at);
}

}  // namespace orrery::sim
