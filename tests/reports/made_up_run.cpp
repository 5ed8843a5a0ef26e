// SPDX-License-Identifier: Apache-2.0
#include "tests/reports/made_up_run.hpp"

#include <array>

#include "engine/store/boundaries.hpp"
#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"

namespace orrery::reports {
namespace {

namespace events = engine::events;
using sim::Ask;
using sim::Kind;

sim::Site acquire_site();
sim::Site submit_site();
sim::Site retire_site();

constexpr std::array<scenarios::SizeRow, 2> kSizes{{
    {"page_bits", 6, 30, 9, "bits of an offset in a page"},
    {"sessions", 1, 9, 1, "clients"},
}};

uint16_t number(Kind kind) { return static_cast<uint16_t>(kind); }

}  // namespace

std::span<const scenarios::SizeRow> MadeUpScenario::sizes() const { return kSizes; }

void MadeUpScenario::draw(uint64_t, scenarios::Sizes& sizes) const {
  sizes.set("page_bits", 9);
  sizes.set("sessions", 2);
}

MadeUpRun::MadeUpRun() {
  plan.scenario = &scenario;
  plan.seed = 0x2a;
  scenario.draw(0, plan.sizes);
  plan.bugs = {"garnet-2063.a"};
  plan.faults = {"io-error"};
  happen();
  run.plan = &plan;
  run.verdict = scenarios::Verdict::failed;
  run.digest = 0x0123456789abcdef;
  run.steps = 1250;
  run.points = 1240;
  run.switches = 3;
  run.virtual_ns = 25'000;
  run.reached.assign(engine::kBugs.size(), 0);
  run.reached[1] = 2;
  run.trace = &trace;
  run.history = &history;
  scenarios::Finding finding;
  finding.oracle = "lifetimes";
  finding.label = "the device transfers from a frame whose lifetime has ended";
  finding.text = "write of 512 bytes at 0 of store/snapshot, transferred";
  finding.step = 1250;
  finding.now_ns = 25'000;
  finding.generation = 1;
  finding.request = 0;
  finding.site = submit_site();
  finding.signature = "lifetimes: the device transfers from a frame whose lifetime has ended";
  run.finding = finding;
}

void MadeUpRun::happen() {
  const sim::ActorId session{{"session", 0}, 0, 0};
  const sim::ActorId runner{{"flush-runner", 1}, 0, 0};
  trace.tasks = {{session, 0}, {runner, 900}};
  trace.lifetimes = {{7, 512, 10, 1200, 200, 24'000, 0, 0, acquire_site(), retire_site()}};
  trace.requests = {{"store/snapshot", 1, 0, 0, 512, 1, 1, 0, submit_site()}};
  trace.taken = {
      {{1, Ask::latency, 0, {{"write:store/snapshot", 0}, 0, 0}}, 15, {}, 1001, 20'020},
      {{2, Ask::preempt, 16, {{"upsert", 12}, 0, 0}}, 3, runner, 1000, 20'000},
  };
  std::swap(trace.taken[0], trace.taken[1]);
  const auto boundary = [](engine::Boundary which) { return static_cast<int64_t>(which); };
  trace.events = {
      {10, 200, 0, number(Kind::frame_acquired), 7, 1, 512, acquire_site()},
      {20, 400, 0, events::kBoundary, boundary(engine::Boundary::head), 1024, 512, {}},
      {30, 600, 0, events::kPageOpened, 9, 4608, 0, {}},
      {900,
       18'000,
       0,
       events::kCheckpointPhase,
       static_cast<int64_t>(engine::Phase::wait_flush),
       2,
       0,
       {}},
      {1000, 20'000, 0, number(Kind::task_switched), 1, 0, 0, {}},
      {1001, 20'020, 1, events::kSnapshotPageSubmitted, 7, 3584, 4096, {}},
      {1001, 20'020, 1, number(Kind::io_submitted), 0, 0, 512, submit_site()},
      {1200, 24'000, 0, number(Kind::frame_retired), 7, 1, 0, retire_site()},
      {1200, 24'000, 0, events::kPageClosed, 7, 0, 0, {}},
  };
}

namespace {

// From here on lines and files are made up.
// clang-format off
#line 40 "engine/store/made_up.cpp"
sim::Site acquire_site() { return sim::Site::current(); }
#line 112 "engine/store/made_up.cpp"
sim::Site submit_site() { return sim::Site::current(); }
#line 205 "../../engine/store/made_up.cpp"
sim::Site retire_site() { return sim::Site::current(); }
// clang-format on

}  // namespace
}  // namespace orrery::reports
