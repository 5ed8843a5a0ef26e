// SPDX-License-Identifier: Apache-2.0
// What a story must not leave out: who the failure is about, every decision of a shrunk run, and
// where recovery put the log.
#include <algorithm>
#include <sstream>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "reports/log_state.hpp"
#include "tests/catch.hpp"
#include "tests/reports/made_up_run.hpp"

namespace orrery::reports {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string story_of(const Telling& telling) {
  std::ostringstream out;
  render_story(telling, out);
  return out.str();
}

/// The line that begins with `what`, after blanks.
std::string line_with(const std::string& text, const std::string& what) {
  const size_t at = text.find(what);
  if (at == std::string::npos) return {};
  return text.substr(at, text.find('\n', at) - at);
}

/// More tasks run when it was not their turn, one after the other, before anything of the rest.
void deviate(MadeUpRun& made, uint64_t tasks) {
  for (uint64_t i = 0; i < tasks; ++i) {
    const auto task = static_cast<uint32_t>(made.trace.tasks.size());
    const sim::ActorId name{{"passer-by", i}, 0, 0};
    made.trace.tasks.push_back({name, 100});
    sim::Event event;
    event.step = 100 + i;
    event.task = task;
    event.kind = static_cast<uint16_t>(sim::Kind::task_switched);
    event.a = task;
    // In the order of the steps, as a trace is; clang has libstdc++'s stable sort for deprecated.
    auto& events = made.trace.events;
    const auto later = [&](const sim::Event& other) { return other.step > event.step; };
    events.insert(std::find_if(events.begin(), events.end(), later), event);
    sim::Taken taken;
    taken.at = {i, sim::Ask::preempt, 1, name};
    taken.value = 1;
    taken.task = name;
    taken.step = event.step;
    made.trace.taken.insert(made.trace.taken.begin() + static_cast<std::ptrdiff_t>(i), taken);
  }
}

}  // namespace

TEST_CASE("who the failure is about has a lane, whoever deviated; others share the last column") {
  MadeUpRun made;
  deviate(made, 6);
  const std::string story = story_of({made.run, {}});
  const std::string head = line_with(story, "virtual  ");
  CHECK(head.starts_with("virtual  flush-runner/1        session/0             passer-by/0"));
  CHECK(head.ends_with("others"));
  CHECK_THAT(story, ContainsSubstring("passer-by/4: stops; "));
  const size_t others = head.find("others");
  const size_t virtual_at = story.find(head) - story.rfind('\n', story.find(head));
  for (const std::string name : {"passer-by/3: ", "passer-by/4: "}) {
    const size_t at = story.find(name);
    REQUIRE(at != std::string::npos);
    CHECK(at - story.rfind('\n', at) == virtual_at + others);
  }
}

TEST_CASE("of a shrunk run every deviation is told, and no more shrinking is advised") {
  MadeUpRun made;
  deviate(made, 18);
  const std::string whole = story_of({made.run, {}});
  CHECK_THAT(whole, ContainsSubstring("8 before these; orrery shrink keeps the few that matter"));
  CHECK_THAT(whole, !ContainsSubstring("passer-by/3 ran"));
  const std::vector<sim::Deviation> deviations = sim::deviations_of(made.trace.taken);
  const std::vector<Need> needs{{deviations.back(), "the run is ok"}};
  const std::string shrunk = story_of({made.run, needs});
  CHECK_THAT(shrunk, !ContainsSubstring("orrery shrink"));
  CHECK_THAT(shrunk, ContainsSubstring("passer-by/0 ran"));
  CHECK_THAT(shrunk, ContainsSubstring("<- deviation 1\n"));
  CHECK_THAT(shrunk, ContainsSubstring("<- deviation 20"));
}

TEST_CASE("two lanes with one name have their devices in it") {
  MadeUpRun made;
  for (const char* label : {"done-sync:store/hlog", "done-sync:store/a/snapshot.dat"}) {
    sim::Event event;
    event.step = 1210;
    event.task = static_cast<uint32_t>(made.trace.tasks.size());
    event.kind = engine::events::kPageClosed;
    made.trace.tasks.push_back({sim::ActorId{{label, 512}, 0, 0}, 1210});
    made.trace.events.push_back(event);
  }
  const std::string head = line_with(story_of({made.run, {}}), "virtual  ");
  CHECK_THAT(head, ContainsSubstring("  done-sync:hlog/512  "));
  CHECK_THAT(head, ContainsSubstring("  done-sync:snapsh/512"));
  CHECK_THAT(head, ContainsSubstring("  session/0  "));
}

TEST_CASE("what a finding points to is shown, however much else there is") {
  MadeUpRun made;
  deviate(made, 40);
  sim::Event event;
  event.step = 1;
  event.kind = engine::events::kSnapshotPageLeftOut;
  event.a = 3;
  made.trace.events.insert(made.trace.events.begin(), event);
  made.run.finding->oracle = "progress";
  made.run.finding->events = {0};
  const std::vector<Need> needs{{sim::deviations_of(made.trace.taken).back(), "the run is ok"}};
  CHECK_THAT(story_of({made.run, needs}),
             ContainsSubstring("snapshot page 3: evicted already, not written"));
}

TEST_CASE("a request that ended short is shown, with what it moved, however long ago it was") {
  MadeUpRun made;
  sim::IoRecord record;
  record.length = 512;
  made.trace.requests.push_back(record);
  sim::Event event = made.trace.events.front();
  event.kind = static_cast<uint16_t>(sim::Kind::io_completed);
  event.a = static_cast<int64_t>(made.trace.requests.size()) - 1;
  event.b = 0;
  event.c = 128;
  made.trace.events.insert(made.trace.events.begin(), event);
  deviate(made, 6);
  CHECK_THAT(story_of({made.run, {}}), ContainsSubstring("completes: ok, but with 128 bytes only"));
}

TEST_CASE("what the device did is said of the device") {
  const MadeUpRun made;
  CHECK_THAT(story_of({made.run, {}}), ContainsSubstring("  by the device at step 1,250"));
}

TEST_CASE("a log that was recovered stands where recovery put it") {
  MadeUpRun made;
  sim::Event event;
  event.step = 1240;
  event.kind = engine::events::kLogRecovered;
  event.a = 512;
  event.b = 1024;
  event.c = 4608;
  made.trace.events.push_back(event);
  const LogState state = log_state_at(made.run, made.trace.events.size());
  const auto value = [&](engine::Boundary which) {
    return state.boundaries[static_cast<size_t>(which)]->value;
  };
  using engine::Boundary;
  CHECK(value(Boundary::begin) == 512);
  for (const Boundary low : {Boundary::closed, Boundary::safe_head, Boundary::head}) {
    CHECK(value(low) == 1024);
  }
  for (const Boundary high : {Boundary::flushed, Boundary::safe_ro, Boundary::ro}) {
    CHECK(value(high) == 4608);
  }
  CHECK_THAT(story_of({made.run, {}}), !ContainsSubstring("has not moved"));
}

}  // namespace orrery::reports
