// SPDX-License-Identifier: Apache-2.0
// The table of an index checkpoint as it is read, bucket by bucket, and its checksum.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/options.hpp"

namespace orrery::engine {

/// So many bytes of an index are written or read at once: few enough for a small one to be many
/// requests, which faults may tell apart, and many enough for the disk. A multiple of the sector.
size_t index_chunk(uint64_t table_size, uint64_t sector);

/// Who gets the buckets, in order; they count for nothing if an error follows.
struct BucketTaker {
  void (*take)(void* context, uint64_t number, Bytes bucket) = nullptr;  // null: nobody
  void* context = nullptr;
};

/// Errors: corrupt, also if the file is missing or too short; no_memory, and those of the devices.
Result<void> read_index_table(const Runtime& runtime, const StoreOptions& store,
                              const IndexInfo& index, const BucketTaker& taker);

}  // namespace orrery::engine
