// SPDX-License-Identifier: Apache-2.0
// The forms in which a run can be told, by name. A form is one file and one row in catalogue.cpp: a
// pure function from a Telling to text. It never touches a world and asks nobody anything.
#pragma once

#include <ostream>
#include <span>
#include <string_view>

#include "reports/telling.hpp"

namespace orrery::reports {

using Render = void (*)(const Telling&, std::ostream&);

struct ReportRow {
  const char* name;
  const char* sentence;
  Render render;
};

std::span<const ReportRow> all_reports();

/// The row of that name, or null.
const ReportRow* find_report(std::string_view name);

/// For people: what was not calm, what was broken, whose memory it was, and a lane per task.
void render_story(const Telling& telling, std::ostream& out);
/// For machines: the whole run as one line of JSON, its fields always in the same order.
void render_json(const Telling& telling, std::ostream& out);
/// Every event, one a line.
void render_trace(const Telling& telling, std::ostream& out);
/// Where each task stands that has not ended.
void render_tasks(const Telling& telling, std::ostream& out);

}  // namespace orrery::reports
