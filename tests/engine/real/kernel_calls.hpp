// SPDX-License-Identifier: Apache-2.0
// Calls of the kernel that a test looks at, holds up, or answers itself. The functions of this
// executable stand before those of the library, and ask whoever watches.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace orrery::tests {

enum class CallKind { fsync, flock, ftruncate, fallocate };

struct KernelCall {
  CallKind kind;
  std::string path;     // of the file that it is for
  uint64_t offset = 0;  // of fallocate
};

/// While one lives, `visit` is asked before each such call, on the thread that makes it: 0 lets it
/// have its way, anything else is the error that it ends with, without effect. One at a time, and
/// no call is under way when it goes.
class WatchedCalls {
 public:
  using Visit = std::function<int(const KernelCall& call)>;
  explicit WatchedCalls(Visit visit);
  ~WatchedCalls();
  WatchedCalls(const WatchedCalls&) = delete;
  WatchedCalls& operator=(const WatchedCalls&) = delete;

 private:
  Visit visit_;
};

}  // namespace orrery::tests
