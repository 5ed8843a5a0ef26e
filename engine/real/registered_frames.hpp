// SPDX-License-Identifier: Apache-2.0
// Page frames that the kernel knows: it pins their memory once, and not for each request again.
//
// A frame is registered when a request comes to its end for the first time: then the page is full,
// and nothing is made resident that was not. It stays so while it is renewed for other pages, and
// until it is retired. The kernel may refuse (a process may pin only so much: RLIMIT_MEMLOCK); then
// requests name plain memory, as all do that are not of a frame.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "engine/runtime/frames.hpp"

struct io_uring;

namespace orrery::engine {

class RegisteredFrames {
 public:
  static constexpr int kNone = -1;
  static constexpr unsigned kFramesMax = 1024;

  /// False if the kernel keeps no such table; then none is ever registered. The ring outlives it.
  bool initialise(io_uring& ring);

  /// The number for the kernel of the frame that a request names, up to `end` in its memory. It is
  /// registered now if the frame ends there. kNone if it is not registered.
  int number_of(const Frame& frame, const std::byte* end);
  /// True if the memory that begins here must stay as it is mapped.
  bool knows(const std::byte* memory);
  /// It is about to be unmapped. Requires: no request names it any more.
  void forget(const std::byte* memory);
  size_t count();

 private:
  int register_frame(const Frame& frame);

  io_uring* ring_ = nullptr;  // null: none is registered
  std::mutex mutex_;
  std::map<const std::byte*, int> numbers_;  // guarded by mutex_
  std::vector<int> free_;                    // guarded by mutex_
  bool refused_ = false;                     // guarded by mutex_: no more memory may be pinned
};

}  // namespace orrery::engine
