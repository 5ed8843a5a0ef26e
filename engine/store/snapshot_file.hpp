// SPDX-License-Identifier: Apache-2.0
// The snapshot of a checkpoint as it is read: the table of its pages, and each page against its
// checksum. Recovery reads it, and before that whoever wrote it and is about to remove older
// checkpoints on its account.
#pragma once

#include "engine/runtime/runtime.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/options.hpp"
#include "engine/store/page_table.hpp"
#include "engine/store/read_ahead.hpp"

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

  /// Where the checkpoint has a page; no device if it was left out. Requires: open. Errors:
  /// corrupt, with the address of the page: it is not in the table, or behind the end of the file.
  Result<ReadAhead::Piece> place_of(int64_t page) const;
  /// Compares what was read from there with the checksum, if it has one. Errors: corrupt, with the
  /// address of the page.
  Result<void> check_page(int64_t page, Bytes bytes) const;
  /// Reads every page that was not left out. Errors: as above, no_memory, and those of the device.
  Result<void> read_all();

  /// Of a snapshot that was never opened: an empty one.
  const PageTable& table() const { return table_; }

 private:
  Result<void> read_table();
  size_t size_of(int64_t page) const;

  Runtime runtime_;
  const StoreOptions& options_;
  Geometry geometry_;
  CheckpointInfo info_;
  PageTable table_;
  Device* file_ = nullptr;
};

}  // namespace orrery::engine
