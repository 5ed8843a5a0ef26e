// SPDX-License-Identifier: Apache-2.0
// A committed checkpoint's files, read by an independent reader, hold the state at the version cut:
// all that was done in its version and before, nothing of the next (engine-spec 5.5); each
// session's serial says as much; all of it, names and bytes, would be there after a power loss; and
// its index is whole (index_files.hpp). Files are read in place, whatever their size. In a scenario
// that keeps no history nobody knows what a checkpoint should hold; there it must be sound, and
// durable. Where the metadata cannot be read nothing is judged: that it can is for metadata.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "engine/store/events.hpp"
#include "scenarios/oracles/clients.hpp"
#include "scenarios/oracles/commits.hpp"
#include "scenarios/oracles/index_files.hpp"
#include "scenarios/oracles/lives.hpp"
#include "scenarios/oracles/serials.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

struct Devices {
  const sim::SimDevice* info;
  const sim::SimDevice* snapshot;  // null: there is none of that name
  const sim::SimDevice* log;
  const sim::SimDevice* table;
};

using Moment = FileView::Moment;

Devices devices_of(const sim::Disk& disk, const sim::SimDevice& info, std::string_view prefix);
bool read(const Devices& devices, Moment moment, OracleScratch& scratch);
Judgement judge_files(const Run& run, OracleScratch& scratch, const Commit& commit);
std::optional<Finding> judge_sessions(const Run& run, const OracleScratch& scratch,
                                      const Commit& commit);
std::vector<SessionMark> sessions_of(const Run& run, const OracleScratch& scratch,
                                     const Commit& commit);
Judgement judge_durability(const Run& run, const Devices& devices, OracleScratch& scratch,
                           const Commit& commit);
FileView view_of(const sim::SimDevice* device, Moment moment);

}  // namespace

Judgement judge_snapshots(const Run& run, OracleScratch& scratch) {
  // Where the store has crashed, recovery itself reads the files, and is judged by what it made of
  // them.
  if (has_crashed(run)) return {};
  std::vector<Commit> commits = commits_of(run);
  Judgement all;
  const sim::Disk& disk = run.world->disk();
  each_metadata(disk, [&](const sim::SimDevice& info, std::string_view folder) {
    const Devices devices = devices_of(disk, info, folder);
    if (!read(devices, Moment::now, scratch)) return;
    Commit* const commit = find_commit(commits, scratch.snapshot_reader.checkpoint().version);
    if (commit == nullptr) return;
    commit->readable = true;
    keep_earlier(all, judge_files(run, scratch, *commit));
    keep_earlier(all, judge_sessions(run, scratch, *commit));
    keep_earlier(all, judge_durability(run, devices, scratch, *commit));
  });
  for (const Commit& commit : commits) {
    if (commit.readable || commit.removed || !all.not_judged.empty()) continue;
    all.not_judged = fmt::format("the metadata of version {} cannot be read", commit.version);
  }
  keep_earlier(all, judge_index_files(run));
  return all;
}

namespace {

Devices devices_of(const sim::Disk& disk, const sim::SimDevice& info, std::string_view prefix) {
  const std::string_view store = prefix.substr(0, prefix.find('/'));
  return {&info, disk.find(std::string(prefix) + "/snapshot.dat"),
          disk.find(std::string(store) + "/hlog"), disk.find(std::string(prefix) + "/pages.dat")};
}

bool read(const Devices& devices, Moment moment, OracleScratch& scratch) {
  bytes_of(*devices.info, Moment::now, scratch);  // whether it stays is for the oracle metadata
  const FileView snapshot = view_of(devices.snapshot, moment);
  const FileView log = view_of(devices.log, moment);
  return scratch.snapshot_reader.read(
      {scratch.info, snapshot, log, view_of(devices.table, moment)});
}

const char* label_of(Flaw flaw) {
  if (flaw == Flaw::page_table) {
    return "a page of a committed checkpoint is not what its checksum says";
  }
  return "a committed checkpoint holds a record that makes no sense";
}

Judgement judge_files(const Run& run, OracleScratch& scratch, const Commit& commit) {
  const Checkpoint& checkpoint = scratch.snapshot_reader.checkpoint();
  for (const SnapshotFinding& flaw : scratch.snapshot_reader.findings()) {
    if (is_of_metadata(flaw.flaw)) continue;
    Finding finding = finding_at(run, "snapshot-cut", commit.event);
    finding.label = label_of(flaw.flaw);
    finding.text = fmt::format("the checkpoint of version {}: {}", checkpoint.version, flaw.text);
    return finding;
  }
  if (run.history->operations().empty()) return {};
  scratch.found.clear();
  for (const RecoveredEntry& entry : scratch.snapshot_reader.entries()) {
    const std::optional<uint64_t> key = decode_key(entry.key);
    if (!key) continue;  // not a key of these clients
    // No client writes a value that is longer than what is kept of it.
    std::optional<uint64_t> value;
    if (entry.value_size == entry.value.size()) value = decode_value(entry.value);
    scratch.found.push_back({*key, true, !value.has_value(), value.value_or(0)});
  }
  const Eviction eviction = eviction_of(run, scratch);
  const uint64_t written_by = run.trace->events[commit.event].step;
  const Cut cut{checkpoint.version, written_by};
  const LinearizabilityReport report =
      scratch.linearizability.check_final(run.history->operations(), eviction, cut, scratch.found);
  if (report.verdict != Linearizability::violated) return judgement_of(report);
  Finding finding = finding_at(run, "snapshot-cut", commit.event);
  finding.label = "a checkpoint's files do not hold the state at its version";
  finding.text = fmt::format("the checkpoint of version {} (start {}, final {}, flushed {}): {}",
                             checkpoint.version, checkpoint.start, checkpoint.final,
                             checkpoint.flushed, report.text);
  finding.operations = witnesses(run.history->operations(), report, scratch.found);
  return finding;
}

// The serial of a session is the number of its operations that the checkpoint contains; 0 if it
// does not know a session that had begun. One that failed may have been refused before it counted.
std::optional<Finding> judge_sessions(const Run& run, const OracleScratch& scratch,
                                      const Commit& commit) {
  const uint64_t written_by = run.trace->events[commit.event].step;
  for (const SessionMark& session : sessions_of(run, scratch, commit)) {
    SerialRange right;
    bool known = false;  // its operations are in the history
    for (const Operation& operation : run.history->operations()) {
      if (operation.client != session.id) continue;
      known = true;
      if (operation.invoked > written_by || operation.version > commit.version) continue;
      const bool before = operation.version != 0 && operation.returned < written_by;
      right.count(before && is_answered(operation) ? Held::present : Held::unknown);
    }
    if (!known) continue;
    if (right.least <= session.serial && session.serial <= right.most) continue;
    Finding finding = finding_at(run, "snapshot-cut", commit.event);
    finding.label = "a checkpoint's serial of a session is not what it holds";
    finding.text = fmt::format(
        "the checkpoint of version {} says that it holds {} operations of session {}; {} were done "
        "in that version and before",
        commit.version, session.serial, session.id, right.least);
    return finding;
  }
  return std::nullopt;
}

// Those of the metadata, and those that it should know.
std::vector<SessionMark> sessions_of(const Run& run, const OracleScratch& scratch,
                                     const Commit& commit) {
  std::vector<SessionMark> all = scratch.snapshot_reader.checkpoint().sessions;
  for (size_t i = 0; i < commit.event; ++i) {
    const sim::Event& event = run.trace->events[i];
    if (event.kind != events::kSessionStarted) continue;
    const auto id = static_cast<uint64_t>(event.a);
    const bool known =
        std::any_of(all.begin(), all.end(), [&](const SessionMark& mark) { return mark.id == id; });
    if (!known) all.push_back({id, 0});
  }
  return all;
}

// What is pending in what the metadata speaks of may be lost, so it must not matter.
Judgement judge_durability(const Run& run, const Devices& devices, OracleScratch& scratch,
                           const Commit& commit) {
  const bool null_main = scratch.snapshot_reader.checkpoint().null_main;
  const auto flushed = static_cast<uint64_t>(scratch.snapshot_reader.checkpoint().flushed);
  for (const sim::SimDevice* device : {devices.snapshot, devices.table, devices.log}) {
    if (device == nullptr || device->name_is_durable()) continue;
    if (device == devices.log && null_main) continue;
    Finding finding = finding_at(run, "snapshot-cut", commit.event);
    finding.label = "a committed checkpoint needs a name that is not durable";
    finding.text = fmt::format("the checkpoint of version {}: {} would be gone after a power loss",
                               commit.version, device->name());
    return finding;
  }
  const auto pending = [](const sim::SimDevice* device, uint64_t size) {
    return device != nullptr && !device->media().is_durable(0, size);
  };
  const bool safe = !pending(devices.snapshot, UINT64_MAX / 2) &&
                    !pending(devices.table, UINT64_MAX / 2) &&
                    (null_main || !pending(devices.log, flushed));
  if (safe) return {};
  read(devices, Moment::after_power_loss, scratch);
  Judgement then = judge_files(run, scratch, commit);
  if (!then.finding) return then;
  then.finding->label = "a committed checkpoint is not durable";
  then.finding->text = "after a power loss that takes what no sync covers: " + then.finding->text;
  return then;
}

FileView view_of(const sim::SimDevice* device, Moment moment) {
  return device == nullptr ? FileView() : FileView(device->media(), moment);
}

}  // namespace
}  // namespace orrery::scenarios
