// SPDX-License-Identifier: Apache-2.0
// What the sanitizers cannot see by themselves: the kernel reads and writes buffers behind their
// backs. The device asks and tells them here. In a build without them, nothing happens.
#pragma once

#include <cstdint>

#include "engine/runtime/device.hpp"

namespace orrery::engine {

/// False if the address sanitizer knows that a part of the buffer is no memory of the caller's:
/// freed, out of bounds, or of a function that has returned.
bool is_sound(const Io& io);

/// Tells the race detector what the device reads for a write: whole words, as a header word may
/// change its bits meanwhile. A frame that is cleared or unmapped under a write is then a race.
/// Nothing is said of the last sector, which others may go on to fill: that part of it will be
/// written again.
void announce_source(const Io& io, uint32_t sector_size);

/// Tells the race detector that the device has filled the buffer of a read.
void announce_target(const Io& io);

}  // namespace orrery::engine
