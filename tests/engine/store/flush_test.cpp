// SPDX-License-Identifier: Apache-2.0
// flushed_until never passes what is not written, however long a task stops on its way.
#include "engine/store/flush.hpp"

#include "engine/runtime/null_device.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Boundary;
using tests::TestWorld;

namespace {

constexpr engine::LogAddr kPage = 512;

struct Seen {
  engine::LogAddr flushed = 0;
  bool a_ring_ahead = false;  // page 4, which shares its slot with page 0, was written meanwhile
};

// A ring of four pages. The task `late` has written page 0; at its n-th point `ahead` runs instead,
// writes page 1, and then page 4 if page 0 counts as flushed. Nobody writes pages 2 and 3.
Seen stopped_at(uint64_t point) {
  TestWorld world;
  const uint64_t late_key = sim::key_of(sim::hash_of("late"), 0, 0, 0);
  const uint64_t ahead_key = sim::key_of(sim::hash_of("ahead"), 0, 0, 0);
  const sim::Deviated switched{late_key, sim::Ask::preempt, point, ahead_key};
  sim::Replayed source({&switched, 1});
  Seen seen;
  const auto body = [&] {
    const engine::Runtime runtime = world.runtime();
    engine::Boundaries boundaries;
    const engine::Bugs bugs;
    engine::PageFrames frames(runtime, boundaries, bugs);
    engine::StoreOptions options;
    if (!frames.initialise({9, 4, kPage, kPage}, options)) return;
    boundaries.set_all(engine::kFirstValid);
    engine::NullDevice device;
    engine::Flusher flusher(runtime, boundaries, frames, bugs);
    if (!flusher.initialise(device, engine::kFirstValid)) return;
    bool late_ended = false;
    const auto late = [&] {
      flusher.flush_pages(engine::kFirstValid, kPage);
      late_ended = true;
    };
    const auto ahead = [&] {
      flusher.flush_pages(kPage, 2 * kPage);
      if (boundaries.load(Boundary::flushed) < kPage) return;
      seen.a_ring_ahead = !late_ended;
      flusher.flush_pages(4 * kPage, 5 * kPage);
    };
    const engine::TaskId first = tests::start(runtime.tasks, {"late", 0}, late);
    const engine::TaskId second = tests::start(runtime.tasks, {"ahead", 0}, ahead);
    runtime.tasks.join(first);
    runtime.tasks.join(second);
    seen.flushed = boundaries.load(Boundary::flushed);
    flusher.close();
    frames.retire_all();
  };
  world.play(source, body);
  REQUIRE(world.verdict() == "ok");
  return seen;
}

}  // namespace

TEST_CASE("a task that stops for a turn of the ring does not skip what is not written", "[flush]") {
  size_t a_ring_ahead = 0;
  for (uint64_t point = 0; point < 30; ++point) {
    INFO("stopped at point " << point);
    const Seen seen = stopped_at(point);
    REQUIRE(seen.flushed == 2 * kPage);
    a_ring_ahead += seen.a_ring_ahead;
  }
  REQUIRE(a_ring_ahead >= 2);
}
