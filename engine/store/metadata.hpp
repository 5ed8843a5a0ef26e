// SPDX-License-Identifier: Apache-2.0
// What makes a checkpoint one: the contents of its `info.dat`.
//
//   u32 payload length   u32 crc32c of the payload   payload   zeros up to the sector
//
// The payload is text, one `name value` a line, in the order of the fields below, then the
// sessions. A file that is torn, stale or damaged fails its checksum; one that passes it and makes
// no sense is corrupt all the same. Decoding never reads past its input and never trusts a number
// in it.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/bytes.hpp"
#include "engine/base/result.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

/// How far a session had come: the operations it had finished when it entered the next version. An
/// operation that was pending then finishes later and belongs to the version it finishes in, so no
/// list of excluded serials is needed (the original keeps one): serials count in the order in which
/// operations finish, not in that in which they were issued.
struct SessionPoint {
  uint64_t id = 0;
  uint64_t serial = 0;
  friend bool operator==(const SessionPoint&, const SessionPoint&) = default;
};

struct CheckpointInfo {
  uint64_t token = 0;          // names the checkpoint's files
  uint64_t version = 0;        // what the checkpoint captures
  uint64_t next_version = 0;   // what came after
  LogAddr flushed = 0;         // below this, records are on the main device
  LogAddr snapshot_start = 0;  // the snapshot file begins at the page of this address
  LogAddr start = 0;           // every record of the next version lies at or above
  LogAddr final = 0;           // the snapshot ends here
  LogAddr snapshot_final = 0;  // the same, for a snapshot
  LogAddr head = 0;            // at the time of `final`
  LogAddr begin = 0;           // at the time of `start`
  uint64_t page_bits = 0;
  uint64_t sector = 0;
  bool null_main = false;
  uint64_t pages = 0;           // in the page table
  uint64_t pages_checksum = 0;  // of it
  friend bool operator==(const CheckpointInfo&, const CheckpointInfo&) = default;
};

/// The size of a buffer that holds any encoding with so many sessions; a multiple of the sector.
size_t metadata_size_max(size_t sessions, uint64_t sector);

/// Returns the bytes used, a multiple of the sector. Requires: `out` is large enough, and zero.
size_t encode_metadata(const CheckpointInfo& info, std::span<const SessionPoint> sessions,
                       MutableBytes out);

struct DecodedMetadata {
  CheckpointInfo info;
  size_t session_count = 0;  // may exceed the room given
};

/// Fills `sessions` as far as they fit. Errors: corrupt.
Result<DecodedMetadata> decode_metadata(Bytes file, std::span<SessionPoint> sessions);

}  // namespace orrery::engine
