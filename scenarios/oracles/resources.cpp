// SPDX-License-Identifier: Apache-2.0
// At the end of a run that completed, everything is given back: blocks, frames and requests; and on
// the disk snapshots, metadata and main log of older checkpoints, unless they could not be removed.
// Those that the store was told to keep are still there.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/base/bytes.hpp"
#include "engine/store/events.hpp"
#include "scenarios/oracles/commits.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

std::optional<Finding> judge_memory(const Run& run);
std::optional<Finding> judge_disk(const Run& run);

}  // namespace

Judgement judge_resources(const Run& run, OracleScratch&) {
  if (!run.completed) return {};
  std::optional<Finding> found = judge_memory(run);
  return found ? found : judge_disk(run);
}

namespace {

std::optional<Finding> judge_memory(const Run& run) {
  const sim::World& world = *run.world;
  Finding finding;
  finding.oracle = "resources";
  finding.step = run.steps;
  finding.now_ns = run.virtual_ns;
  if (world.heap().live_count() > 0) {
    const sim::Block* first = nullptr;
    world.heap().each_live([&](const sim::Block& block) {
      if (first == nullptr || block.allocated_step < first->allocated_step) first = &block;
    });
    finding.label = fmt::format("memory was not given back ({})", first->label);
    finding.text = fmt::format(
        "{} blocks are live at the end, the first of {} bytes ({}), from "
        "step {}",
        world.heap().live_count(), first->size, first->label, first->allocated_step);
    finding.site = first->allocated_at;
  } else if (world.frames().live_count() > 0) {
    for (size_t g = 0; g < run.trace->lifetimes.size(); ++g) {
      const sim::Lifetime& lifetime = run.trace->lifetimes[g];
      if (lifetime.retired_step != UINT64_MAX) continue;
      finding.generation = g + 1;
      finding.site = lifetime.acquired_at;
      finding.task = lifetime.acquired_by;
      break;
    }
    finding.label = "frames were not given back";
    finding.text =
        fmt::format("{} frames are live at the end, the first of page {}",
                    world.frames().live_count(), run.trace->lifetimes[finding.generation - 1].page);
  } else if (world.disk().in_flight() > 0) {
    finding.label = "requests are in flight at the end";
    finding.text = fmt::format("{} requests are in flight at the end", world.disk().in_flight());
  } else {
    return std::nullopt;
  }
  return finding;
}

// The last time that older checkpoints went, if the disk is still as it was then.
struct Removal {
  size_t event = 0;
  int64_t flushed = 0;  // no log is truncated beyond
  size_t kept = 0;      // so many of the newest checkpoints
  size_t kept_at_most = 0;
};

std::optional<Removal> last_removal(const Run& run) {
  std::optional<Removal> last;
  int64_t flushed = 0;
  CountedCheckpoints counted(run);
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    counted.take(all[i]);
    if (all[i].kind == events::kMetadataCommitted) flushed = all[i].b;
    if (all[i].kind == events::kOutdatedGone)
      last = {i, flushed, counted.kept(), counted.kept_at_most()};
    const bool others = all[i].kind == events::kCheckpointStarted ||
                        all[i].kind == events::kStoreEmptying ||
                        all[i].kind == static_cast<uint16_t>(sim::Kind::crashed);
    if (others) last.reset();
  }
  return last;
}

std::optional<Finding> judge_disk(const Run& run) {
  const Sizes& sizes = run.plan->sizes;
  const std::optional<Removal> last = last_removal(run);
  if (!last) return std::nullopt;
  const sim::Event& removal = run.trace->events[last->event];
  size_t snapshots = 0;
  size_t metadata = 0;
  uint64_t truncated = UINT64_MAX;  // of the main log
  run.world->disk().each([&](const sim::SimDevice& device) {
    const std::string_view name = device.name();
    const bool of_log = name.find("/cpr-checkpoints/") != name.npos;
    if (of_log && name.ends_with("/snapshot.dat")) ++snapshots;
    if (of_log && name.ends_with("/info.dat")) ++metadata;
    if (name.ends_with("/hlog")) truncated = device.truncated();
  });
  Finding finding = finding_at(run, "resources", last->event);
  if (std::max(snapshots, metadata) > last->kept_at_most) {
    finding.label = "files of older checkpoints are left on the disk";
    finding.text = fmt::format("{} snapshots and {} files of metadata, and {} checkpoints are kept",
                               snapshots, metadata, last->kept_at_most);
    return finding;
  }
  if (metadata < last->kept) {
    finding.label = "a checkpoint that is to be kept is gone from the disk";
    finding.text = fmt::format("{} files of metadata are there, and {} checkpoints are to be kept",
                               metadata, last->kept);
    return finding;
  }
  const int64_t bits = sizes["page_bits"];
  const auto page = static_cast<uint64_t>(std::min(removal.b, last->flushed) >> bits);
  const uint64_t size = engine::round_up(uint64_t{1} << bits, uint64_t{1} << sizes["sector_bits"]);
  if (truncated >= page * size) return std::nullopt;
  finding.label = "the main log keeps what no checkpoint needs";
  finding.text = fmt::format("it was truncated up to {}, and the oldest checkpoint begins at {}",
                             truncated, removal.b);
  return finding;
}

}  // namespace
}  // namespace orrery::scenarios
