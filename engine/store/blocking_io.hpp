// SPDX-License-Identifier: Apache-2.0
// One request to a device, waited for; that of a log is made again if it fails. For whoever has
// nothing else to do: checkpoints and recovery, commits and readers of a log, never operations.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/store/options.hpp"
#include "engine/store/outstanding.hpp"

namespace orrery::engine {

/// Of buffers: what devices that bypass the system's cache want.
inline constexpr size_t kIoAlignment = 512;

/// Submits `io`, whose `done` and `owner` are set here: `finished` is set at its end.
void submit_io(Device& device, Io& io, Signal& finished);
/// Of a request that is finished. A short transfer is an error. Errors: those of the device.
Result<void> outcome_of(const Io& io);

/// Both, and waits in between.
/// Requires: the caller is not protected: the device may take its time. Errors: those of the
/// device.
Result<void> run_io(Tasks& tasks, Device& device, Io& io);

/// Writes or reads `bytes` at `offset`. Requires: offset and size are multiples of the sector.
Result<void> write_blocking(Tasks& tasks, Device& device, uint64_t offset, MutableBytes bytes);
Result<void> read_blocking(Tasks& tasks, Device& device, uint64_t offset, MutableBytes bytes);
Result<void> sync_blocking(Tasks& tasks, Device& device);

/// Sleeps. Requires: the caller is not protected.
void pause(const Runtime& runtime, Duration length);

/// Reads and writes of the device of a log, each tried again as its policy says. Not so a sync:
/// once one has failed nobody knows what became of what it was to cover, and a second one that
/// succeeds says nothing of that. The bytes are those of `frame`, if one is named. Errors: those of
/// the last attempt.
class PatientIo {
 public:
  PatientIo(const Runtime& runtime, Device& device, const RetryPolicy& policy)
      : runtime_(runtime), device_(device), policy_(policy) {}

  Result<void> write(uint64_t offset, MutableBytes bytes, const Frame* frame = nullptr);
  Result<void> read(uint64_t offset, MutableBytes bytes);
  /// The same where somebody has made the first attempt, and `first` came of it.
  Result<void> read_on(Result<void> first, uint64_t offset, MutableBytes bytes,
                       const Frame* frame = nullptr);

 private:
  Result<void> go_on(Result<void> done, const Io& again);

  Runtime runtime_;
  Device& device_;
  RetryPolicy policy_;
};

}  // namespace orrery::engine
