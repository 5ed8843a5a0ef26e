// SPDX-License-Identifier: Apache-2.0
// flushed_until never passes what is not written, however long a task stops on its way; and what
// could not be written is tried again, by whoever is there.
#include "engine/store/flush.hpp"

#include "engine/runtime/null_device.hpp"
#include "tests/engine/store/plain_runtime.hpp"
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
    if (!flusher.initialise(device, engine::kFirstValid, options.main_io)) return;
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

/// A flusher over a ring of four pages, and a device that does what the test says.
struct Bare {
  explicit Bare(const engine::RetryPolicy& policy = {}) {
    REQUIRE(frames.initialise({9, 4, kPage, 64}, engine::StoreOptions{}));
    boundaries.set_all(engine::kFirstValid);
    REQUIRE(frames.ensure(0));
    REQUIRE(frames.ensure(1));
    device = &static_cast<engine::testing::PlainDevice&>(**plain.open("log", {0, 64}));
    REQUIRE(flusher.initialise(*device, engine::kFirstValid, policy));
  }
  ~Bare() { frames.retire_all(); }

  engine::LogAddr flushed() const { return boundaries.load(Boundary::flushed); }

  engine::testing::PlainRuntime plain;
  engine::Boundaries boundaries;
  const engine::Bugs bugs;
  engine::PageFrames frames{plain.runtime(), boundaries, bugs};
  engine::Flusher flusher{plain.runtime(), boundaries, frames, bugs};
  engine::testing::PlainDevice* device = nullptr;
};

engine::RetryPolicy policy_of(uint32_t attempts, uint32_t delay_us) { return {attempts, delay_us}; }

}  // namespace

TEST_CASE("a write is tried as often as the policy says, and then the log has failed", "[flush]") {
  for (const int attempts : {1, 2, 3, 16}) {
    for (const uint32_t delay_us : {0U, 50U}) {
      INFO(attempts << " attempts, after " << delay_us << " us");
      const engine::RetryPolicy policy = policy_of(static_cast<uint32_t>(attempts), delay_us);
      Bare bare(policy);
      bare.device->failing_writes = attempts - 1;
      bare.flusher.flush_pages(engine::kFirstValid, 128);
      REQUIRE(bare.flusher.wait_for(128));
      CHECK(bare.device->writes == attempts);
      CHECK(bare.plain.now().ns == (attempts - 1) * int64_t{delay_us} * 1000);
      bare.device->failing_writes = attempts;
      bare.flusher.flush_pages(128, 256);
      const auto failed = bare.flusher.wait_for(256);
      REQUIRE_FALSE(failed);
      CHECK(failed.error().code == engine::Errc::io);
      CHECK(bare.flushed() == 128);
      CHECK(bare.device->writes == 2 * attempts);
      bare.flusher.close();
    }
  }
}

TEST_CASE("no task and no memory is needed to write a log, nor to try again", "[flush]") {
  for (const uint32_t delay_us : {0U, 50U}) {
    Bare bare(policy_of(3, delay_us));
    bare.plain.queued = true;
    bare.plain.failing_spawns = 1 << 20;
    bare.device->failing_writes = 2;
    const int blocks = bare.plain.live_blocks;
    bare.flusher.flush_pages(engine::kFirstValid, 128);
    for (engine::LogAddr from = 128; from < kPage; from += 64) {
      bare.flusher.flush_pages(from, from + 64);
    }
    CHECK(bare.plain.live_blocks == blocks);
    REQUIRE(bare.flusher.wait_for(kPage));
    CHECK(bare.device->writes == 4);  // the first part, tried three times, and all that came behind
    bare.flusher.close();
  }
}

TEST_CASE("parts of a page are written in order, in whichever they come", "[flush]") {
  Bare bare;
  bare.plain.queued = true;
  bare.flusher.flush_pages(engine::kFirstValid, kPage);
  bare.flusher.flush_pages(kPage + 64, kPage + 128);
  bare.flusher.flush_pages(kPage + 128, kPage + 192);
  bare.flusher.flush_pages(kPage, kPage + 64);
  CHECK(bare.plain.queue_size() == 2);  // never two of one page
  bare.plain.complete_all();
  CHECK(bare.flushed() == kPage + 192);
  bare.flusher.close();
}

TEST_CASE("a part that is given up passes its turn on to the one behind", "[flush]") {
  Bare bare;
  bare.flusher.flush_pages(engine::kFirstValid, kPage);
  bare.boundaries.raise(Boundary::begin, kPage + 64);
  bare.plain.queued = true;
  bare.flusher.flush_pages(kPage + 64, kPage + 128);
  bare.flusher.flush_pages(kPage, kPage + 64);
  bare.plain.complete_all();
  CHECK(bare.flushed() == kPage + 128);
  bare.flusher.close();
}

TEST_CASE("what waits to be tried again is written by whoever asks, or at the end", "[flush]") {
  for (const bool asks : {true, false}) {
    Bare bare(policy_of(2, 50));
    bare.device->failing_writes = 1;
    bare.flusher.flush_pages(engine::kFirstValid, 128);
    CHECK(bare.device->writes == 1);
    bare.flusher.try_complete();
    CHECK(bare.device->writes == 1);  // not before its time
    engine::Atomic<uint32_t> nobody{0};
    bare.plain.wait(nobody, 0, {50'000}, {});
    CHECK(bare.device->writes == 1);
    if (asks) bare.flusher.try_complete();
    if (!asks) bare.flusher.close();
    CHECK(bare.device->writes == 2);
    CHECK(bare.flushed() == 128);
    bare.flusher.close();
  }
}

TEST_CASE("a log that is closed does not wait out its pauses", "[flush]") {
  Bare bare(policy_of(3, 1'000'000));
  bare.device->failing_writes = 2;
  bare.flusher.flush_pages(engine::kFirstValid, 128);
  bare.flusher.close();
  CHECK(bare.flushed() == 128);
  CHECK(bare.plain.now().ns == 0);
}

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
