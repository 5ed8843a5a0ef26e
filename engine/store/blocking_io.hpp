// SPDX-License-Identifier: Apache-2.0
// One request to a device, waited for. For whoever has nothing else to do: checkpoints and
// recovery, never operations.
#pragma once

#include "engine/runtime/device.hpp"
#include "engine/runtime/tasks.hpp"

namespace orrery::engine {

/// Of buffers: what devices that bypass the system's cache want.
inline constexpr size_t kIoAlignment = 512;

/// Submits `io` (whose `done` and `owner` are set here) and waits. A short transfer is an error.
/// Requires: the caller is not protected: the device may take its time. Errors: those of the
/// device.
Result<void> run_io(Tasks& tasks, Device& device, Io& io);

/// Writes or reads `bytes` at `offset`. Requires: offset and size are multiples of the sector.
Result<void> write_blocking(Tasks& tasks, Device& device, uint64_t offset, MutableBytes bytes);
Result<void> read_blocking(Tasks& tasks, Device& device, uint64_t offset, MutableBytes bytes);
Result<void> sync_blocking(Tasks& tasks, Device& device);

}  // namespace orrery::engine
