// SPDX-License-Identifier: Apache-2.0
// The checkpoints of a log that a run without a crash has committed, and their metadata on the
// disk; and how many of those of any run are kept. What the engine says of that counts for nothing.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/oracles/file_view.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {

/// The checkpoint of one kMetadataCommitted.
struct Commit {
  size_t event;
  uint64_t version;
  bool removed;           // or about to be: it need not be there
  bool readable = false;  // metadata that can be read is on the disk
};

/// How many of the newest checkpoints of the log a store must keep, by what it was opened with: it
/// counts the one that it was recovered from, and those that it has committed since.
class CountedCheckpoints {
 public:
  explicit CountedCheckpoints(const Run& run);
  void take(const sim::Event& event);
  /// SIZE_MAX: none may ever be removed.
  size_t kept() const { return kept_of(count_); }
  /// So many may be there, if nobody knows whether the store was emptied.
  size_t kept_at_most() const { return kept_of(count_ + doubtful_); }

 private:
  size_t kept_of(size_t count) const { return limit_ == 0 ? SIZE_MAX : std::min(limit_, count); }
  size_t limit_;  // 0: all
  size_t count_ = 0;
  size_t doubtful_ = 0;  // of before it began to be emptied
};

/// In the order of their events.
std::vector<Commit> commits_of(const Run& run);

/// Each file of metadata on the disk, and the folder that it is in.
void each_metadata(
    const sim::Disk& disk,
    const std::function<void(const sim::SimDevice& info, std::string_view folder)>& look);

/// Valid until the next call.
engine::Bytes bytes_of(const sim::SimDevice& info, FileView::Moment moment, OracleScratch& scratch);

/// The first with this version, unless it was removed. A checkpoint that was not committed may look
/// as it likes; that it is not taken for one is the business of recovery.
Commit* find_commit(std::vector<Commit>& commits, uint64_t version);

/// Of two judgements the finding at the earlier step.
void keep_earlier(Judgement& all, Judgement one);

}  // namespace orrery::scenarios
