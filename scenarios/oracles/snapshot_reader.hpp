// SPDX-License-Identifier: Apache-2.0
// Reads the files of a checkpoint, independently of the engine, and says what they hold.
//
// In come the bytes of the metadata, of the snapshot and of the main log, as they lie on the
// devices. Out come the metadata, the newest value of each key, and a finding for everything that
// is not as it must be. It shares no code with the engine, so that it cannot share its mistakes:
// the format is written down here once more. A file may end early; what is missing counts as zeros,
// and zeros are holes. It is read in place, whatever its size. It never trusts a length, never
// reads outside the files, never changes a byte, and never guesses what damaged bytes may have
// meant: it reports them and goes on with the next page.
//
// Metadata: u32 length, u32 crc32c, then lines `name value`, padded with zeros to a sector.
// Snapshot: page p stands at stride * (p - page(snapshot_start)), the stride being the page size
// rounded up to a sector; in the main log it stands at stride * p.
// Record: u64 header; i32 length and bytes of the key, padded to 8 in all; i32 length and bytes of
// the value; if the header says Filler, an i32 more bytes, aligned to 4, that belong to the record;
// padded to 8. A header of zero is a hole of 8 bytes.
// Page table: for each page of the snapshot a u32 checksum, and a u32 whose lowest two bits are 2
// if there is one; the others say at which offset in the page its bytes begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/bytes.hpp"
#include "scenarios/oracles/file_view.hpp"

namespace orrery::scenarios {

struct CheckpointFiles {
  engine::Bytes info;  // info.dat
  FileView snapshot;   // snapshot.dat
  FileView log;        // the main log; not looked at if the metadata says that it is null
  FileView table;      // pages.dat; only with a snapshot
};

struct SessionMark {
  uint64_t id = 0;
  uint64_t serial = 0;  // of the last operation that the checkpoint contains
};

/// The metadata, in the order of the file.
struct Checkpoint {
  uint64_t token = 0;
  uint64_t version = 0;
  uint64_t next_version = 0;
  int64_t flushed = 0;  // below this, the main log is the source
  int64_t snapshot_start = 0;
  int64_t start = 0;  // records of the next version are at or above this
  int64_t final = 0;  // the end of the checkpoint
  int64_t snapshot_final = 0;
  int64_t head = 0;
  int64_t begin = 0;
  uint32_t page_bits = 0;
  uint64_t sector = 0;
  bool null_main = false;  // there is no main log: the snapshot is all there is
  uint64_t pages = 0;      // entries of the page table
  uint64_t pages_checksum = 0;
  bool use_snapshot_file = true;  // false: folded over, the main log holds it all
  uint64_t index_token = 0;       // of the index checkpoint that it names
  int64_t log_start = 0;          // where the log of operations goes on; 0: there is none
  std::vector<SessionMark> sessions;
};

/// Of a longer value only so much is kept.
inline constexpr uint64_t kValueKept = 4096;

/// One key that is present.
struct RecoveredEntry {
  uint64_t number = 0;  // the first eight bytes of the key, little-endian
  engine::Bytes key;
  engine::Bytes value;  // its first kValueKept bytes
  uint64_t value_size = 0;
  int64_t address = 0;
};

enum class Flaw : uint8_t {
  metadata_size,      // the file is shorter than it says
  metadata_checksum,  // the payload is not what was written
  metadata_text,      // a line is missing, out of place or not a number
  metadata_value,     // a number that makes no sense by itself
  metadata_order,     // numbers that contradict one another
  page_table,         // a page whose checksum leaves out what the checkpoint holds, or is wrong
  record_length,      // a length below zero, or one that leads out of the page or the log
  record_cut_off,     // a valid record goes on beyond the end of its file
};

/// Of info.dat alone, whatever the files that it speaks of hold.
constexpr bool is_of_metadata(Flaw flaw) { return flaw <= Flaw::metadata_order; }

struct SnapshotFinding {
  Flaw flaw = Flaw::metadata_size;
  int64_t where = 0;  // an offset in info.dat, or the address of a record
  // The record lies where the next version was being written while the image was taken.
  bool fuzzy = false;
  std::string text;
};

class SnapshotReader {
 public:
  SnapshotReader();
  ~SnapshotReader();

  /// Reads a checkpoint. False if its metadata says nothing that can be used: then there are
  /// findings and nothing else. True with findings is possible too.
  bool read(const CheckpointFiles& files);

  /// The same of its metadata alone: there are no entries.
  bool read_metadata(engine::Bytes info);

  const Checkpoint& checkpoint() const;

  /// By number, then by the bytes of the key. Valid until the next read().
  std::span<const RecoveredEntry> entries() const;

  std::span<const SnapshotFinding> findings() const;

  /// The entry with this number; null if there is none. Of several, the first.
  const RecoveredEntry* find(uint64_t number) const;

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace orrery::scenarios
