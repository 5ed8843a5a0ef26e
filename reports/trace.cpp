// SPDX-License-Identifier: Apache-2.0
// Every event of a run, one a line: step, virtual time, task, what, values, place in the source.
// The deviations stand between them where they took effect, behind a ">".
#include <fmt/ostream.h>

#include "engine/store/events.hpp"
#include "reports/catalogue.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

const char* world_kind(uint16_t kind);

}  // namespace

void render_trace(const Telling& telling, std::ostream& out) {
  const scenarios::Run& run = telling.run;
  const sim::Trace& trace = *run.trace;
  const auto tell_taken = [&](const sim::Taken& taken) {
    fmt::print(out, "> {:>9} {:>15}  {}\n", grouped(taken.step), virtual_time(taken.now_ns),
               sentence_of(run, taken));
  };
  size_t next = 0;
  for (const sim::Event& event : trace.events) {
    while (next < trace.taken.size() && trace.taken[next].step < event.step) {
      tell_taken(trace.taken[next++]);
    }
    const std::string_view engine_name = engine::events::name_of(event.kind);
    const std::string_view kind =
        engine_name.empty() ? std::string_view(world_kind(event.kind)) : engine_name;
    fmt::print(out, "  {:>9} {:>15}  {:<24} {:<24} {} {} {}  {}", grouped(event.step),
               virtual_time(event.now_ns), name_of_task(trace, event.task), kind, event.a, event.b,
               event.c, sentence_of(run, event));
    if (is_known(event.site)) fmt::print(out, "  {}", place_of(event.site));
    out << '\n';
  }
  while (next < trace.taken.size()) tell_taken(trace.taken[next++]);
}

namespace {

const char* world_kind(uint16_t kind) {
  switch (static_cast<sim::Kind>(kind)) {
    case sim::Kind::task_spawned: return "task-spawned";
    case sim::Kind::task_ended: return "task-ended";
    case sim::Kind::task_switched: return "task-switched";
    case sim::Kind::frame_acquired: return "frame-acquired";
    case sim::Kind::frame_retired: return "frame-retired";
    case sim::Kind::io_submitted: return "io-submitted";
    case sim::Kind::io_transferred: return "io-transferred";
    case sim::Kind::io_completed: return "io-completed";
    case sim::Kind::io_synced: return "io-synced";
    case sim::Kind::allocation_failed: return "allocation-failed";
    case sim::Kind::crashed: return "crashed";
    case sim::Kind::point: return "point";
  }
  return "event";
}

}  // namespace
}  // namespace orrery::reports
