// SPDX-License-Identifier: Apache-2.0
// Calls of the kernel that a test looks at, holds up, or answers itself. The functions of this
// executable stand before those of the library, and ask whoever watches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace orrery::tests {

enum class CallKind { fsync, flock, ftruncate, fallocate, readdir, unlink };

struct KernelCall {
  CallKind kind;
  std::string path;     // of the file or folder that it is for
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

/// While one lives, a ring's entries are handed over in a call that goes on for a while after the
/// kernel has carried them out. One at a time, and no such call is under way when it comes or goes.
class LingeringSubmits {
 public:
  LingeringSubmits();
  ~LingeringSubmits();
  LingeringSubmits(const LingeringSubmits&) = delete;
  LingeringSubmits& operator=(const LingeringSubmits&) = delete;
  /// How many were under way at the same time, at most.
  int most_at_once() const;
};

enum class Transfers { whole, in_halves, failing };

/// While one lives, the kernel transfers half of what it is asked for, in whole sectors, as it may
/// at any time; or it fails whatever it is asked to read, write or sync. One at a time, and no
/// request is under way when it comes or goes.
class TroubledTransfers {
 public:
  explicit TroubledTransfers(Transfers how);
  ~TroubledTransfers();
  TroubledTransfers(const TroubledTransfers&) = delete;
  TroubledTransfers& operator=(const TroubledTransfers&) = delete;
  /// How many were not what was asked for.
  size_t count() const;
};

}  // namespace orrery::tests
