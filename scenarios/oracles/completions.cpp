// SPDX-License-Identifier: Apache-2.0
// Every request to a device is finished once. The writer of a snapshot comes to each of its pages
// once and in order, either writes it or leaves it out, and counts it down once, before the
// checkpoint ends; and a throttled snapshot has one page in flight at a time (engine-spec 10.9,
// item 6). What has failed is asked for again as often as the policy says.
#include <fmt/format.h>

#include <array>
#include <map>

#include "engine/store/events.hpp"
#include "scenarios/oracles/oracle.hpp"
#include "scenarios/oracles/snapshot_pages.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

size_t of_earlier_lives(const Run& run);
std::optional<Finding> judge_requests(const Run& run);
std::optional<Finding> judge_snapshot_pages(const Run& run);
std::optional<Finding> judge_attempts(const Run& run);

}  // namespace

Judgement judge_completions(const Run& run, OracleScratch&) {
  std::optional<Finding> found = judge_requests(run);
  if (!found) found = judge_snapshot_pages(run);
  return found ? found : judge_attempts(run);
}

namespace {

std::optional<Finding> judge_requests(const Run& run) {
  const auto& requests = run.trace->requests;
  const size_t dead = of_earlier_lives(run);
  for (size_t i = 0; i < requests.size(); ++i) {
    const sim::IoRecord& request = requests[i];
    if (request.finishes == 1) continue;
    if (request.finishes == 0 && (i < dead || !run.completed)) continue;
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

// Requests that were submitted before the last crash need not have been finished.
size_t of_earlier_lives(const Run& run) {
  size_t submitted = 0;
  size_t dead = 0;
  for (const sim::Event& event : run.trace->events) {
    if (event.kind == static_cast<uint16_t>(sim::Kind::io_submitted)) ++submitted;
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) dead = submitted;
  }
  return dead;
}

std::optional<Finding> judge_snapshot_pages(const Run& run) {
  SnapshotPages pages(run);
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    int64_t page = all[i].a;
    const char* const wrong = pages.take(all[i], page);
    if (wrong == nullptr) continue;
    Finding finding = finding_at(run, "completions", i);
    finding.label = wrong;
    const size_t own = all[i].kind == engine::events::kSnapshotPageSubmitted ? 1 : 0;
    finding.text = fmt::format("{}: page {}; the snapshot consists of pages {} to {}, {} in flight",
                               wrong, page, pages.first(), pages.last(),
                               pages.count(SnapshotPages::State::in_flight) + own);
    return finding;
  }
  return std::nullopt;
}

// A write of the main log, or of a log of operations, that has failed is made again as long as the
// policy has attempts left; only then the log may fail. What a tolerant log gives up is not judged.
std::optional<Finding> judge_attempts(const Run& run) {
  const int64_t wanted = run.plan->sizes.find("io_attempts").value_or(0);
  std::array<std::map<int64_t, int64_t>, 2> failed;  // attempts by page; of either log
  const auto& all = run.trace->events;
  for (size_t i = 0; i < all.size(); ++i) {
    const sim::Event& event = all[i];
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) failed = {};
    auto& pages = failed[events::is_of_operation_log(event.kind) ? 1 : 0];
    const uint16_t kind = events::of_main(event.kind);
    if (kind == events::kMainWriteFailed) pages[event.a] = event.b;
    if (kind != events::kLogFailed || pages[event.a] >= wanted) continue;
    Finding finding = finding_at(run, "completions", i);
    finding.label = "a log failed before its attempts were used up";
    finding.text = fmt::format("page {} was tried {} times, and {} were allowed", event.a,
                               pages[event.a], wanted);
    return finding;
  }
  return std::nullopt;
}

}  // namespace
}  // namespace orrery::scenarios
