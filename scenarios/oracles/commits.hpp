// SPDX-License-Identifier: Apache-2.0
// The checkpoints of a log that a run without a crash has committed, and their metadata on the
// disk.
#pragma once

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
