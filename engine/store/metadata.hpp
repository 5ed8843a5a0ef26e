// SPDX-License-Identifier: Apache-2.0
// What makes a checkpoint one: the contents of its `info.dat`, of the log's and of the index's.
//
// Both are files of lines (text_lines.hpp), one for each field below and in their order; in that of
// the log the sessions follow. A file that passes its checksum and makes no sense is corrupt all
// the same; one of another format is not, but is invalid.
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
  uint64_t token = 0;             // names the checkpoint's files
  bool use_snapshot_file = true;  // false: folded over, all of it is on the main device
  uint64_t version = 0;           // what the checkpoint captures
  uint64_t next_version = 0;      // what came after
  LogAddr flushed = 0;            // below this, records are on the main device
  LogAddr snapshot_start = 0;     // the snapshot file begins at the page of this address
  LogAddr start = 0;              // every record of the next version lies at or above
  LogAddr final = 0;              // the snapshot ends here
  LogAddr snapshot_final = 0;     // the same, for a snapshot
  LogAddr head = 0;               // at the time of `final`
  // Below this nothing is promised: what had been given up when the checkpoint began and, where
  // there is a main device, before it was committed. A cache keeps the first, as its snapshot has
  // the rest.
  LogAddr begin = 0;
  uint64_t page_bits = 0;
  uint64_t sector = 0;
  bool null_main = false;
  uint64_t pages = 0;           // in the page table
  uint64_t pages_checksum = 0;  // of it
  uint64_t index_token = 0;     // of the index checkpoint that fits this one; 0: there is none
  // In the log of operations all of the next version lies at or above this; 0: there is no log.
  LogAddr log_start = 0;
  friend bool operator==(const CheckpointInfo&, const CheckpointInfo&) = default;
};

/// What the files of an index checkpoint hold. Entries that were linked between `start` and `final`
/// may be there or not; whoever loads it looks at the log from `start` on.
struct IndexInfo {
  uint64_t token = 0;
  uint64_t version = 0;     // of the store when it began
  uint64_t index_bits = 0;  // the table has 1 << index_bits buckets
  uint64_t tag_bits = 0;
  uint64_t overflow = 0;  // buckets that follow the table
  LogAddr start = 0;      // the tail before the first bucket was read
  LogAddr final = 0;      // the tail after the last one was
  uint64_t sector = 0;
  uint64_t checksum = 0;  // crc32c of all buckets
  friend bool operator==(const IndexInfo&, const IndexInfo&) = default;
};

/// The size of a buffer that holds any encoding with so many sessions; a multiple of the sector.
size_t metadata_size_max(size_t sessions, uint64_t sector);
/// No file of metadata is larger: one that is, is none.
inline constexpr uint64_t kMetadataMax = uint64_t{64} << 20;

/// Returns the bytes used, a multiple of the sector. Requires: `out` is large enough, and zero.
size_t encode_metadata(const CheckpointInfo& info, std::span<const SessionPoint> sessions,
                       MutableBytes out);

struct DecodedMetadata {
  CheckpointInfo info;
  size_t session_count = 0;  // may exceed the room given
};

/// Fills `sessions` as far as they fit. Errors: corrupt; invalid, with the number of the format, if
/// it is another one.
Result<DecodedMetadata> decode_metadata(Bytes file, std::span<SessionPoint> sessions);

/// The same for the index. A buffer of index_metadata_size bytes holds any encoding.
size_t index_metadata_size(uint64_t sector);
size_t encode_index_metadata(const IndexInfo& info, MutableBytes out);
Result<IndexInfo> decode_index_metadata(Bytes file);

}  // namespace orrery::engine
