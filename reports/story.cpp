// SPDX-License-Identifier: Apache-2.0
// The story of a run, for a person who has only this text and the source of the engine.
//
// First what was not calm, as sentences, each with what happens without it. Then the promise that
// was broken: the numbers, who, when, and the line of source. Then whose memory it was, lanes of
// the tasks around the failure, and how the engine stood at that moment.
#include <fmt/format.h>

#include <string>

#include "reports/catalogue.hpp"
#include "reports/lanes.hpp"
#include "reports/log_state.hpp"
#include "reports/provenance.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

using scenarios::Finding;
using scenarios::Run;

constexpr size_t kColumns = 100;

void tell_head(const Run& run, std::ostream& out);
void tell_deviations(const Telling& telling, std::ostream& out);
void tell_finding(const Run& run, std::ostream& out);
void wrap(std::string_view text, size_t indent, std::ostream& out);
std::string joined(const std::vector<std::string>& names);

}  // namespace

void render_story(const Telling& telling, std::ostream& out) {
  const Run& run = telling.run;
  tell_head(run, out);
  tell_deviations(telling, out);
  if (!run.finding) {
    if (!run.completed) {
      out << "\nwhere each task stands\n";
      render_tasks(telling, out);
    }
    return;
  }
  tell_finding(run, out);
  tell_provenance(run, out);
  if (run.finding->oracle == "progress") {
    out << "\nwhere each task stands\n";
    render_tasks(telling, out);
  }
  out << "\naround the failure\n";
  tell_lanes(telling, out);
  const LogState state = log_state_at(run, events_until(run, run.finding->step));
  if (!state.is_known()) return;
  out << "\nthe engine at that moment\n";
  tell_log_state(run, state, out);
}

namespace {

void tell_head(const Run& run, std::ostream& out) {
  const scenarios::Plan& plan = *run.plan;
  out << fmt::format("{}  {}", plan.scenario->name(), scenarios::name_of(run.verdict));
  if (run.finding) out << fmt::format("  {}: {}", run.finding->oracle, run.finding->label);
  out << '\n';
  if (!run.not_judged.empty()) out << fmt::format("  not judged {}\n", run.not_judged);
  if (plan.seed) out << fmt::format("  seed       {}\n", hex64(*plan.seed));
  out << fmt::format("  digest     {}  after {}, {}\n", hex64(run.digest),
                     counted(run.steps, "step"), virtual_time(run.virtual_ns));
  std::string bugs;
  for (const std::string& id : plan.bugs) {
    for (size_t row = 0; row < engine::kBugs.size() && row < run.reached.size(); ++row) {
      if (engine::kBugs[row].id != id) continue;
      bugs += fmt::format("{}{} (reached {})", bugs.empty() ? "" : ", ", id,
                          counted(run.reached[row], "time"));
    }
  }
  if (!bugs.empty()) out << fmt::format("  bugs       {}\n", bugs);
  out << fmt::format("  faults     {}\n", plan.faults.empty() ? "none" : joined(plan.faults));
  std::string sizes;
  for (const sim::Size& size : plan.sizes.all()) {
    sizes += fmt::format("{}{}={}", sizes.empty() ? "" : " ", size.name, size.value);
  }
  out << "  sizes      ";
  wrap(sizes, 13, out);
}

void tell_deviations(const Telling& telling, std::ostream& out) {
  const Run& run = telling.run;
  const auto& taken = run.taken();
  if (taken.empty()) {
    out << "\nnothing differs from the calm run\n";
    return;
  }
  const size_t first = run.finding ? first_deviation_told(telling) : 0;
  out << fmt::format("\nwhat differs from the calm run: {}\n", counted(taken.size(), "deviation"));
  if (!run.finding && telling.needs.empty() && taken.size() > kDeviationsTold) return;
  if (first > 0) {
    out << fmt::format("  ...  {} before these; orrery shrink keeps the few that matter\n",
                       grouped(uint64_t{first}));
  }
  for (size_t i = first; i < taken.size(); ++i) {
    out << fmt::format("  {:>3}  ", i + 1);
    wrap(sentence_of(run, taken[i]), 7, out);
    out << fmt::format("       step {}, {}", grouped(taken[i].step), virtual_time(taken[i].now_ns));
    const sim::Site site = site_of(run, taken[i]);
    if (is_known(site)) out << fmt::format(", {}", place_and_function(site));
    out << '\n';
    const std::string needed = without(telling, taken[i]);
    if (!needed.empty()) out << fmt::format("       without it: {}\n", needed);
  }
}

void tell_finding(const Run& run, std::ostream& out) {
  const Finding& finding = *run.finding;
  out << fmt::format("\nthe broken promise ({})\n  ", finding.oracle);
  wrap(finding.text.empty() ? finding.label : finding.text, 2, out);
  const bool by_device = finding.task == sim::kNobody && finding.request != UINT64_MAX;
  out << fmt::format("  by {} at step {}, {}\n",
                     by_device ? "the device" : name_of_task(*run.trace, finding.task),
                     grouped(finding.step), virtual_time(finding.now_ns));
  if (is_known(finding.site)) {
    out << fmt::format("  at {}\n", place_and_function(finding.site));
    const std::string text = source_line(finding.site);
    if (!text.empty()) out << fmt::format("     {} | {}\n", finding.site.line(), text);
  }
}

// Breaks at blanks; every line after the first is indented.
void wrap(std::string_view text, size_t indent, std::ostream& out) {
  const size_t width = kColumns - indent;
  while (text.size() > width) {
    size_t end = text.rfind(' ', width);
    if (end == std::string_view::npos || end == 0) end = text.find(' ', width);
    if (end == std::string_view::npos) break;
    out << fmt::format("{}\n{:<{}}", text.substr(0, end), "", indent);
    text.remove_prefix(end + 1);
  }
  out << fmt::format("{}\n", text);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace
}  // namespace orrery::reports
