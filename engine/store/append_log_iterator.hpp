// SPDX-License-Identifier: Apache-2.0
// Reads an append log in order, from memory or from the device, while it grows and loses its oldest
// entries.
//
// Every entry is copied, under the epoch if it is in memory, and its bounds and checksum are looked
// at before anybody gets it. Commit records (unless asked for), page ends and holes are passed
// over; what was given up is jumped over. An error leaves the iterator where it is: a device that
// failed may be asked again, and damage is met again, unless it is to be passed over.
#pragma once

#include <optional>

#include "engine/store/append_log.hpp"

namespace orrery::engine {

struct IteratorOptions {
  LogAddr from = 0;             // below begin: from begin on
  bool uncommitted = false;     // up to the safe tail, not only what is durable
  bool passes_damage = false;   // goes on with the next page behind an entry that is damaged
  std::string_view name;        // not empty: begins at the position of that name, if above `from`
  bool commit_records = false;  // delivers them as well, where the log has any
};

struct LogEntry {
  LogAddr address = kInvalidAddr;
  LogAddr end = kInvalidAddr;
  Bytes payload;                     // good until the next call
  EntryKind kind = EntryKind::data;  // or commit: see decode_commit_record
};

class AppendLogIterator {
 public:
  /// The log outlives it.
  AppendLogIterator(const Runtime& runtime, AppendLog& log, const IteratorOptions& options)
      : runtime_(runtime), log_(log), options_(options), next_(options.from) {}
  /// To be called first. Errors: no_memory.
  Result<void> initialise();

  /// The next entry; nothing if there is none yet. Requires: not protected. Errors: corrupt, with
  /// the address, and those of the device.
  Result<std::optional<LogEntry>> get_next();

  /// Waits until the log has something behind next(): durable, or complete for who reads more than
  /// that. True: get_next() gets an entry, or passes over what is none. False: nothing will come,
  /// since nobody is to wait any more. Requires: not protected. Errors: those of the device, once
  /// the log has failed and there is nothing left to read.
  Result<bool> wait_for_more();

  /// Everything before next() was made use of: from the next commit on, a reader of the same name
  /// goes on here, in whichever life of the log. Requires: it has a name. Errors: those of
  /// AppendLog::set_position.
  Result<void> keep_position();

  /// Where it goes on.
  LogAddr next() const { return next_; }

 private:
  Result<bool> wait_behind_limit();
  LogAddr limit();
  bool skip();
  Result<std::optional<LogEntry>> read_one(LogAddr limit);
  Result<bool> load(LogAddr limit);
  Result<bool> load_from_memory(LogAddr limit);
  Result<bool> load_from_device(LogAddr limit, LogAddr head);
  Result<void> read_page(LogAddr until);
  Result<std::optional<LogEntry>> take(LogAddr limit);
  Error damage(const char* what) const { return {Errc::corrupt, what, next_}; }

  Runtime runtime_;
  AppendLog& log_;
  IteratorOptions options_;
  LogAddr next_;
  Array<std::byte> entry_;  // a copy of what stands at next_
  size_t entry_size_ = 0;
  Array<std::byte> page_;   // what the device has of a page
  LogAddr page_start_ = 0;  // of it
  LogAddr page_until_ = 0;  // what is above is not known; at most page_start_: nothing is
  Holes holes_;
  uint32_t hole_turn_ = 0;  // of holes_
};

}  // namespace orrery::engine
