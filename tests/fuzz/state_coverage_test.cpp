// SPDX-License-Identifier: Apache-2.0
// Traces made by hand: each part of a state tells two runs from one another that differ in nothing
// else.
#include "fuzz/state_coverage.hpp"

#include <algorithm>
#include <vector>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "tests/catch.hpp"

using namespace orrery;
namespace events = engine::events;
using engine::Boundary;
using sim::Event;
using sim::Kind;

namespace {

Event event(uint16_t kind, int64_t a = 0, int64_t b = 0, uint64_t step = 0) {
  Event one;
  one.kind = kind;
  one.a = a;
  one.b = b;
  one.step = step;
  return one;
}
Event event(Kind kind, int64_t a = 0, int64_t b = 0, uint64_t step = 0) {
  return event(static_cast<uint16_t>(kind), a, b, step);
}
Event moved(Boundary which, int64_t to) {
  return event(events::kBoundary, static_cast<int64_t>(which), to);
}

std::vector<uint8_t> states(const std::vector<Event>& all) {
  scenarios::Plan plan;
  plan.sizes.set("page_bits", 9);
  sim::Trace trace;
  trace.events = all;
  // Two writes of the log, the first from the frame of page 1; and a write of a snapshot.
  trace.requests.resize(3);
  trace.requests[0].device = trace.requests[1].device = "store/hlog";
  trace.requests[2].device = "store/cpr-checkpoints/1/snapshot.dat";
  for (sim::IoRecord& request : trace.requests) request.kind = 1;
  trace.requests[0].generation = 1;
  trace.lifetimes.resize(1);
  trace.lifetimes[0].page = 1;
  trace.lifetimes[0].retired_step = 100;
  scenarios::Run run;
  run.plan = &plan;
  run.trace = &trace;
  std::vector<uint8_t> counters(4096);
  fuzz::cover(run, counters);
  return counters;
}

}  // namespace

TEST_CASE("what is in flight is part of a state", "[coverage]") {
  REQUIRE(states({event(Kind::io_submitted, 0), event(Kind::task_spawned)}) !=
          states({event(Kind::io_submitted, 2), event(Kind::task_spawned)}));
  // What has come back is in flight no more.
  const Event submitted = event(Kind::io_submitted, 0);
  const Event completed = event(Kind::io_completed, 0);
  REQUIRE(states({submitted, completed, event(Kind::task_spawned)}) !=
          states({submitted, event(Kind::task_spawned), completed}));
}

TEST_CASE("the order of callbacks is part of a state", "[coverage]") {
  const Event first = event(Kind::io_submitted, 0);
  const Event second = event(Kind::io_submitted, 1);
  REQUIRE(states({first, second, event(Kind::io_completed, 0), event(Kind::io_completed, 1)}) !=
          states({first, second, event(Kind::io_completed, 1), event(Kind::io_completed, 0)}));
  // Before and after its page's frame was given back; and long after the log went on.
  const auto at = [&](uint64_t step) {
    return states({first, event(Kind::io_completed, 0, 0, step)});
  };
  REQUIRE(at(99) != at(100));
  REQUIRE(at(1) == at(2));
  const auto behind = [&](int64_t safe_ro) {
    return states({moved(Boundary::safe_ro, safe_ro), first, event(Kind::io_completed, 0)});
  };
  REQUIRE(behind(512 * 9) != behind(512 * 40));
  REQUIRE(behind(512 * 33) == behind(512 * 34));
}

TEST_CASE("phases, boundaries and frames are parts of a state", "[coverage]") {
  const Event opened = event(events::kPageOpened, 3);
  REQUIRE(states({event(events::kCheckpointPhase, 2), opened}) !=
          states({event(events::kCheckpointPhase, 7), opened}));
  REQUIRE(states({event(events::kPageParked, 1), opened}) !=
          states({event(events::kPageParked, 1), event(events::kPageUnparked, 1), opened}));
  REQUIRE(states({moved(Boundary::ro, 512), moved(Boundary::head, 512), opened}) !=
          states({moved(Boundary::head, 512), moved(Boundary::ro, 512), opened}));
  // A crash forgets all of it: what follows is as at the start.
  const std::vector<uint8_t> fresh = states({opened});
  for (const Event& before : {event(events::kCheckpointPhase, 7), event(events::kPageParked, 1),
                              moved(Boundary::ro, 512), event(Kind::io_submitted, 0)}) {
    const std::vector<uint8_t> after = states({before, event(Kind::crashed), opened});
    REQUIRE(std::equal(fresh.begin(), fresh.end(), after.begin(),
                       [](uint8_t one, uint8_t other) { return one <= other; }));
  }
}
