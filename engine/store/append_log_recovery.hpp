// SPDX-License-Identifier: Apache-2.0
// From the files of an append log to a log that goes on where its last durable commit ended.
//
// The newest valid commit file says where. In the fast mode later commits may be records behind it:
// the entries are read on, page by page, and every commit record that is met moves the end. The
// first thing that is no entry of the same incarnation, with a good checksum, ends the search: what
// an earlier life left there is of an older incarnation, and what was lost with power leaves zeros
// or no checksum. What was found is synced, and a commit file with a new incarnation made durable,
// before anybody may append: so a crash in the middle, or right behind, is followed by a recovery
// that finds the same.
#pragma once

#include "engine/store/append_log.hpp"

namespace orrery::engine {

class AppendLogRecovery {
 public:
  AppendLogRecovery(const Runtime& runtime, AppendLog& log) : runtime_(runtime), log_(log) {}

  /// Errors: those of AppendLog::recover.
  Result<void> run();

 private:
  Result<void> check_geometry() const;
  Result<void> look_at_device() const;
  Result<void> follow_records();
  Result<bool> follow_page();
  bool take(const EntryView& entry);
  Result<void> read_page(LogAddr until);
  Result<void> load_tail_page();

  Runtime runtime_;
  AppendLog& log_;
  Geometry geometry_;
  CommitInfo found_;  // what is durable, as far as it is known
  LogAddr at_ = 0;    // where the search is
  Array<std::byte> page_;
  size_t known_ = 0;  // bytes in page_
};

}  // namespace orrery::engine
