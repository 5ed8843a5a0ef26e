// SPDX-License-Identifier: Apache-2.0
// A committed checkpoint's files, read by an independent reader, hold the state at the version cut:
// all that was done in its version and before, nothing of the next (engine-spec 5.5), and metadata
// that makes sense (5.9, and hazard R-X of 6.2).
#include <fmt/format.h>

#include "engine/store/events.hpp"
#include "scenarios/oracles/clients.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

// A genuine cache of 40 GiB has snapshots of that size: there only the metadata is read.
constexpr uint64_t kImageMax = uint64_t{64} << 20;

// What is left of a device, as far as it can be looked at.
engine::Bytes contents(const sim::SimDevice* device, std::vector<std::byte>& room);
std::optional<Finding> judge_one(const Run& run, OracleScratch& scratch, std::string_view prefix,
                                 const sim::SimDevice& info);
std::optional<size_t> commit_of(const Run& run, uint64_t version);
std::optional<Finding> judge_unreadable(const Run& run, const OracleScratch& scratch,
                                        std::string_view prefix);
std::optional<Finding> judge_cut(const Run& run, OracleScratch& scratch, size_t commit);

}  // namespace

std::optional<Finding> judge_snapshots(const Run& run, OracleScratch& scratch) {
  std::optional<Finding> first;
  run.world->disk().each([&](const sim::SimDevice& device) {
    constexpr std::string_view kSuffix = "/info.dat";
    const std::string_view name = device.name();
    if (!name.ends_with(kSuffix)) return;
    std::optional<Finding> found =
        judge_one(run, scratch, name.substr(0, name.size() - kSuffix.size()), device);
    if (found && (!first || found->step < first->step)) first = std::move(found);
  });
  return first;
}

namespace {

std::optional<Finding> judge_one(const Run& run, OracleScratch& scratch, std::string_view prefix,
                                 const sim::SimDevice& info) {
  const sim::Disk& disk = run.world->disk();
  const std::string_view store = prefix.substr(0, prefix.find('/'));
  CheckpointFiles files;
  files.info = contents(&info, scratch.info);
  files.snapshot = contents(disk.find(std::string(prefix) + "/snapshot.dat"), scratch.pages);
  files.log = contents(disk.find(std::string(store) + "/hlog"), scratch.main);
  const bool readable = scratch.snapshot_reader.read(files);
  // A checkpoint that was not committed may look as it likes; that it is not taken for one is the
  // business of recovery.
  const uint64_t version = scratch.snapshot_reader.checkpoint().version;
  const std::optional<size_t> commit = commit_of(run, version);
  if (!readable) return judge_unreadable(run, scratch, prefix);
  if (!commit) return std::nullopt;
  if (!scratch.snapshot_reader.findings().empty()) {
    const SnapshotFinding& flaw = scratch.snapshot_reader.findings().front();
    Finding finding = finding_at(run, "snapshot-cut", *commit);
    finding.label = flaw.flaw <= Flaw::metadata_order
                        ? "the metadata of a committed checkpoint contradicts itself"
                        : "a committed checkpoint holds a record that makes no sense";
    finding.text = fmt::format("the checkpoint of version {}: {}", version, flaw.text);
    return finding;
  }
  return judge_cut(run, scratch, *commit);
}

std::optional<Finding> judge_cut(const Run& run, OracleScratch& scratch, size_t commit) {
  const Checkpoint& checkpoint = scratch.snapshot_reader.checkpoint();
  scratch.found.clear();
  for (const RecoveredEntry& entry : scratch.snapshot_reader.entries()) {
    const std::optional<uint64_t> key = decode_key(entry.key);
    if (!key) continue;  // not a key of these clients
    const std::optional<uint64_t> value = decode_value(entry.value);
    scratch.found.push_back({*key, true, !value.has_value(), value.value_or(0)});
  }
  const Eviction eviction = eviction_of(run, scratch);
  const uint64_t written_by = run.trace->events[commit].step;
  const Cut cut{checkpoint.version, written_by, eviction.cache};
  if (checkpoint.page_bits > 20) return std::nullopt;
  const LinearizabilityReport report =
      scratch.linearizability.check_final(run.history->operations(), eviction, cut, scratch.found);
  if (report.verdict != Linearizability::violated) return std::nullopt;
  Finding finding = finding_at(run, "snapshot-cut", commit);
  finding.label = "a checkpoint's files do not hold the state at its version";
  finding.text = fmt::format("the checkpoint of version {} (start {}, final {}, flushed {}): {}",
                             checkpoint.version, checkpoint.start, checkpoint.final,
                             checkpoint.flushed, report.text);
  if (report.operation != kNoOperation) finding.operations.push_back(report.operation);
  return finding;
}

// Metadata that cannot be read is a finding only if the engine had said that it is committed.
std::optional<Finding> judge_unreadable(const Run& run, const OracleScratch& scratch,
                                        std::string_view prefix) {
  const std::string_view token = prefix.substr(prefix.rfind('/') + 1);
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].kind != events::kCheckpointDone || all[i].b != 0) continue;
    if (fmt::format("{:016x}", all[i].c) != token) continue;
    Finding finding = finding_at(run, "snapshot-cut", i);
    finding.label = "the metadata of a committed checkpoint cannot be read";
    finding.text = scratch.snapshot_reader.findings().front().text;
    return finding;
  }
  return std::nullopt;
}

std::optional<size_t> commit_of(const Run& run, uint64_t version) {
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].kind == events::kMetadataCommitted && all[i].a == static_cast<int64_t>(version)) {
      return i;
    }
  }
  return std::nullopt;
}

engine::Bytes contents(const sim::SimDevice* device, std::vector<std::byte>& room) {
  room.clear();
  if (device == nullptr || device->media().size() > kImageMax) return {};
  room.resize(device->media().size());
  device->media().read(0, room);
  return room;
}

}  // namespace
}  // namespace orrery::scenarios
