// SPDX-License-Identifier: Apache-2.0
#include "reports/provenance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "reports/log_state.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

using scenarios::Finding;
using scenarios::Run;

constexpr size_t kRequestsMax = 4;
constexpr size_t kOperationsTold = 8;

void tell_lifetime(const Run& run, uint64_t generation, const char* role, std::ostream& out);
void tell_act(const Run& run, const char* what, uint64_t step, int64_t now_ns, uint32_t task,
              const sim::Site& site, std::ostream& out);
void tell_request(const Run& run, uint64_t request, std::ostream& out);
void tell_walk(const Run& run, const Finding& finding, std::ostream& out);
void tell_operations(const Run& run, const Finding& finding, std::ostream& out);
std::string operation_text(const Run& run, const scenarios::Operation& op);

}  // namespace

void tell_provenance(const Run& run, std::ostream& out) {
  const Finding& finding = *run.finding;
  tell_walk(run, finding, out);
  if (finding.generation != 0) {
    tell_lifetime(run, finding.generation, "the lifetime that was misused", out);
  }
  if (finding.touching != 0 && finding.touching != finding.generation) {
    tell_lifetime(run, finding.touching, "the lifetime whose memory was really touched", out);
  }
  if (const uint64_t before = lifetime_before(run)) {
    tell_lifetime(run, before, "the lifetime that the frame had before", out);
  }
  std::vector<uint64_t> requests;
  if (finding.request != UINT64_MAX) requests.push_back(finding.request);
  for (uint64_t i = run.trace->requests.size(); i-- > 0 && requests.size() < kRequestsMax;) {
    const uint64_t generation = run.trace->requests[i].generation;
    if (generation == 0 || i == finding.request) continue;
    if (generation == finding.generation || generation == finding.touching) requests.push_back(i);
  }
  for (const uint64_t request : requests) tell_request(run, request, out);
  tell_operations(run, finding, out);
}

uint64_t lifetime_before(const Run& run) {
  const Finding& finding = *run.finding;
  const auto& all = run.trace->lifetimes;
  if (finding.generation != 0 || finding.touching == 0 || finding.touching > all.size()) return 0;
  const sim::Lifetime& now = all[finding.touching - 1];
  for (size_t i = all.size(); i-- > 0;) {
    if (all[i].retired_step == now.acquired_step && all[i].retired_by == now.acquired_by) {
      return i + 1;
    }
  }
  return 0;
}

namespace {

void tell_lifetime(const Run& run, uint64_t generation, const char* role, std::ostream& out) {
  if (generation > run.trace->lifetimes.size()) return;
  const sim::Lifetime& life = run.trace->lifetimes[generation - 1];
  out << fmt::format("  page {}, lifetime {} of {}: {}\n", grouped(life.page), generation,
                     counted(life.size, "byte"), role);
  tell_act(run, "begun", life.acquired_step, life.acquired_ns, life.acquired_by, life.acquired_at,
           out);
  if (life.retired_step != UINT64_MAX) {
    tell_act(run, "ended", life.retired_step, life.retired_ns, life.retired_by, life.retired_at,
             out);
  } else {
    out << "    still live\n";
  }
  const Finding& finding = *run.finding;
  if (generation != finding.generation && generation != finding.touching) return;
  if (finding.request != UINT64_MAX) {
    out << fmt::format("    touched     step {}, {}, by the device, for request {}\n",
                       grouped(finding.step), virtual_time(finding.now_ns), finding.request);
  } else {
    tell_act(run, "touched", finding.step, finding.now_ns, finding.task, finding.site, out);
  }
}

void tell_act(const Run& run, const char* what, uint64_t step, int64_t now_ns, uint32_t task,
              const sim::Site& site, std::ostream& out) {
  out << fmt::format("    {:<11} step {}, {}, by {}", what, grouped(step), virtual_time(now_ns),
                     name_of_task(*run.trace, task));
  if (is_known(site)) out << fmt::format(", {}", place_and_function(site));
  out << '\n';
}

void tell_request(const Run& run, uint64_t request, std::ostream& out) {
  if (request >= run.trace->requests.size()) return;
  const sim::IoRecord& record = run.trace->requests[request];
  out << fmt::format("  request {}: {}", request, request_text(run, request));
  if (record.generation != 0 && record.generation <= run.trace->lifetimes.size()) {
    out << fmt::format(", buffer in lifetime {}", record.generation);
  }
  out << '\n';
  bool completed = false;
  for (const sim::Event& event : run.trace->events) {
    if (event.a != static_cast<int64_t>(request)) continue;
    const char* what = nullptr;
    sim::Site site;
    switch (static_cast<sim::Kind>(event.kind)) {
      case sim::Kind::io_submitted:
        what = "submitted";
        site = record.submitted_at;
        break;
      case sim::Kind::io_transferred: what = "transferred"; break;
      case sim::Kind::io_completed:
        what = "completed";
        completed = true;
        break;
      default: continue;
    }
    if (is_by_device(event)) {
      out << fmt::format("    {:<11} step {}, {}\n", what, grouped(event.step),
                         virtual_time(event.now_ns));
    } else {
      tell_act(run, what, event.step, event.now_ns, event.task, site, out);
    }
  }
  if (!completed) out << "    has not completed\n";
}

// The numbers of the walk, and how its window compares with the request's own.
void tell_walk(const Run& run, const Finding& finding, std::ostream& out) {
  const size_t count = events_until(run, finding.step);
  const std::optional<WalkSeen> walk = walk_at(run, count, finding.task);
  if (!walk) return;
  out << fmt::format("  the walk after snapshot page {} was written\n", grouped(walk->page));
  out << fmt::format("    the page's request was  [{}, {})\n", address_text(run, walk->from),
                     grouped(walk->until));
  out << fmt::format("    safe_ro, as it read it  {}\n", address_text(run, walk->safe_ro));
  out << fmt::format("    it walks from           {}\n", address_text(run, walk->start));
  out << fmt::format("    over a width of         {}, until {}\n", grouped(walk->width),
                     address_text(run, walk->start + walk->width));
  const int64_t end = std::max(walk->until, walk->safe_ro);
  const int64_t start = std::max(walk->from, walk->safe_ro);
  const int64_t allowed = std::max<int64_t>(0, std::min(walk->until, end) - start);
  out << fmt::format("    it was to walk          {}\n",
                     allowed == 0 ? "nothing: all of the page is below safe_ro"
                                  : fmt::format("[{}, {})", grouped(start), grouped(walk->until)));
  if (walk->steps > 0) {
    out << fmt::format("    it has walked           {}\n",
                       counted(static_cast<uint64_t>(walk->steps), "record"));
  }
  if (const auto bits = run.plan->sizes.find("width_bits"); bits && walk->start > walk->until) {
    out << fmt::format("    end - start             {}, kept in {} bits: {}\n",
                       grouped(walk->until - walk->start), *bits, grouped(walk->width));
  }
}

// The key's operations up to the failure, and those that the finding is about, which are marked.
void tell_operations(const Run& run, const Finding& finding, std::ostream& out) {
  if (finding.operations.empty() || run.history == nullptr) return;
  const auto all = run.history->operations();
  if (finding.operations.back() >= all.size()) return;
  const uint64_t key = all[finding.operations.front()].key;
  const auto is_named = [&](size_t index) {
    return std::find(finding.operations.begin(), finding.operations.end(), index) !=
           finding.operations.end();
  };
  std::vector<size_t> told;
  for (size_t i = 0; i < all.size(); ++i) {
    if (is_named(i) || (all[i].key == key && all[i].invoked <= finding.step)) told.push_back(i);
  }
  // The latest ones, and whatever is named.
  const size_t spare = told.size() > kOperationsTold ? told.size() - kOperationsTold : 0;
  out << fmt::format("  operations on key {}; * those that it is about\n", key);
  for (size_t i = 0; i < told.size(); ++i) {
    if (i < spare && !is_named(told[i])) continue;
    out << fmt::format("  {} {}\n", is_named(told[i]) ? '*' : ' ',
                       operation_text(run, all[told[i]]));
  }
}

std::string operation_text(const Run& run, const scenarios::Operation& op) {
  using scenarios::OpKind;
  using scenarios::Outcome;
  std::string what;
  switch (op.kind) {
    case OpKind::read: what = "reads"; break;
    case OpKind::upsert: what = "writes " + scenarios::name_of_number(op.argument); break;
    case OpKind::add: what = "adds " + grouped(op.argument); break;
    case OpKind::erase: what = "erases it"; break;
  }
  switch (op.outcome) {
    case Outcome::ok:
      if (op.kind == OpKind::read) what += " " + scenarios::name_of_number(op.result);
      if (op.kind == OpKind::add) what += ", now " + scenarios::name_of_number(op.result);
      break;
    case Outcome::not_found: what += ": not found"; break;
    case Outcome::failed: what += ": failed"; break;
    case Outcome::unknown: what += ": outcome unknown"; break;
  }
  if (op.garbage) what += ", bytes that nobody wrote";
  const bool ended = op.returned != scenarios::kNeverReturned;
  const std::string steps =
      fmt::format("{}-{}", grouped(op.invoked), ended ? grouped(op.returned) : "");
  const std::string record = op.address < 0 ? "" : "record at " + address_text(run, op.address);
  const std::string version = op.version == 0 ? "" : fmt::format("version {}", op.version);
  return fmt::format("  {:<16} client {:<4} {:<10} {:<40} {}", steps, op.client, version, what,
                     record);
}

}  // namespace
}  // namespace orrery::reports
