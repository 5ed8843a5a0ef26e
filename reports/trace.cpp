// SPDX-License-Identifier: Apache-2.0
// Every event of a run, one a line: step, virtual time, task, what, values, place in the source.
// The deviations stand between them where they took effect, behind a ">".
#include <fmt/format.h>

#include "reports/catalogue.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
void render_trace(const Telling& telling, std::ostream& out) {
  const scenarios::Run& run = telling.run;
  const sim::Trace& trace = *run.trace;
  const auto tell_taken = [&](const sim::Taken& taken) {
    out << fmt::format("> {:>9} {:>15}  {}\n", grouped(taken.step), virtual_time(taken.now_ns),
                       sentence_of(run, taken));
  };
  size_t next = 0;
  for (const sim::Event& event : trace.events) {
    while (next < trace.taken.size() && trace.taken[next].step < event.step) {
      tell_taken(trace.taken[next++]);
    }
    out << fmt::format("  {:>9} {:>15}  {:<24} {:<24} {} {} {}  {}", grouped(event.step),
                       virtual_time(event.now_ns), name_of_task(trace, event.task),
                       kind_text(event.kind), event.a, event.b, event.c, sentence_of(run, event));
    if (is_known(event.site)) out << fmt::format("  {}", place_of(event.site));
    out << '\n';
  }
  while (next < trace.taken.size()) tell_taken(trace.taken[next++]);
}

}  // namespace orrery::reports
