// SPDX-License-Identifier: Apache-2.0
// The checkpoints that a storage holds: which there are, what their metadata says, and when one of
// them goes.
//
// Only metadata that passes its checksum and makes sense counts; what a crash left half-written is
// passed over. Metadata of another format is whole, and somebody's: it is refused, never passed
// over and so never removed. The newest is the one of the highest version, then of the highest
// token: never by the time of a file. A checkpoint is removed with its metadata first, durably, so
// that no crash leaves metadata that speaks of files that are gone.
#pragma once

#include <array>

#include "engine/runtime/memory.hpp"
#include "engine/runtime/runtime.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/options.hpp"

namespace orrery::engine {

/// How the files of a store are opened: the small ones, and those that hold pages.
DeviceOptions file_options(const StoreOptions& store);
DeviceOptions page_file_options(const StoreOptions& store);

/// Opens what a checkpoint cannot be without, and leaves no empty file where it is missing. Errors:
/// corrupt if it is missing, and those of the storage.
Result<Device*> open_existing(const Runtime& runtime, std::string_view name,
                              const DeviceOptions& options);

/// Writes a small file whole, and syncs it; its name is the caller's to sync. Errors: those of the
/// storage and of the device.
Result<void> write_file(const Runtime& runtime, const StoreOptions& store, std::string_view name,
                        MutableBytes bytes);

/// Which checkpoint to recover. A store that goes back to an older one goes on from there: the
/// newer ones are removed once the older one was read, and before anything else is changed.
struct RecoverOptions {
  uint64_t token = 0;                 // 0: the newest one
  uint64_t version_max = UINT64_MAX;  // of those up to this version
  bool newest() const { return token == 0 && version_max == UINT64_MAX; }
};

struct FoundCheckpoint {
  CheckpointInfo info;
  Array<SessionPoint> sessions;
  size_t session_count = 0;
  LogAddr replay_from = 0;  // in the log of operations; 0: its beginning
  bool goes_back = false;   // it was asked for by name or version: there may be newer ones
};

/// The checkpoint that the options ask for; none whose place in the log of operations is at or
/// below `emptied`, where the store was emptied: 0 if it never was. Errors: not_found if there is
/// none that is valid, invalid if it does not fit the options of the store or if any metadata, of
/// the log or of an index, is of another format, no_memory, and those of the devices.
Result<FoundCheckpoint> find_checkpoint(const Runtime& runtime, const StoreOptions& store,
                                        const RecoverOptions& wanted, LogAddr emptied);

/// Sees to it that a new store harms nothing that can be recovered. Errors: exists if there is a
/// valid checkpoint of the log, or a log of operations; otherwise as above.
Result<void> refuse_existing(const Runtime& runtime, const StoreOptions& store);

/// The metadata of one checkpoint. Errors: corrupt, invalid if it is of another format, no_memory,
/// and those of the devices.
Result<FoundCheckpoint> read_metadata(const Runtime& runtime, const StoreOptions& store,
                                      uint64_t token);
Result<IndexInfo> read_index_metadata(const Runtime& runtime, const StoreOptions& store,
                                      uint64_t token);

/// Makes the files of a checkpoint of the log durable, once more. A life that died may have written
/// its metadata and not lived to sync it: whoever recovered from that must not take it for safe.
/// Errors: those of the devices.
Result<void> sync_checkpoint(const Runtime& runtime, const StoreOptions& store,
                             const CheckpointInfo& info);

/// What is not to be removed.
struct KeptCheckpoints {
  static constexpr size_t kMax = 16;
  struct One {
    uint64_t token = 0;
    uint64_t index_token = 0;  // of the index checkpoint that fits it; 0: there is none
    LogAddr begin = 0;
    LogAddr log_start = 0;
  };

  /// Takes in a newer one; the oldest goes if there is no room.
  void add(const One& newest);
  /// Forgets all but the newest so many.
  void limit_to(size_t count);
  bool holds(uint64_t token) const;
  bool holds_index(uint64_t token) const;
  /// Where the log and the log of operations must begin at the latest, for all of them.
  LogAddr begin() const { return lowest(&One::begin); }
  LogAddr log_start() const { return lowest(&One::log_start); }

  std::array<One, kMax> all{};  // oldest first
  size_t count = 0;
  uint64_t index_token = 0;  // of the newest index checkpoint, which the next may name; 0: none

 private:
  LogAddr lowest(LogAddr One::* which) const;
};

/// Removes the files of all checkpoints but these. Errors: io; then the names of what was removed
/// may come back, and so may files that no metadata speaks of, but no checkpoint is harmed.
Result<void> remove_others(const Runtime& runtime, const StoreOptions& store,
                           const KeptCheckpoints& kept);
/// Removes those that are newer than this one: a store that goes on from here writes over the log
/// that they need. Errors: as above, and those of reading metadata.
Result<void> remove_newer(const Runtime& runtime, const StoreOptions& store,
                          const CheckpointInfo& than);
/// Removes all index checkpoints, so that no checkpoint has one from then on. Errors: io.
Result<void> remove_indexes(const Runtime& runtime, const StoreOptions& store);
/// Removes the files of one checkpoint of the log and of the index, those that exist.
Result<void> remove_checkpoint(const Runtime& runtime, const StoreOptions& store, uint64_t token);

}  // namespace orrery::engine
