// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of everything that must be recognised after a crash.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/bytes.hpp"

namespace orrery::engine {

/// The checksum of `bytes`. `seed` continues an earlier one: crc32c(b, crc32c(a)) is that of a
/// followed by b.
uint32_t crc32c(Bytes bytes, uint32_t seed = 0);

/// The same on any processor; what crc32c falls back to.
uint32_t crc32c_by_table(Bytes bytes, uint32_t seed = 0);

/// Bytes: whoever brings many small pieces together does best to hand over so many at a time.
inline constexpr size_t kCrc32cBlock = 3072;

}  // namespace orrery::engine
