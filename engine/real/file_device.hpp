// SPDX-License-Identifier: Apache-2.0
// A block device that is one file.
//
// Requests are checked at submit and refused inline; the rest is performed by the pool, with plain
// calls of the kernel: pread, pwrite, fdatasync. What was never written reads as zeros, also beyond
// the end. Once a sync has failed, so do all later ones until a reset: the kernel drops what it
// could not write, and the next sync of its would be a lie. After close the file stays open until
// the requests in flight have ended; the object stays, and may be opened again.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "engine/real/io_pool.hpp"
#include "engine/runtime/device.hpp"

namespace orrery::engine {

/// What a failed call of the kernel means to an engine.
Errc errc_of(int error_number);

class FileDevice final : public Device {
 public:
  FileDevice(std::string path, const DeviceOptions& options, IoPool& pool)
      : path_(std::move(path)), options_(options), pool_(pool) {}
  /// Requires: nothing is in flight.
  ~FileDevice();
  FileDevice(const FileDevice&) = delete;
  FileDevice& operator=(const FileDevice&) = delete;

  /// Opens the file, or goes on with the one that is open; makes it if it does not exist and need
  /// not. `made` says if it is new. Errors: not_found, io, no_space, no_memory.
  Result<void> open(bool must_exist, bool& made);

  void submit(Io& io, Site site) override;
  bool cancel(Io& io) override { return pool_.cancel(io); }
  /// Nothing is ever ready and not yet finished: the pool finishes what it has performed.
  bool try_complete() override { return false; }
  void truncate_until(uint64_t offset) override;
  void reset() override;
  void close() override;
  uint64_t size() override { return size_.load(); }
  uint32_t sector_size() const override { return options_.sector_size; }
  bool is_null() const override { return false; }

  /// Requests that were taken and whose `done` has not been called.
  size_t in_flight();

  /// For the pool: has the effect of the request, unless it was cancelled, and finishes it. The
  /// device may be gone before `done` returns.
  void perform(Io& io, bool cancelled);

 private:
  Errc refuse(const Io& io) const;
  Errc read(Io& io) const;
  Errc write(const Io& io);
  Errc sync();
  void leave();
  void close_file();

  const std::string path_;
  const DeviceOptions options_;
  IoPool& pool_;
  std::atomic<uint64_t> size_{0};

  std::mutex mutex_;
  int file_ = -1;          // changes under mutex_, and only while nothing is in flight
  bool closed_ = true;     // guarded by mutex_
  size_t in_flight_ = 0;   // guarded by mutex_
  uint64_t given_up_ = 0;  // guarded by mutex_: what is below was truncated

  std::mutex sync_mutex_;
  bool sync_failed_ = false;  // guarded by sync_mutex_
};

}  // namespace orrery::engine
