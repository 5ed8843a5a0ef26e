// SPDX-License-Identifier: Apache-2.0
#include "reports/catalogue.hpp"

#include <array>

namespace orrery::reports {
namespace {

constexpr auto kReports = std::to_array<ReportRow>({
    {"story", "what was not calm, what was broken, and a lane per task", &render_story},
    {"json", "the whole run as one line of JSON", &render_json},
    {"trace", "every event, one a line", &render_trace},
    {"tasks", "where each task stands that has not ended", &render_tasks},
});

}  // namespace

std::span<const ReportRow> all_reports() { return kReports; }

const ReportRow* find_report(std::string_view name) {
  for (const ReportRow& row : kReports) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string without(const Telling& telling, const sim::Taken& taken) {
  const std::vector<sim::Deviation> wanted = sim::deviations_of({taken});
  for (const Need& need : telling.needs) {
    if (need.deviation == wanted.front()) return need.without;
  }
  return {};
}

}  // namespace orrery::reports
