// SPDX-License-Identifier: Apache-2.0
// The snapshot of a checkpoint as it is read: the table of its pages, and each page against its
// checksum. Recovery reads it, and before that whoever wrote it and is about to remove older
// checkpoints on its account.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/options.hpp"
#include "engine/store/page_table.hpp"

namespace orrery::engine {

class SnapshotFile {
 public:
  /// `options` outlives it.
  SnapshotFile(const Runtime& runtime, const StoreOptions& options);
  ~SnapshotFile() { close(); }
  SnapshotFile(const SnapshotFile&) = delete;
  SnapshotFile& operator=(const SnapshotFile&) = delete;

  /// Requires: info.pages > 0. Errors: corrupt, also if a file is missing; no_memory, and those of
  /// the devices.
  Result<void> open(const CheckpointInfo& info);
  void close();

  /// Reads what the checkpoint has of a page to the start of `buffer`, which has room for a page,
  /// rounded up to the sector. False if it was left out. Requires: open. Errors: corrupt, with the
  /// address of the page, also if the page is not in the table; and those of the device.
  Result<bool> read_page(int64_t page, MutableBytes buffer);
  /// Reads every page that was not left out. Errors: as above, and no_memory.
  Result<void> read_all();

  /// Of a snapshot that was never opened: an empty one.
  const PageTable& table() const { return table_; }

 private:
  Result<void> read_table();

  Runtime runtime_;
  const StoreOptions& options_;
  Geometry geometry_;
  CheckpointInfo info_;
  PageTable table_;
  Device* file_ = nullptr;
};

}  // namespace orrery::engine
