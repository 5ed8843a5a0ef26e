// SPDX-License-Identifier: Apache-2.0
// The list of oracles, in the order in which they are printed. Of several findings the one at the
// earliest step counts, and of two at one step that of the first row: metadata stands before those
// who judge what it speaks of.
#include <algorithm>
#include <array>

#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

constexpr auto kOracles = std::to_array<OracleRow>({
    {"memory", "no access violation, no double free, no stack overflow; always on", nullptr},
    {"check", "no CHECK of the engine fails; always on", nullptr},
    {"lifetimes", "no page, frame or buffer is used, by code or by a device, after its life ended",
     nullptr},
    {"frames", "no access leaves its frame", nullptr},
    {"progress", "no deadlock, no livelock, no lost wake-up", nullptr},
    {"address-chain", "the log's boundaries stay in order and never go back", &judge_address_chain},
    {"epochs", "nobody stays protected for long without a look around, nor beyond a barrier",
     &judge_epochs},
    {"walks", "the walk after a snapshot page was written stays inside that page's window",
     &judge_walks},
    {"completions", "every request ends once; every snapshot page is counted once, in its turn",
     &judge_completions},
    {"linearizable", "each key behaves like one variable", &judge_clients},
    {"metadata", "a checkpoint's metadata can be read, makes sense and would survive a power loss",
     &judge_metadata},
    {"snapshot-cut", "a checkpoint's files hold all of its version and nothing of the next",
     &judge_snapshots},
    {"recovery", "a recovered store holds what its checkpoint captured, and nothing else",
     &judge_recovery},
    {"operation-log",
     "checkpoint and log together are all that was done, up to one place in the log",
     &judge_operations},
    {"durability-ledger", "an append log keeps what it acknowledged, and nothing it rolled back",
     &judge_ledger},
    {"reasons", "no call ends in an error that nothing in the world has caused", &judge_reasons},
    {"resources", "memory, frames and requests are all given back at the end", &judge_resources},
});

}  // namespace

std::span<const OracleRow> all_oracles() { return kOracles; }

Finding finding_at(const Run& run, const char* oracle, size_t event) {
  const sim::Event& seen = run.trace->events[event];
  Finding finding;
  finding.oracle = oracle;
  finding.step = seen.step;
  finding.now_ns = seen.now_ns;
  finding.task = seen.task;
  finding.site = seen.site;
  finding.events.push_back(event);
  return finding;
}

int64_t time_at(const Run& run, uint64_t step) {
  const auto& all = run.trace->events;
  const auto after = std::partition_point(
      all.begin(), all.end(), [&](const sim::Event& event) { return event.step <= step; });
  const int64_t point_ns = run.plan->scenario->laws(run.plan->sizes).pace.point_ns;
  if (after == all.begin()) return static_cast<int64_t>(step) * point_ns;
  const sim::Event& last = *(after - 1);
  const int64_t now_ns = last.now_ns + static_cast<int64_t>(step - last.step) * point_ns;
  return after == all.end() ? now_ns : std::min(now_ns, after->now_ns);
}

}  // namespace orrery::scenarios
