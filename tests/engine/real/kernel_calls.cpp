// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/kernel_calls.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <utility>

namespace orrery::tests {
namespace {

std::atomic<const WatchedCalls::Visit*> watching{nullptr};

// What the call answers, if it is not to be made.
int ask_of(CallKind kind, const char* path) {
  const WatchedCalls::Visit* const visit = watching.load();
  return visit == nullptr ? 0 : (*visit)({kind, path});
}

int ask(CallKind kind, int file, off_t offset = 0) {
  const WatchedCalls::Visit* const visit = watching.load();
  if (visit == nullptr) return 0;
  std::error_code unknown;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), unknown);
  return (*visit)({kind, path.string(), static_cast<uint64_t>(offset)});
}

std::atomic<Transfers> how_now{Transfers::whole};
std::atomic<size_t> troubled{0};

// How much of a transfer is let through.
size_t let_through(size_t length) {
  constexpr size_t kUnit = 512;
  if (how_now.load() != Transfers::in_halves || length < 2 * kUnit) return length;
  troubled.fetch_add(1);
  return length / 2 / kUnit * kUnit;
}

// Whether a request must fail, as one to a medium that has gone bad.
bool fails() {
  if (how_now.load() != Transfers::failing) return false;
  troubled.fetch_add(1);
  errno = EIO;
  return true;
}

std::atomic<bool> lingers{false};
std::atomic<int> submitting{0};
std::atomic<int> submitting_most{0};

// What stands behind ours. Requires: the library has it.
template <typename Function>
Function next_of(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
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

LingeringSubmits::LingeringSubmits() {
  submitting_most.store(0);
  lingers.store(true);
}

LingeringSubmits::~LingeringSubmits() { lingers.store(false); }

int LingeringSubmits::most_at_once() const { return submitting_most.load(); }

TroubledTransfers::TroubledTransfers(Transfers how) {
  troubled.store(0);
  how_now.store(how);
}
TroubledTransfers::~TroubledTransfers() { how_now.store(Transfers::whole); }
size_t TroubledTransfers::count() const { return troubled.load(); }

}  // namespace orrery::tests

using orrery::tests::ask;
using orrery::tests::ask_of;
using orrery::tests::call;
using orrery::tests::CallKind;
using orrery::tests::fails;
using orrery::tests::let_through;
using orrery::tests::lingers;
using orrery::tests::next_of;
using orrery::tests::submitting;
using orrery::tests::submitting_most;

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

int unlink(const char* path) noexcept {
  return call(ask_of(CallKind::unlink, path), SYS_unlink, path);
}

// By both of its names: std::filesystem of the library calls one of them. Their entries are alike.
dirent* read_entry(DIR* folder) __asm__("readdir");
dirent* read_entry(DIR* folder) {
  static const auto next = next_of<dirent* (*)(DIR*)>("readdir");
  const int error = ask(CallKind::readdir, dirfd(folder));
  if (error == 0) return next(folder);
  errno = error;
  return nullptr;
}
dirent* read_entry_64(DIR* folder) __asm__("readdir64");
dirent* read_entry_64(DIR* folder) { return read_entry(folder); }

int fdatasync(int file) { return fails() ? -1 : static_cast<int>(syscall(SYS_fdatasync, file)); }

ssize_t pread(int file, void* buffer, size_t length, off_t offset) {
  if (fails()) return -1;
  return syscall(SYS_pread64, file, buffer, let_through(length), offset);
}

// The pool writes so (file_device.cpp). For whoever passes fewer words, the last one is what lies
// on his stack by chance: the kernel does not look at it, and a sanitizer must not either.
__attribute__((no_sanitize("address"))) long syscall(long number, ...) noexcept {
  using Call = long (*)(long, ...);
  static std::atomic<Call> known{nullptr};  // no guard, which may come here to wait
  Call next = known.load();
  if (next == nullptr) known.store(next = next_of<Call>("syscall"));
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  if (number == SYS_pwrite64) {
    if (fails()) return -1;
    arguments[2] = static_cast<long>(let_through(static_cast<size_t>(arguments[2])));
  }
  return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
              arguments[5]);
}

int io_uring_submit(io_uring* ring) {
  static const auto next = next_of<int (*)(io_uring*)>("io_uring_submit");
  for (unsigned at = ring->sq.sqe_head; at != ring->sq.sqe_tail; ++at) {
    io_uring_sqe& entry = ring->sq.sqes[at & *ring->sq.kring_mask];
    const bool moves = entry.opcode == IORING_OP_READ || entry.opcode == IORING_OP_WRITE ||
                       entry.opcode == IORING_OP_READ_FIXED ||
                       entry.opcode == IORING_OP_WRITE_FIXED;
    if (moves) entry.len = static_cast<unsigned>(let_through(entry.len));
    if ((moves || entry.opcode == IORING_OP_FSYNC) && fails()) entry.fd = -1;
  }
  if (!lingers.load()) return next(ring);
  const int now = submitting.fetch_add(1) + 1;
  if (now > submitting_most.load()) submitting_most.store(now);
  const int taken = next(ring);
  usleep(20'000);
  submitting.fetch_sub(1);
  return taken;
}

}  // extern "C"
