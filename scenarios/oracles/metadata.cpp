// SPDX-License-Identifier: Apache-2.0
// The metadata of a committed checkpoint can be read, does not contradict itself (engine-spec 5.9,
// and hazard R-X of 6.2), and would be there after a power loss, name and bytes. In whatever
// scenario: no history is needed for it. What the checkpoint holds is for snapshot-cut. And whoever
// is told that his checkpoint is durable, or that it has ended, is told the truth.
#include <fmt/format.h>

#include <set>

#include "engine/store/events.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/oracles/commits.hpp"
#include "scenarios/oracles/lives.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

using Moment = FileView::Moment;

std::optional<Finding> judge_answers(const Run& run);
Judgement judge_one(const Run& run, const sim::SimDevice& info, const Commit& commit,
                    OracleScratch& scratch);
Finding found(const Run& run, const Commit& commit, const char* label, std::string_view text);

}  // namespace

Judgement judge_metadata(const Run& run, OracleScratch& scratch) {
  Judgement all = judge_answers(run);
  // Where the store has crashed, recovery itself reads it, and is judged by what it made of it.
  if (has_crashed(run)) return all;
  std::vector<Commit> commits = commits_of(run);
  std::string flaw = "there is no file of it";
  each_metadata(run.world->disk(), [&](const sim::SimDevice& info, std::string_view) {
    SnapshotReader& reader = scratch.snapshot_reader;
    if (!reader.read_metadata(bytes_of(info, Moment::now, scratch))) {
      flaw = reader.findings().front().text;
      return;
    }
    Commit* const commit = find_commit(commits, reader.checkpoint().version);
    if (commit == nullptr) return;
    commit->readable = true;
    keep_earlier(all, judge_one(run, info, *commit, scratch));
  });
  for (const Commit& commit : commits) {
    if (commit.readable || commit.removed) continue;
    const char* const label = "the metadata of a committed checkpoint cannot be read";
    keep_earlier(all, found(run, commit, label, flaw));
  }
  return all;
}

namespace {

// What became of the checkpoints of one life.
struct Ends {
  std::set<int64_t> committed;  // versions
  std::set<int64_t> indexes;    // tokens of checkpoints of the index alone
  std::set<int64_t> done;       // tokens

  const char* flaw(const sim::Event& answer) const {
    if (answer.kind == ledger::kCheckpointSaidEnded) {
      return done.contains(answer.a) ? nullptr : "a checkpoint was said to have ended too early";
    }
    const bool there = answer.a != 0 ? committed.contains(answer.a) : indexes.contains(answer.b);
    if (!there) return "a checkpoint was called durable that was never committed";
    return answer.a == answer.c ? nullptr : "whoever waited for a checkpoint heard of another";
  }
};

std::optional<Finding> judge_answers(const Run& run) {
  Ends ends;
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    switch (event.kind) {
      case static_cast<uint16_t>(sim::Kind::crashed): ends = {}; break;
      case events::kMetadataCommitted: ends.committed.insert(event.a); break;
      case events::kIndexCommitted: ends.indexes.insert(event.a); break;
      case events::kCheckpointDone: ends.done.insert(event.c); break;
      case ledger::kCheckpointAcknowledged:
      case ledger::kCheckpointSaidEnded: {
        const char* const flaw = ends.flaw(event);
        if (flaw == nullptr) break;
        Finding finding = finding_at(run, "metadata", i);
        finding.label = flaw;
        finding.text = fmt::format("version {}, token {}", event.a, event.b);
        if (event.kind == ledger::kCheckpointSaidEnded) {
          finding.text = fmt::format("token {}", event.a);
        }
        return finding;
      }
      default: break;
    }
  }
  return std::nullopt;
}

// Requires: its metadata was just read.
Judgement judge_one(const Run& run, const sim::SimDevice& info, const Commit& commit,
                    OracleScratch& scratch) {
  SnapshotReader& reader = scratch.snapshot_reader;
  if (!reader.findings().empty()) {
    const char* const label = "the metadata of a committed checkpoint contradicts itself";
    return found(run, commit, label, reader.findings().front().text);
  }
  if (!info.name_is_durable()) {
    return found(run, commit, "the metadata of a committed checkpoint has no durable name",
                 fmt::format("{} would be gone after a power loss", info.name()));
  }
  const bool stays = info.media().is_durable(0, UINT64_MAX / 2) ||
                     (reader.read_metadata(bytes_of(info, Moment::after_power_loss, scratch)) &&
                      reader.findings().empty() && reader.checkpoint().version == commit.version);
  if (stays) return {};
  return found(run, commit, "the metadata of a committed checkpoint is not durable",
               "after a power loss that takes what no sync covers it is not what it is now");
}

Finding found(const Run& run, const Commit& commit, const char* label, std::string_view text) {
  Finding finding = finding_at(run, "metadata", commit.event);
  finding.label = label;
  finding.text = fmt::format("the checkpoint of version {}: {}", commit.version, text);
  return finding;
}

}  // namespace
}  // namespace orrery::scenarios
