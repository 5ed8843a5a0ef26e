// SPDX-License-Identifier: Apache-2.0
// Block devices and their names, as an engine sees them. What a completion promises, and what it
// does not.
//
// A request is an Io that the caller owns. It is finished exactly once, by a call of `done`:
// perhaps inline, in the submitter's stack, before submit returns; perhaps on any other task,
// protected by nothing; perhaps much later; in any order. A caller survives all of these. Until
// then the Io and its buffer belong to the device, which reads the source of a write at any instant
// before it finishes. A failed request is indeterminate: it may have had its whole effect, a part,
// or none. A finished write is *accepted*; only a finished sync makes what was accepted before it
// durable. What was never written reads as zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/runtime/frames.hpp"
#include "engine/runtime/points.hpp"

namespace orrery::engine {

enum class IoKind : uint8_t { read, write, sync };

struct Io {
  // Set by the caller.
  IoKind kind = IoKind::read;
  uint64_t offset = 0;  // bytes from the start of the device; a multiple of the sector
  size_t length = 0;    // bytes; a multiple of the sector; never crosses a segment; 0 for sync
  std::byte* buffer = nullptr;   // source or target, aligned to 8; in Memory, or in `frame`
  const Frame* frame = nullptr;  // the frame that holds the buffer, if one does
  void (*done)(Io&) = nullptr;   // called once; may free the Io
  void* owner = nullptr;         // for `done`

  // Set by the device before `done`.
  Errc error = Errc::ok;
  size_t transferred = 0;  // bytes; less than `length` is a short transfer, also where error is ok

  // The device's own.
  uint64_t ticket = 0;
};

struct DeviceOptions {
  uint64_t segment_size = 0;   // bytes, a power of two; 0 = one unbounded segment
  uint32_t sector_size = 512;  // bytes, a power of two from 8
  bool must_exist = false;     // it is not made: open fails with not_found
};

class Device {
 public:
  /// Takes the request. Never fails and never blocks: a request that cannot be taken is finished
  /// with an error.
  virtual void submit(Io& io, Site site = Site::current()) = 0;

  /// Asks to give the request up. True: it is finished with Errc::cancelled, once, by the usual
  /// call of `done`. False: it takes its course.
  virtual bool cancel(Io& io) = 0;

  /// Lets the device finish what is ready on the caller's stack. True if it finished something.
  virtual bool try_complete() = 0;

  /// Gives up all whole segments below `offset`. Nothing below it may be read afterwards.
  virtual void truncate_until(uint64_t offset) = 0;

  /// Drops all contents. In-flight requests are not cancelled.
  virtual void reset() = 0;

  /// No submit may follow. In-flight requests are finished, perhaps with Errc::cancelled.
  virtual void close() = 0;

  /// One past the last byte ever written.
  virtual uint64_t size() = 0;

  virtual uint32_t sector_size() const = 0;

  /// True for the device that stores nothing: writes succeed at once, reads leave the buffer as it
  /// was.
  virtual bool is_null() const = 0;

 protected:
  ~Device() = default;
};

class Storage {
 public:
  /// Opens the device `name`, making it if it does not exist and need not. Names are up to 200
  /// characters of [a-z0-9./-]. The storage owns the device until it is closed. Errors: not_found,
  /// io, no_space, no_memory, invalid.
  virtual Result<Device*> open(std::string_view name, const DeviceOptions& options) = 0;

  /// Removes a name and its contents. Errors: not_found, io.
  virtual Result<void> remove(std::string_view name) = 0;

  /// Calls `visit` for each name that starts with `prefix`, in alphabetical order. Errors: io,
  /// no_memory; then it has visited none, which says nothing of what names there are.
  virtual Result<void> list(std::string_view prefix, void (*visit)(void*, std::string_view),
                            void* argument) = 0;

  /// Makes every name that was made or removed before it durable. A name without it may vanish at
  /// power loss, whatever was synced into the device. Errors: io.
  virtual Result<void> sync_names() = 0;

 protected:
  ~Storage() = default;
};

}  // namespace orrery::engine
