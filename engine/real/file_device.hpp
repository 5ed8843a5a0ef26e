// SPDX-License-Identifier: Apache-2.0
// A block device that is one file.
//
// Requests are checked at submit and refused inline; the rest a carrier has its effect on the file.
// What was never written reads as zeros, also beyond the end. Once a sync has failed, so do all
// later ones until a reset: the kernel drops what it could not write, and the next sync of its
// would be a lie. Once a reset has failed, so do all requests (io) until one works: what the file
// still holds is nothing that anybody may see. After close the file stays open until the requests
// in flight have ended; the object stays, and may be opened again, also with another segment size.
//
// On ext4 and XFS transfers go past the page cache of the kernel (O_DIRECT) if buffer, length and
// offset are multiples of 512; all others, and all of a device whose sectors are smaller, go
// through it. File systems that have a checksum for each block are left alone: the engine changes a
// page while it is written, and no copy would stand between. Both ways at once for one range of
// 4 KiB is nothing that the kernel promises to order.
//
// The file is locked (flock) as long as it is open or the kernel has a request for it: what a
// process that was killed had asked for may come to the disk after its end, and who opens the file
// next waits for that.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "engine/real/io_carrier.hpp"
#include "engine/runtime/device.hpp"

namespace orrery::engine {

/// What a failed call of the kernel means to an engine.
Errc errc_of(int error_number);

/// Whether files of the file system of this one, or of this folder, may be written past the page
/// cache while what is written changes.
bool may_be_direct(int file);

class FileDevice final : public Device {
 public:
  /// The carrier outlives this. `direct`: past the page cache, where it is possible.
  FileDevice(std::string path, const DeviceOptions& options, IoCarrier& carrier, bool direct)
      : path_(std::move(path)),
        sector_size_(options.sector_size),
        carrier_(carrier),
        wants_direct_(direct),
        segment_size_(options.segment_size) {}
  /// Requires: nothing is in flight.
  ~FileDevice();
  FileDevice(const FileDevice&) = delete;
  FileDevice& operator=(const FileDevice&) = delete;

  /// Opens the file, or goes on with the one that is open; makes it if it does not exist and need
  /// not. Requires: it is not being opened already. Errors: not_found, io, also if another process
  /// has it open for seconds, no_space, no_memory; invalid, if the sector size is another, or the
  /// segment size while it is open.
  Result<void> open(const DeviceOptions& options);

  void submit(Io& io, Site site) override;
  bool cancel(Io& io) override { return carrier_.cancel(io); }
  /// Nothing is ever ready and not yet finished: the carrier finishes what it has performed.
  bool try_complete() override { return false; }
  void truncate_until(uint64_t offset) override;
  void reset() override;
  void close() override;
  uint64_t size() override { return size_.load(); }
  uint32_t sector_size() const override { return sector_size_; }
  bool is_null() const override { return false; }

  /// Requests that were taken and whose `done` has not been called.
  size_t in_flight();

  // For the carriers, and of a request that is in flight.

  /// Has the effect of the request by calls of the kernel.
  Errc perform(Io& io);
  /// The file, and the one to transfer with: another if it can be done past the page cache.
  int file() const { return file_; }
  int file_for(const std::byte* buffer, size_t length, uint64_t offset) const;
  /// True: it is the turn of this sync; `error` says if it has failed already. False: it will be
  /// when those before it have ended.
  bool begin_sync(Io& io, Errc& error);
  /// `own`: what the kernel has said, or ok if it was not asked. Returns whose turn is next, if
  /// anybody waits, and in `error` whether it has failed already.
  Io* end_sync(Errc own, Errc& error);
  /// Calls `done`. The device may be gone before that returns.
  void finish(Io& io, Errc error);

 private:
  Errc refuse(const Io& io) const;
  Result<int> open_file(bool must_exist) const;
  static Result<void> lock_file(int file);
  template <typename Call>
  long transfer(const std::byte* buffer, size_t length, uint64_t offset, const Call& call) const;
  Errc read(Io& io) const;
  Errc write(const Io& io) const;
  Errc sync();
  void raise_size(uint64_t end);
  bool empty_file();
  void leave();
  void end_shrinking();
  void close_if_unused();

  const std::string path_;
  const uint32_t sector_size_;
  IoCarrier& carrier_;
  const bool wants_direct_;
  std::atomic<uint64_t> size_{0};

  // Taken before mutex_, and held for as long as the kernel takes to give room back.
  std::mutex shrink_mutex_;
  uint64_t given_up_ = 0;  // guarded by shrink_mutex_: what is below was truncated

  std::mutex mutex_;       // held for no call of the kernel that may take its time
  int file_ = -1;          // changes under mutex_, and only while nothing is in flight
  int direct_ = -1;        // the same file past the page cache, if that can be; changes as file_
  uint64_t segment_size_;  // guarded by mutex_, as all below
  bool closed_ = true;
  bool shrinking_ = false;  // the file is in use by a truncation or a reset
  bool stale_ = false;      // a reset has failed: the file holds what nobody may see
  size_t in_flight_ = 0;

  std::mutex sync_mutex_;
  bool sync_failed_ = false;     // guarded by sync_mutex_, as all below
  bool syncing_ = false;         // a carrier has a sync under way
  Io* waiting_first_ = nullptr;  // syncs that wait for their turn, linked by their tickets
  Io* waiting_last_ = nullptr;
};

}  // namespace orrery::engine
