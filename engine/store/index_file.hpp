// SPDX-License-Identifier: Apache-2.0
// The table of an index checkpoint as it is read, and its checksum.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/store/index_loader.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/options.hpp"

namespace orrery::engine {

/// So many bytes of an index are written or read at once: few enough for a small one to be many
/// requests, which faults may tell apart, and many enough for the disk. A multiple of the sector.
size_t index_chunk(uint64_t table_size, uint64_t sector);

/// Reads all of it. The buckets go to the loader, if there is one; they count for nothing if an
/// error follows. Errors: corrupt, also if the file is missing or too short; no_memory, and those
/// of the devices and of the loader.
Result<void> read_index_table(const Runtime& runtime, const StoreOptions& store,
                              const IndexInfo& index, IndexLoader* loader);

}  // namespace orrery::engine
