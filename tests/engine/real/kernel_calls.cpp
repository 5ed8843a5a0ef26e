// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/kernel_calls.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>

namespace orrery::tests {
namespace {

std::atomic<const WatchedCalls::Visit*> watching{nullptr};

// What the call answers, if it is not to be made.
int ask(CallKind kind, int file, off_t offset = 0) {
  const WatchedCalls::Visit* const visit = watching.load();
  if (visit == nullptr) return 0;
  std::error_code unknown;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), unknown);
  return (*visit)({kind, path.string(), static_cast<uint64_t>(offset)});
}

template <typename... Arguments>
int call(int error, long number, Arguments... arguments) {
  if (error == 0) return static_cast<int>(syscall(number, arguments...));
  errno = error;
  return -1;
}

}  // namespace

WatchedCalls::WatchedCalls(Visit visit) : visit_(std::move(visit)) { watching.store(&visit_); }
WatchedCalls::~WatchedCalls() { watching.store(nullptr); }

}  // namespace orrery::tests

using orrery::tests::ask;
using orrery::tests::call;
using orrery::tests::CallKind;

extern "C" {

int fsync(int file) { return call(ask(CallKind::fsync, file), SYS_fsync, file); }

int flock(int file, int operation) noexcept {
  return call(ask(CallKind::flock, file), SYS_flock, file, operation);
}

int ftruncate(int file, off_t length) noexcept {
  return call(ask(CallKind::ftruncate, file), SYS_ftruncate, file, length);
}

int fallocate(int file, int mode, off_t offset, off_t length) {
  return call(ask(CallKind::fallocate, file, offset), SYS_fallocate, file, mode, offset, length);
}

}  // extern "C"
