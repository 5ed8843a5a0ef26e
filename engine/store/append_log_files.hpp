// SPDX-License-Identifier: Apache-2.0
// The files of an append log, and what a commit file says.
//
//   <prefix>/log                       the main device: the entries
//   <prefix>/log-commits/commit.<n>    the metadata of commit n; n in 16 hexadecimal digits
//
//   u32 length of the payload   u32 crc32c of it   payload   zeros up to the sector
//
// A commit file is written once, under a name of its own, and removed when a later one is durable.
// The newest is the one of the highest number that passes its checksum and makes sense; never the
// one of the latest time. Decoding never reads past its input and never trusts a number in it.
#pragma once

#include <array>
#include <string_view>

#include "engine/runtime/runtime.hpp"
#include "engine/store/append_log_marks.hpp"
#include "engine/store/holes.hpp"

namespace orrery::engine {

/// What a commit makes durable: the entries of [begin, until), without the holes.
struct CommitInfo {
  uint64_t number = 0;       // of the commit; each is larger than all before
  uint32_t incarnation = 0;  // what was written behind `until`, or will be, is of this one
  bool fast = false;         // commits after this one may be records behind `until`
  LogAddr begin = 0;
  LogAddr until = 0;
  uint64_t page_bits = 0;
  uint64_t sector = 0;
  Holes holes;
  CommitMarks marks;
  friend bool operator==(const CommitInfo&, const CommitInfo&) = default;
};

/// The size of a commit file; a multiple of the sector.
size_t commit_file_size(uint64_t sector);
/// Requires: `out` has commit_file_size() bytes, all zero.
void encode_commit(const CommitInfo& info, MutableBytes out);
/// Errors: corrupt; invalid, with the number of the format, if it is another one.
Result<CommitInfo> decode_commit(Bytes file);

/// A name in a buffer of its own.
class LogName {
 public:
  static LogName main(std::string_view prefix);
  static LogName commit(std::string_view prefix, uint64_t number);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 200> text_{};
  size_t size_ = 0;
};

/// The number in the name of a commit file, or 0.
uint64_t number_of_commit(std::string_view name, std::string_view prefix);

class CommitFiles {
 public:
  /// `prefix` outlives it.
  CommitFiles(const Runtime& runtime, std::string_view prefix, uint32_t sector)
      : runtime_(runtime), prefix_(prefix), sector_(sector) {}

  /// The newest valid commit. Errors: not_found if there is no file (why_none() says more), or none
  /// that is whole and no log; corrupt if none is whole and the log has bytes; no_memory, and those
  /// of the devices: a file that cannot be read is not passed over.
  Result<CommitInfo> find_newest() const;

  /// Why there is no valid commit. not_found: the log has no bytes, so nothing is left of one if
  /// there was any; corrupt: it has; or an error of the devices.
  Error why_none() const;

  /// The highest number that any file has, valid or not; 0 if there is none. Errors: those of the
  /// storage.
  Result<uint64_t> highest_number() const;

  /// Makes the commit durable: its file, the bytes in it and its name. Errors: no_memory, and those
  /// of the devices; the file may be there all the same.
  Result<void> write(const CommitInfo& info) const;

  /// Removes the files of lower numbers, as far as it succeeds.
  void remove_below(uint64_t number) const;

 private:
  Result<CommitInfo> read(uint64_t number) const;

  Runtime runtime_;
  std::string_view prefix_;
  uint32_t sector_;
};

}  // namespace orrery::engine
