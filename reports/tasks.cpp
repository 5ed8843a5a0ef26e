// SPDX-License-Identifier: Apache-2.0
// Where each task stands that has not ended: since when, and at which call. In a detailed run every
// point is in the trace, so the last one is the very call in which a task waits; otherwise it is
// the last thing that the task said or did.
#include <fmt/format.h>

#include "reports/catalogue.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

struct Standing {
  bool ended = false;
  uint64_t stopped = 0;  // the step at which it last ran
  bool ran = false;
  const sim::Event* last = nullptr;  // the latest of its events with a place in the source
};

std::vector<Standing> standings(const sim::Trace& trace);

}  // namespace

void render_tasks(const Telling& telling, std::ostream& out) {
  const sim::Trace& trace = *telling.run.trace;
  const std::vector<Standing> all = standings(trace);
  size_t shown = 0;
  size_t width = 4;
  for (uint32_t task = 0; task < all.size(); ++task) {
    if (!all[task].ended) width = std::max(width, name_of_task(trace, task).size());
  }
  for (uint32_t task = 0; task < all.size(); ++task) {
    const Standing& one = all[task];
    if (one.ended) continue;
    ++shown;
    const std::string since =
        one.ran ? fmt::format("since step {}", grouped(one.stopped)) : "has not started";
    out << fmt::format("  {:<{}}  {:<18}", name_of_task(trace, task), width, since);
    if (one.last != nullptr) {
      out << fmt::format("  {}", place_and_function(one.last->site));
      const std::string text = source_line(one.last->site);
      if (!text.empty()) out << fmt::format("\n  {:<{}}    {}", "", width, text);
    }
    out << '\n';
  }
  if (shown == 0) out << "  every task has ended\n";
}

namespace {

std::vector<Standing> standings(const sim::Trace& trace) {
  std::vector<Standing> all(trace.tasks.size());
  for (const sim::Event& event : trace.events) {
    if (event.kind == static_cast<uint16_t>(sim::Kind::task_ended)) {
      const auto task = static_cast<size_t>(event.a);
      if (task < all.size()) all[task].ended = true;
    }
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) {
      for (Standing& one : all) one.ended = true;  // of the incarnations before
    }
    if (event.task >= all.size()) continue;
    Standing& one = all[event.task];
    one.ran = true;
    one.stopped = event.step;
    if (is_known(event.site)) one.last = &event;
  }
  return all;
}

}  // namespace
}  // namespace orrery::reports
