// SPDX-License-Identifier: Apache-2.0
// The checkpoints that a storage holds: which there are, and what their metadata says.
//
// Only metadata that passes its checksum and makes sense counts; what a crash left half-written is
// passed over. The newest is the one of the highest version, then of the highest token: never by
// the time of a file.
#pragma once

#include "engine/runtime/memory.hpp"
#include "engine/runtime/runtime.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/options.hpp"

namespace orrery::engine {

/// Which checkpoint to recover.
struct RecoverOptions {
  uint64_t token = 0;                 // 0: the newest one
  uint64_t version_max = UINT64_MAX;  // of those up to this version
};

struct FoundCheckpoint {
  CheckpointInfo info;
  Array<SessionPoint> sessions;
  size_t session_count = 0;
};

/// The checkpoint that the options ask for. Errors: not_found if there is none that is valid,
/// invalid if it does not fit the options of the store, no_memory, and those of the devices.
Result<FoundCheckpoint> find_checkpoint(const Runtime& runtime, const StoreOptions& store,
                                        const RecoverOptions& wanted);

}  // namespace orrery::engine
