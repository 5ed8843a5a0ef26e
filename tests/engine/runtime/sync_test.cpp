// SPDX-License-Identifier: Apache-2.0
// Mutex, CondVar and Event on the simulated world: what only it can show. A mistake in their use is
// a verdict, and time is exact. Their promises are contracts (sync_contract.cpp).
#include "engine/runtime/sync.hpp"

#include <string>

#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Atomic;
using tests::TestWorld;

namespace {

constexpr uint64_t kSeeds = 1500;

/// Plays `body` under seeds of both sorts; counts the runs that did not end well.
template <typename Body, typename Judge>
uint64_t count_bad(TestWorld& world, const Body& body, const Judge& is_well) {
  uint64_t bad = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    world.play_seed(seed, body);
    bad += is_well() ? 0 : 1;
    tests::Restless restless(seed);
    world.play(restless, body);
    bad += is_well() ? 0 : 1;
  }
  return bad;
}

constexpr int kTasks = 4;

template <typename Body>
void on_four_tasks(engine::Tasks& tasks, const Body& body) {
  engine::TaskId started[kTasks];
  for (int i = 0; i < kTasks; ++i) {
    started[i] = tests::start(tasks, {"worker", static_cast<uint64_t>(i)}, body);
  }
  for (const engine::TaskId task : started) tasks.join(task);
}

/// Adds one, as everybody knows it should not be done without a lock.
void add_slowly(Atomic<uint64_t>& counter) {
  const uint64_t before = counter.load();
  counter.store(before + 1);
}

}  // namespace

TEST_CASE("a mutex lets one task in at a time, under every schedule", "[sync]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  uint64_t total = 0;
  bool locked = true;
  const auto body = [&] {
    engine::Mutex mutex(tasks);
    Atomic<uint64_t> counter{0};
    on_four_tasks(tasks, [&]() ORRERY_NO_ANALYSIS {
      for (int i = 0; i < 10; ++i) {
        if (locked) mutex.lock();
        add_slowly(counter);
        if (locked) mutex.unlock();
      }
    });
    total = counter.load();
  };
  const auto is_well = [&] { return world.verdict() == "ok" && total == 10 * kTasks; };
  REQUIRE(count_bad(world, body, is_well) == 0);
  locked = false;  // or the test would prove nothing
  REQUIRE(count_bad(world, body, is_well) > kSeeds / 2);
}

TEST_CASE("a mutex that nobody holds cannot be released", "[sync]") {
  TestWorld world;
  world.play_calmly([&]() ORRERY_NO_ANALYSIS {
    engine::Mutex mutex(world.runtime().tasks);
    mutex.unlock();
  });
  REQUIRE(world.verdict() == "check: CHECK(before != 0)");
}

TEST_CASE("a wait on a condition ends at its deadline and holds the mutex again", "[sync]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  bool in_time = true;
  int64_t waited_ns = 0;
  world.play_calmly([&] {
    engine::Mutex mutex(runtime.tasks);
    engine::CondVar never(runtime.tasks);
    mutex.lock();
    const engine::Instant before = runtime.clock.now();
    in_time = never.wait(mutex, before + engine::Duration{5 * engine::kMillisecond});
    waited_ns = (runtime.clock.now() - before).ns;
    mutex.unlock();
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE_FALSE(in_time);
  REQUIRE(waited_ns >= 5 * engine::kMillisecond);
  REQUIRE(waited_ns < 5 * engine::kMillisecond + engine::kMicrosecond);
}

TEST_CASE("a ticket taken after the condition was tested may be lost", "[sync]") {
  // The other order is a mistake that the world must be able to show.
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  const auto body = [&] {
    engine::Event moved(tasks);
    Atomic<uint32_t> place{0};
    const auto mover = [&] {
      place.store(1);
      moved.set();
    };
    const engine::TaskId task = tests::start(tasks, {"mover", 0}, mover);
    if (place.load() == 0) moved.wait(moved.ticket());
    tasks.join(task);
  };
  REQUIRE(count_bad(world, body, [&] { return world.verdict() == "ok"; }) > 0);
}

TEST_CASE("two mutexes taken in two orders are a deadlock, and it names who waits", "[sync]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  std::string text;
  const auto body = [&] {
    engine::Mutex first(tasks);
    engine::Mutex second(tasks);
    const auto other = [&] {
      const engine::Lock outer(second);
      const engine::Lock inner(first);
    };
    const engine::TaskId task = tests::start(tasks, {"other", 7}, other);
    {
      const engine::Lock outer(first);
      const engine::Lock inner(second);
    }
    tasks.join(task);
  };
  const auto is_well = [&] {
    if (world.verdict() == "ok") return true;
    text = world.text();
    return world.verdict().rfind("progress: deadlock", 0) != 0;
  };
  REQUIRE(count_bad(world, body, is_well) > 0);
  REQUIRE_THAT(text, Catch::Matchers::ContainsSubstring("other/7 waits"));
  REQUIRE_THAT(text, Catch::Matchers::ContainsSubstring("main/0 waits"));
}
