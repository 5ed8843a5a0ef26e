// SPDX-License-Identifier: Apache-2.0
// Mutex, CondVar, Event, Latch and Semaphore on the simulated world, where a lost wake-up is a
// deadlock and a deadlock is a verdict. Each promise is kept under thousands of schedules.
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

TEST_CASE("a condition variable loses no wake-up", "[sync]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  uint64_t taken = 0;
  const auto body = [&] {
    engine::Mutex mutex(tasks);
    engine::CondVar filled(tasks);
    engine::CondVar emptied(tasks);
    constexpr int kRoom = 2;
    int inside = 0;
    uint64_t out = 0;
    Atomic<uint32_t> next_role{0};
    on_four_tasks(tasks, [&] {
      const bool produces = next_role.fetch_add(1) % 2 == 0;
      for (int i = 0; i < 6; ++i) {
        const engine::Lock lock(mutex);
        while (produces ? inside == kRoom : inside == 0) {
          (produces ? emptied : filled).wait(mutex);
        }
        inside += produces ? 1 : -1;
        out += produces ? 0 : 1;
        (produces ? filled : emptied).notify_one();
      }
    });
    taken = out;
  };
  REQUIRE(count_bad(world, body, [&] { return world.verdict() == "ok" && taken == 12; }) == 0);
}

TEST_CASE("notify_all wakes everybody who waits", "[sync]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  uint64_t passed = 0;
  const auto body = [&] {
    engine::Mutex mutex(tasks);
    engine::CondVar opened(tasks);
    bool is_open = false;
    passed = 0;
    const auto opener = [&] {
      const engine::Lock lock(mutex);
      is_open = true;
      opened.notify_all();
    };
    const engine::TaskId task = tests::start(tasks, {"opener", 0}, opener);
    on_four_tasks(tasks, [&] {
      const engine::Lock lock(mutex);
      while (!is_open) opened.wait(mutex);
      ++passed;
    });
    tasks.join(task);
  };
  REQUIRE(count_bad(world, body, [&] { return world.verdict() == "ok" && passed == 4; }) == 0);
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

TEST_CASE("an event releases every ticket that was taken before it was set", "[sync]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  const auto body = [&] {
    engine::Event moved(tasks);
    Atomic<uint32_t> place{0};
    const auto mover = [&] {
      for (int i = 0; i < 5; ++i) {
        place.fetch_add(1);
        moved.set();
      }
    };
    const engine::TaskId task = tests::start(tasks, {"mover", 0}, mover);
    on_four_tasks(tasks, [&] {
      for (;;) {
        const uint32_t ticket = moved.ticket();
        if (place.load() == 5) return;
        moved.wait(ticket);
      }
    });
    tasks.join(task);
  };
  REQUIRE(count_bad(world, body, [&] { return world.verdict() == "ok"; }) == 0);
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

TEST_CASE("a latch opens for those who wait and for those who come later", "[sync]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  bool was_open_at_first = true;
  const auto body = [&] {
    engine::Latch latch(tasks);
    was_open_at_first = latch.is_open();
    const auto opener = [&] { latch.open(); };
    const engine::TaskId task = tests::start(tasks, {"opener", 0}, opener);
    on_four_tasks(tasks, [&] { latch.wait(); });
    tasks.join(task);
    latch.wait();
  };
  const auto is_well = [&] { return world.verdict() == "ok" && !was_open_at_first; };
  REQUIRE(count_bad(world, body, is_well) == 0);
}

TEST_CASE("a semaphore lets in as many as it counts, and loses none", "[sync]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  uint32_t most = 0;
  uint32_t left = 0;
  const auto body = [&] {
    engine::Semaphore places(tasks, 2);
    uint32_t inside = 0;
    most = 0;
    on_four_tasks(tasks, [&] {
      for (int i = 0; i < 6; ++i) {
        places.acquire();
        most = std::max(most, ++inside);
        Atomic<uint32_t> somewhere{0};
        somewhere.store(1);  // a point, so that others may come in
        --inside;
        places.release();
      }
    });
    left = places.count();
  };
  const auto is_well = [&] {
    return world.verdict() == "ok" && most >= 1 && most <= 2 && left == 2;
  };
  REQUIRE(count_bad(world, body, is_well) == 0);
}

TEST_CASE("whoever was released may destroy what released him", "[sync]") {
  // A request's latch lies on the stack or in the block of the one who waits for it.
  TestWorld world;
  world.laws.guarded = true;  // a late touch is an access violation
  engine::Runtime runtime = world.runtime();
  const auto body = [&] {
    auto block = runtime.memory.allocate(sizeof(engine::Semaphore), 8, "semaphore");
    auto* const semaphore = new (*block) engine::Semaphore(runtime.tasks);
    auto latched = runtime.memory.allocate(sizeof(engine::Latch), 8, "latch");
    auto* const latch = new (*latched) engine::Latch(runtime.tasks);
    const auto releaser = [&] {
      semaphore->release();
      latch->open();
    };
    const engine::TaskId task = tests::start(runtime.tasks, {"releaser", 0}, releaser);
    semaphore->acquire();
    runtime.memory.free(semaphore);
    latch->wait();
    runtime.memory.free(latch);
    runtime.tasks.join(task);
  };
  REQUIRE(count_bad(world, body, [&] { return world.verdict() == "ok"; }) == 0);
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
