// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/version_barrier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/store/events.hpp"
#include "engine/store/system_state.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

// A task's way through the store, from its last look around until it left. The way of one who came
// back for actions alone is none.
struct Stretch {
  uint64_t left_step = 0;
  size_t looked = 0;  // events
  size_t left = 0;
};

// The next version began.
struct Switch {
  size_t event = 0;
  uint64_t version = 0;
};

struct Ways {
  std::vector<std::vector<Stretch>> of_task;
  std::vector<Switch> switches;
};

Ways ways_of(const Run& run);

}  // namespace

// An operation takes effect on the way that ends last before its answer. Whoever waits at the
// barrier looks around; whoever works in the old version does not, and is still there afterwards.
std::optional<Finding> judge_barrier(const Run& run) {
  if (run.plan->sizes.find("barrier").value_or(0) == 0) return std::nullopt;
  const Ways ways = ways_of(run);
  for (const Operation& operation : run.history->operations()) {
    if (operation.version == 0 || operation.task >= ways.of_task.size()) continue;
    const auto& all = ways.of_task[operation.task];
    const auto after = std::partition_point(all.begin(), all.end(), [&](const Stretch& stretch) {
      return stretch.left_step <= operation.returned;
    });
    if (after == all.begin()) continue;
    const Stretch& last = *(after - 1);
    const auto next =
        std::partition_point(ways.switches.begin(), ways.switches.end(),
                             [&](const Switch& one) { return one.event < last.looked; });
    if (next == ways.switches.end() || next->event > last.left) continue;
    if (operation.version >= next->version) continue;
    Finding finding = finding_at(run, "epochs", next->event);
    finding.events.push_back(last.left);
    finding.label = "a version began while an operation of the one before was under way";
    finding.text = fmt::format(
        "version {} began, with the barrier, and task {} had looked around last at step {}, worked "
        "in version {}, and left at step {}",
        next->version, operation.task, run.trace->events[last.looked].step, operation.version,
        last.left_step);
    return finding;
  }
  return std::nullopt;
}

namespace {

Ways ways_of(const Run& run) {
  Ways ways;
  ways.of_task.resize(run.trace->tasks.size());
  std::vector<size_t> looked(run.trace->tasks.size());
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    if (event.kind == events::kCheckpointPhase &&
        event.a == static_cast<int64_t>(engine::Phase::in_progress)) {
      ways.switches.push_back({i, static_cast<uint64_t>(event.b)});
    }
    if (event.task >= looked.size()) continue;
    if (event.kind == events::kEpochEntered || event.kind == events::kEpochRefreshed) {
      looked[event.task] = i;
    } else if (event.kind == events::kEpochLeft && event.a == 0) {
      ways.of_task[event.task].push_back({event.step, looked[event.task], i});
    }
  }
  return ways;
}

}  // namespace
}  // namespace orrery::scenarios
