// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/commits.hpp"

#include <algorithm>
#include <utility>

#include "engine/store/events.hpp"
#include "scenarios/ledger.hpp"

namespace orrery::scenarios {

namespace events = engine::events;

CountedCheckpoints::CountedCheckpoints(const Run& run)
    : limit_(static_cast<size_t>(run.plan->sizes.find("kept").value_or(0))) {}

void CountedCheckpoints::take(const sim::Event& event) {
  switch (event.kind) {
    case events::kMetadataCommitted: ++count_; break;
    case events::kStoreEmptying: doubtful_ += std::exchange(count_, 0); break;
    case events::kStoreEmptied: doubtful_ = 0; break;
    case events::kStoreKept: count_ += std::exchange(doubtful_, 0); break;
    case static_cast<uint16_t>(sim::Kind::crashed): count_ = doubtful_ = 0; break;
    case events::kRecoveryEnded:
      if (event.a == static_cast<int64_t>(engine::Errc::ok)) count_ = event.c != 0 ? 1 : 0;
      break;
    default: break;
  }
}

std::vector<Commit> commits_of(const Run& run) {
  CountedCheckpoints counted(run);
  std::vector<Commit> commits;
  std::vector<Commit> before;  // the store began to be emptied, or to go back
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    counted.take(all[i]);
    if (all[i].kind == events::kStoreEmptying) {
      before = commits;
      for (Commit& commit : commits) commit.removed = true;
    }
    if (all[i].kind == events::kStoreKept) commits = before;
    if (all[i].kind == ledger::kGoesBack && all[i].a == 0) commits = before;
    if (all[i].kind == ledger::kGoesBack && all[i].a != 0) {
      before = commits;
      for (Commit& commit : commits) {
        if (commit.version > static_cast<uint64_t>(all[i].a)) commit.removed = true;
      }
    }
    if (all[i].kind == events::kCheckpointsRemoved) {
      const size_t kept = std::min(commits.size(), counted.kept());
      for (size_t old = 0; old < commits.size() - kept; ++old) commits[old].removed = true;
    }
    if (all[i].kind != events::kMetadataCommitted) continue;
    commits.push_back({i, static_cast<uint64_t>(all[i].a), false});
  }
  return commits;
}

void each_metadata(
    const sim::Disk& disk,
    const std::function<void(const sim::SimDevice& info, std::string_view folder)>& look) {
  disk.each([&](const sim::SimDevice& device) {
    constexpr std::string_view kSuffix = "/info.dat";
    const std::string_view name = device.name();
    if (name.ends_with(kSuffix)) look(device, name.substr(0, name.size() - kSuffix.size()));
  });
}

engine::Bytes bytes_of(const sim::SimDevice& info, FileView::Moment moment,
                       OracleScratch& scratch) {
  const FileView view(info.media(), moment);
  scratch.info.resize(view.size());
  view.read(0, scratch.info);
  return scratch.info;
}

Commit* find_commit(std::vector<Commit>& commits, uint64_t version) {
  const auto found = std::find_if(commits.begin(), commits.end(),
                                  [&](const Commit& one) { return one.version == version; });
  return found == commits.end() || found->removed ? nullptr : &*found;
}

void keep_earlier(Judgement& all, Judgement one) {
  if (one.finding && (!all.finding || one.finding->step < all.finding->step)) {
    all.finding = std::move(one.finding);
  }
  if (all.not_judged.empty()) all.not_judged = std::move(one.not_judged);
}

}  // namespace orrery::scenarios
