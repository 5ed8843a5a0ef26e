// SPDX-License-Identifier: Apache-2.0
// At the end of a run that completed, everything is given back: blocks, frames and requests.
#include <fmt/format.h>

#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {

Judgement judge_resources(const Run& run, OracleScratch&) {
  if (!run.completed) return {};
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
    return {};
  }
  return finding;
}

}  // namespace orrery::scenarios
