// SPDX-License-Identifier: Apache-2.0
// From the files of a checkpoint to a store that goes on: the log's pages, read in order, and the
// index, built from what they hold; or loaded, if an index checkpoint fits, and then brought up to
// date with what the log holds from its start on.
//
// Pages below the flushed address of the checkpoint are on the main device, the others in its
// snapshot. Each page is read whole, compared with its checksum where there is one, and walked with
// every length doubted: a page that makes no sense is an error with its address, never a walk. So
// is a part of the log that was never written, as far as that can be told: a main log that is too
// short, and nothing where there must be a record.
// Records of the next version are made invalid and left out of all chains. The newest pages stay in
// memory, as many as the ring holds, and are read into their frames; what must leave the snapshot
// for lack of room is written to the main device. A cache begins above the newest page that had
// left memory before its turn: what is older may have been replaced there. Nothing that the
// checkpoint needs is changed for the worse, so a crash in the middle is followed by the same
// recovery.
#pragma once

#include "engine/store/blocking_io.hpp"
#include "engine/store/checkpoint_files.hpp"
#include "engine/store/hash_index.hpp"
#include "engine/store/hybrid_log.hpp"
#include "engine/store/read_ahead.hpp"
#include "engine/store/snapshot_file.hpp"

namespace orrery::engine {

class Recovery {
 public:
  Recovery(const Runtime& runtime, const StoreOptions& options, HybridLog& log, HashIndex& index)
      : runtime_(runtime),
        options_(options),
        log_(log),
        index_(index),
        snapshot_(runtime, options) {}

  /// Requires: the log was initialised to begin at info.final, the index is empty, and nobody is
  /// inside the store. Errors: corrupt, no_memory, and those of the devices.
  Result<void> run(const CheckpointInfo& info);
  /// Whether run would find all it needs: as run, but nothing is written to any device. The index
  /// is empty afterwards; frames may hold pages of the log. Errors and requirements as there.
  Result<void> rehearse(const CheckpointInfo& info);

 private:
  enum class Source : uint8_t { main, snapshot };

  Result<void> read_all(const CheckpointInfo& info);
  void plan();
  Result<void> look_at_main() const;
  Result<void> recover_pages();
  Result<void> recover_page(int64_t page, const ReadAhead::Taken& taken);
  Result<ReadAhead::Piece> place_of(int64_t page) const;
  Result<ReadAhead::Piece> piece_of(int64_t page);
  static Result<void> check(void* context, uint64_t number, Bytes bytes);
  Result<Source> look_at(int64_t page, const ReadAhead::Taken& taken);
  Result<void> walk(LogAddr from, LogAddr until, MutableBytes image, bool stays);
  LogAddr announce(LogAddr address, LogAddr until, Bytes image);
  bool may_end_page(LogAddr address) const;
  Result<void> take_record(LogAddr address, std::byte* at, const RecordImage& record);
  Result<void> link(LogAddr address, RecordHeader& header, Bytes key);
  void undo(LogAddr address, std::byte* at, const RecordImage& record);
  static void clean(std::byte* at);
  PatientIo main_io();
  Result<void> write_back(int64_t page, const ReadAhead::Taken& taken, uint64_t size);
  LogAddr start_of(int64_t page) const;
  LogAddr end_of(int64_t page) const;
  bool is_on_main(int64_t page) const;
  bool is_lost(int64_t page) const;
  bool stays(int64_t page) const;
  LogAddr evicted_until() const;

  // recovery_index.cpp
  Result<void> load_index();
  Result<void> load_buckets(const IndexInfo& index);
  bool fits(const IndexInfo& index) const;
  Result<void> forget_indexes();

  Runtime runtime_;
  const StoreOptions& options_;
  HybridLog& log_;
  HashIndex& index_;
  CheckpointInfo info_;
  LogAddresses addresses_;
  SnapshotFile snapshot_;
  bool may_write_ = true;
  bool changed_ = false;    // the image is not what was read, in what a recovery looks at
  int64_t first_read_ = 0;  // page
  bool index_loaded_ = false;
  bool indexes_forgotten_ = false;
  LogAddr recover_from_ = 0;  // below this the index knows every record
};

}  // namespace orrery::engine
