// SPDX-License-Identifier: Apache-2.0
#include "engine/real/registered_frames.hpp"

#include <liburing.h>

#include <new>

#include "engine/base/check.hpp"

namespace orrery::engine {

bool RegisteredFrames::initialise(io_uring& ring) {
  CHECK(ring_ == nullptr, "frames are registered with one ring");
  if (io_uring_register_buffers_sparse(&ring, kFramesMax) != 0) return false;
  const std::lock_guard lock(mutex_);
  free_.reserve(kFramesMax);
  for (int number = static_cast<int>(kFramesMax); number > 0; --number) {
    free_.push_back(number - 1);
  }
  ring_ = &ring;
  return true;
}

int RegisteredFrames::number_of(const Frame& frame, const std::byte* end) {
  if (ring_ == nullptr) return kNone;
  const std::lock_guard lock(mutex_);
  const auto known = numbers_.find(frame.base);
  if (known != numbers_.end()) return known->second;
  if (end != frame.base + frame.size) return kNone;
  try {
    return register_frame(frame);
  } catch (const std::bad_alloc&) {
    return kNone;
  }
}

int RegisteredFrames::register_frame(const Frame& frame) {
  if (refused_ || free_.empty()) return kNone;
  const int number = free_.back();
  const auto place = numbers_.emplace(frame.base, number).first;
  const iovec memory{frame.base, frame.size};
  const __u64 no_tag = 0;
  const int updated = io_uring_register_buffers_update_tag(ring_, static_cast<unsigned>(number),
                                                           &memory, &no_tag, 1);
  if (updated != 1) {
    refused_ = true;
    numbers_.erase(place);
    return kNone;
  }
  free_.pop_back();
  return number;
}

bool RegisteredFrames::knows(const std::byte* memory) {
  const std::lock_guard lock(mutex_);
  return numbers_.contains(memory);
}

void RegisteredFrames::forget(const std::byte* memory) {
  const std::lock_guard lock(mutex_);
  const auto known = numbers_.find(memory);
  if (known == numbers_.end()) return;
  const iovec nothing{nullptr, 0};
  const __u64 no_tag = 0;
  const int updated = io_uring_register_buffers_update_tag(
      ring_, static_cast<unsigned>(known->second), &nothing, &no_tag, 1);
  // It may be short of memory even for this. Then the number is used up: it stands for what was.
  if (updated == 1) free_.push_back(known->second);
  numbers_.erase(known);
  refused_ = false;  // there is room for another
}

size_t RegisteredFrames::count() {
  const std::lock_guard lock(mutex_);
  return numbers_.size();
}

}  // namespace orrery::engine
