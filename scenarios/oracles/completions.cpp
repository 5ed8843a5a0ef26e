// SPDX-License-Identifier: Apache-2.0
// Every request to a device is finished once. Every page of a snapshot is accounted for once,
// either written and counted down or left out; and a throttled snapshot has one page in flight at a
// time.
#include <fmt/format.h>

#include <algorithm>

#include "engine/store/events.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

std::optional<Finding> judge_requests(const Run& run);
std::optional<Finding> judge_snapshot_pages(const Run& run);

}  // namespace

std::optional<Finding> judge_completions(const Run& run, OracleScratch&) {
  std::optional<Finding> found = judge_requests(run);
  return found ? found : judge_snapshot_pages(run);
}

namespace {

std::optional<Finding> judge_requests(const Run& run) {
  const auto& requests = run.trace->requests;
  for (size_t i = 0; i < requests.size(); ++i) {
    const sim::IoRecord& request = requests[i];
    if (request.finishes == 1 || (request.finishes == 0 && !run.completed)) continue;
    Finding finding;
    finding.oracle = "completions";
    finding.request = i;
    finding.site = request.submitted_at;
    finding.task = request.submitted_by;
    finding.step = run.steps;
    finding.now_ns = run.virtual_ns;
    finding.label = request.finishes == 0 ? "a request was never finished"
                                          : "a request was finished more than once";
    finding.text = fmt::format("the request for {} bytes at {} of {} was finished {} times",
                               request.length, request.offset, request.device, request.finishes);
    return finding;
  }
  return std::nullopt;
}

std::optional<Finding> judge_snapshot_pages(const Run& run) {
  const bool throttled = run.plan->sizes.find("throttle_ms").value_or(-1) >= 0;
  std::vector<int64_t> in_flight;
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    if (event.kind < events::kSnapshotStarted || event.kind > events::kCheckpointDone) continue;
    const auto page = std::find(in_flight.begin(), in_flight.end(), event.a);
    const char* wrong = nullptr;
    if (event.kind == events::kSnapshotStarted) {
      in_flight.clear();
    } else if (event.kind == events::kSnapshotPageSubmitted) {
      if (page != in_flight.end()) {
        wrong = "a snapshot page was submitted twice";
      } else if (throttled && !in_flight.empty()) {
        wrong = "a throttled snapshot has more than one page in flight";
      }
      in_flight.push_back(event.a);
    } else if (event.kind == events::kSnapshotPageDone) {
      if (page != in_flight.end()) in_flight.erase(page);
    } else if (event.kind == events::kCheckpointDone && !in_flight.empty()) {
      wrong = "a checkpoint ended while its pages were in flight";
    }
    if (wrong == nullptr) continue;
    Finding finding = finding_at(run, "completions", i);
    finding.label = wrong;
    finding.text =
        fmt::format("{}: page {} (in flight: {})", wrong, event.a, fmt::join(in_flight, ", "));
    return finding;
  }
  return std::nullopt;
}

}  // namespace
}  // namespace orrery::scenarios
