// SPDX-License-Identifier: Apache-2.0
#include "engine/real/file_device.hpp"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "engine/real/buffer_watch.hpp"

namespace orrery::engine {
namespace {

// Calls again what a signal interrupted.
template <typename Call>
auto until_done(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// Of buffer, length and offset, as disks want them.
constexpr size_t kDirectAlignment = 512;

bool is_aligned(uint64_t value) { return value % kDirectAlignment == 0; }

constexpr int kOpenFlags = O_RDWR | O_CLOEXEC;
constexpr int kLockedForMs = 5000;  // longer than any disk takes for what was in flight

}  // namespace

Errc errc_of(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Errc::no_space;
    case ENOMEM:
    case EMFILE:
    case ENFILE: return Errc::no_memory;
    case ENOENT: return Errc::not_found;
    default: return Errc::io;
  }
}

bool may_be_direct(int file) {
  struct statfs status{};
  if (fstatfs(file, &status) != 0) return false;
  return status.f_type == EXT4_SUPER_MAGIC || status.f_type == XFS_SUPER_MAGIC;
}

FileDevice::~FileDevice() {
  CHECK(in_flight_ == 0, "{} goes with {} requests in flight", path_, in_flight_);
  CHECK(!shrinking_, "{} goes while it is made smaller", path_);
  closed_ = true;
  close_if_unused();
}

// Alone, and then with the descriptor that is to follow: a lock lasts as long as any descriptor
// that holds it, and requests that the kernel still has hold theirs.
Result<void> FileDevice::lock_file(int file) {
  for (int waited_ms = 0;; ++waited_ms) {
    if (until_done([&] { return flock(file, LOCK_EX | LOCK_NB); }) == 0) break;
    if (errno != EWOULDBLOCK) return {};  // a file system without locks
    if (waited_ms == kLockedForMs) return Error{Errc::io, "another process has a device open"};
    usleep(1000);
  }
  (void)flock(file, LOCK_SH);
  return {};
}

// The lock is not held while the file is waited for: submit, which takes it, never blocks.
Result<void> FileDevice::open(const DeviceOptions& options) {
  if (options.sector_size != sector_size_) {
    return Error{Errc::invalid, "a device that was opened with another sector size"};
  }
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ && options.segment_size != segment_size_) {
      return Error{Errc::invalid, "a device that is open with another segment size"};
    }
    if (file_ >= 0) {
      segment_size_ = options.segment_size;
      closed_ = false;
      return {};
    }
  }
  TRY_ASSIGN(const int file, open_file(options.must_exist));
  struct stat status{};
  if (fstat(file, &status) != 0) {
    const Errc code = errc_of(errno);
    (void)::close(file);
    return Error{code, "the file of a device cannot be looked at"};
  }
  int direct = -1;
  if (wants_direct_ && is_aligned(sector_size_) && may_be_direct(file)) {
    direct = until_done([&] { return ::open(path_.c_str(), kOpenFlags | O_DIRECT); });
    if (direct >= 0) (void)flock(direct, LOCK_SH);
  }
  const std::lock_guard lock(mutex_);
  file_ = file;
  direct_ = direct;
  size_.store(static_cast<uint64_t>(status.st_size));
  segment_size_ = options.segment_size;
  closed_ = false;
  return {};
}

Result<int> FileDevice::open_file(bool must_exist) const {
  int file = until_done([&] { return ::open(path_.c_str(), kOpenFlags); });
  if (file < 0 && errno == ENOENT && !must_exist) {
    file = until_done([&] { return ::open(path_.c_str(), kOpenFlags | O_CREAT, 0644); });
  }
  if (file < 0) return Error{errc_of(errno), "the file of a device cannot be opened"};
  const Result<void> locked = lock_file(file);
  if (locked) return file;
  (void)::close(file);
  return locked.error();
}

void FileDevice::submit(Io& io, Site) {
  Errc refused = Errc::ok;
  {
    const std::lock_guard lock(mutex_);
    refused = closed_ ? Errc::cancelled : refuse(io);
    if (refused == Errc::ok && stale_) refused = Errc::io;
    if (refused == Errc::ok) ++in_flight_;
  }
  CHECK(refused != Errc::ok || is_sound(io),
        "{}: a request for {} bytes at {} has a buffer that is not its caller's", path_, io.length,
        io.offset);
  if (refused == Errc::ok && !carrier_.submit(*this, io)) {
    leave();
    refused = Errc::no_memory;
  }
  if (refused == Errc::ok) return;  // the request may have been finished, and be gone
  io.error = refused;
  io.transferred = 0;
  io.done(io);
}

// The same rules as in the simulated world.
Errc FileDevice::refuse(const Io& io) const {
  if (io.kind == IoKind::sync) return Errc::ok;
  if (reinterpret_cast<uintptr_t>(io.buffer) % 8 != 0) return Errc::invalid;
  const uint32_t sector = sector_size_;
  if (io.length == 0 || io.offset % sector != 0 || io.length % sector != 0) return Errc::invalid;
  const uint64_t segment = segment_size_;
  if (segment != 0 && io.offset / segment != (io.offset + io.length - 1) / segment) {
    return Errc::invalid;
  }
  // Beyond what the kernel can count.
  constexpr uint64_t kEnd = uint64_t{1} << 62;
  return io.offset < kEnd && io.length < kEnd ? Errc::ok : Errc::invalid;
}

Errc FileDevice::perform(Io& io) {
  switch (io.kind) {
    case IoKind::read: return read(io);
    case IoKind::write: return write(io);
    case IoKind::sync: return sync();
  }
  CHECK(false, "no request is of the kind {}", static_cast<int>(io.kind));
  return Errc::invalid;
}

void FileDevice::finish(Io& io, Errc error) {
  CHECK(is_sound(io), "{}: the buffer of a request for {} bytes at {} was freed in flight", path_,
        io.length, io.offset);
  io.error = error;
  io.transferred = error == Errc::ok ? io.length : 0;
  if (error == Errc::ok && io.kind == IoKind::read) announce_target(io);
  if (error == Errc::ok && io.kind == IoKind::write) {
    announce_source(io, sector_size_);
    raise_size(io.offset + io.length);
  }
  // First: whoever waits for `done` may close and remove this device at once.
  leave();
  io.done(io);
}

void FileDevice::raise_size(uint64_t end) {
  uint64_t size = size_.load();
  while (size < end && !size_.compare_exchange_weak(size, end)) {
  }
}

int FileDevice::file_for(const std::byte* buffer, size_t length, uint64_t offset) const {
  const bool direct = direct_ >= 0 && is_aligned(reinterpret_cast<uintptr_t>(buffer)) &&
                      is_aligned(length) && is_aligned(offset);
  return direct ? direct_ : file_;
}

// A disk that wants another alignment than most do refuses, and gets it through the page cache.
template <typename Call>
long FileDevice::transfer(const std::byte* buffer, size_t length, uint64_t offset,
                          const Call& call) const {
  const int file = file_for(buffer, length, offset);
  const long count = until_done([&] { return call(file); });
  if (count >= 0 || errno != EINVAL || file == file_) return count;
  return until_done([&] { return call(file_); });
}

Errc FileDevice::read(Io& io) const {
  size_t done = 0;
  while (done < io.length) {
    std::byte* const buffer = io.buffer + done;
    const size_t length = io.length - done;
    const ssize_t count = transfer(buffer, length, io.offset + done, [&](int file) {
      return pread(file, buffer, length, static_cast<off_t>(io.offset + done));
    });
    if (count < 0) return errc_of(errno);
    if (count == 0) {
      std::memset(io.buffer + done, 0, io.length - done);
      break;
    }
    done += static_cast<size_t>(count);
  }
  return Errc::ok;
}

Errc FileDevice::write(const Io& io) const {
  announce_source(io, sector_size_);
  size_t done = 0;
  while (done < io.length) {
    // Past the sanitizers: they take this for an access of this thread to every byte, but it is
    // the device that reads, and what others write meanwhile is the engine's affair.
    std::byte* const buffer = io.buffer + done;
    const size_t length = io.length - done;
    const long count = transfer(buffer, length, io.offset + done, [&](int file) {
      return syscall(SYS_pwrite64, file, buffer, length, io.offset + done);
    });
    if (count < 0) return errc_of(errno);
    if (count == 0) return Errc::io;
    done += static_cast<size_t>(count);
  }
  return Errc::ok;
}

// One at a time: of two that ran at once, only one would hear of a failure.
Errc FileDevice::sync() {
  const std::lock_guard lock(sync_mutex_);
  if (sync_failed_) return Errc::io;
  if (until_done([this] { return fdatasync(file_); }) == 0) return Errc::ok;
  sync_failed_ = true;
  return errc_of(errno);
}

bool FileDevice::begin_sync(Io& io, Errc& error) {
  const std::lock_guard lock(sync_mutex_);
  if (!syncing_) {
    syncing_ = true;
    error = sync_failed_ ? Errc::io : Errc::ok;
    return true;
  }
  io.ticket = 0;
  if (waiting_last_ == nullptr) {
    waiting_first_ = &io;
  } else {
    waiting_last_->ticket = reinterpret_cast<uintptr_t>(&io);
  }
  waiting_last_ = &io;
  return false;
}

Io* FileDevice::end_sync(Errc own, Errc& error) {
  const std::lock_guard lock(sync_mutex_);
  sync_failed_ = sync_failed_ || own != Errc::ok;
  error = sync_failed_ ? Errc::io : Errc::ok;
  Io* const next = waiting_first_;
  syncing_ = next != nullptr;
  if (next != nullptr) waiting_first_ = reinterpret_cast<Io*>(next->ticket);
  if (waiting_first_ == nullptr) waiting_last_ = nullptr;
  return next;
}

void FileDevice::leave() {
  const std::lock_guard lock(mutex_);
  CHECK(in_flight_ > 0, "{} finishes more than it was given", path_);
  --in_flight_;
  close_if_unused();
}

void FileDevice::truncate_until(uint64_t offset) {
  const std::lock_guard shrink_lock(shrink_mutex_);
  uint64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    if (segment_size_ == 0) return;  // one segment, and it is not whole yet
    end = round_down(offset, segment_size_);
    if (end <= given_up_ || file_ < 0) return;
    shrinking_ = true;
  }
  // A file system that cannot punch holes keeps the bytes, which nobody may read.
  const auto from = static_cast<off_t>(given_up_);
  const auto length = static_cast<off_t>(end - given_up_);
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (until_done([&] { return fallocate(file_, kPunch, from, length); }) == 0) given_up_ = end;
  end_shrinking();
}

void FileDevice::reset() {
  const std::lock_guard shrink_lock(shrink_mutex_);
  {
    const std::lock_guard lock(mutex_);
    shrinking_ = true;
  }
  // Before: what is written from here on counts.
  const uint64_t size = size_.exchange(0);
  const bool emptied = empty_file();
  if (emptied) given_up_ = 0;
  if (!emptied) raise_size(size);
  {
    const std::lock_guard lock(mutex_);
    stale_ = !emptied;
  }
  end_shrinking();
  // If the file cannot be emptied, a sync must not pretend that it was.
  const std::lock_guard lock(sync_mutex_);
  sync_failed_ = !emptied;
}

// The one that is open, whatever stands behind its name by now. It waits for what is in flight: not
// under the lock that carriers take for a sync.
bool FileDevice::empty_file() {
  int file = -1;
  {
    const std::lock_guard lock(mutex_);
    file = file_;
  }
  if (file >= 0) return until_done([&] { return ftruncate(file, 0); }) == 0;
  return until_done([&] { return ::truncate(path_.c_str(), 0); }) == 0 || errno == ENOENT;
}

void FileDevice::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  close_if_unused();
}

void FileDevice::end_shrinking() {
  const std::lock_guard lock(mutex_);
  shrinking_ = false;
  close_if_unused();
}

void FileDevice::close_if_unused() {
  if (!closed_ || in_flight_ > 0 || shrinking_ || file_ < 0) return;
  // In so many words: a child that was forked meanwhile may have the descriptors as well. What a
  // close may still report, a sync has reported before or nobody has asked for.
  for (const int file : {file_, direct_}) {
    if (file < 0) continue;
    (void)flock(file, LOCK_UN);
    (void)::close(file);
  }
  file_ = direct_ = -1;
}

size_t FileDevice::in_flight() {
  const std::lock_guard lock(mutex_);
  return in_flight_;
}

}  // namespace orrery::engine
