// SPDX-License-Identifier: Apache-2.0
// Spins, deadlock, livelock and the budget: every run ends, and never for the wrong reason.
#include <string>

#include "engine/runtime/sync.hpp"
#include "faults/catalogue.hpp"
#include "sim/scheduler.hpp"
#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Atomic;
using tests::TestWorld;

namespace {

bool starts_with(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

}  // namespace

TEST_CASE("a spin that yields ends when the flag is set, under every schedule", "[spin]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  const auto body = [&] {
    Atomic<uint32_t> turn{0};
    Atomic<uint32_t> next{0};
    const auto player = [&] {
      const uint32_t mine = next.fetch_add(1);
      for (uint32_t i = 0; i < 5; ++i) {
        while (turn.load() % 3 != mine) tasks.yield();
        turn.fetch_add(1);
      }
    };
    engine::TaskId started[3];
    for (auto& task : started) task = tests::start(tasks, {"player", 0}, player);
    for (const auto task : started) tasks.join(task);
  };
  uint64_t bad = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    world.play_seed(seed, body);
    bad += world.verdict() == "ok" ? 0 : 1;
    tests::Restless restless(seed);
    world.play(restless, body);
    bad += world.verdict() == "ok" ? 0 : 1;
  }
  REQUIRE(bad == 0);
}

TEST_CASE("a spinning task costs nothing while nothing changes", "[spin]") {
  // Twenty spin for a flag that is set after a long time: parked, they do not run meanwhile.
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  const auto body = [&] {
    Atomic<uint32_t> flag{0};
    Atomic<uint32_t> never{0};
    const auto spinner = [&] {
      while (flag.load() == 0) runtime.tasks.yield();
    };
    engine::TaskId started[20];
    for (auto& task : started) task = tests::start(runtime.tasks, {"spinner", 0}, spinner);
    (void)runtime.tasks.wait(never, 0, {1000 * engine::kMillisecond});
    flag.store(1);
    for (const auto task : started) runtime.tasks.join(task);
  };
  world.play_calmly(body);
  REQUIRE(world.verdict() == "ok");
  REQUIRE(world.scheduler().points() < 400);
}

TEST_CASE("a spin sees a change that came between its look and its yield", "[spin]") {
  // Stamped at the yield instead of at the start of the iteration, it would be missed, and time
  // would go on without anybody: to the sleeper's deadline, or to a livelock.
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  constexpr int64_t kLate = 1000 * engine::kMillisecond;
  int64_t ended_ns = 0;
  const auto body = [&] {
    Atomic<uint32_t> flag{0};
    Atomic<uint32_t> never{0};
    const auto sleeper = [&] { (void)runtime.tasks.wait(never, 0, {kLate}); };
    const auto setter = [&] { flag.store(1); };
    const engine::TaskId last = tests::start(runtime.tasks, {"sleeper", 0}, sleeper);
    const engine::TaskId task = tests::start(runtime.tasks, {"setter", 0}, setter);
    runtime.tasks.yield();  // not the first iteration, which is never parked
    while (flag.load() == 0) runtime.tasks.yield();
    ended_ns = runtime.clock.now().ns;
    runtime.tasks.join(task);
    runtime.tasks.join(last);
  };
  uint64_t bad = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    tests::Restless restless(seed);
    world.play(restless, body);
    bad += world.verdict() == "ok" && ended_ns < kLate ? 0 : 1;
  }
  REQUIRE(bad == 0);
}

TEST_CASE("a delivery ends a spin", "[spin]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  bool done = false;
  world.play_calmly([&] {
    engine::Device* const device = *runtime.storage.open("spin/data", {});
    engine::Io io;
    io.kind = engine::IoKind::sync;
    io.owner = &done;
    io.done = [](engine::Io& finished) { *static_cast<bool*>(finished.owner) = true; };
    device->submit(io);
    while (!done) runtime.tasks.yield();  // a plain flag: no atomic changes
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(done);
}

TEST_CASE("a delivery ends a spin while others are busy with nothing", "[spin]") {
  TestWorld world;
  world.laws.disk.nominal_ns = 5'000 * world.laws.pace.point_ns;
  engine::Runtime runtime = world.runtime();
  bool done = false;
  bool ended_meanwhile = false;
  world.play_calmly([&] {
    engine::Device* const device = *runtime.storage.open("spin/data", {});
    bool has_spun = false;
    const auto spinner = [&] {
      engine::Io io;
      io.kind = engine::IoKind::sync;
      io.owner = &done;
      io.done = [](engine::Io& finished) { *static_cast<bool*>(finished.owner) = true; };
      device->submit(io);
      while (!done) runtime.tasks.yield();
      has_spun = true;
    };
    const engine::TaskId task = tests::start(runtime.tasks, {"spinner", 0}, spinner);
    runtime.tasks.yield();
    Atomic<uint32_t> word{0};
    for (int i = 0; i < 20'000; ++i) (void)word.load();  // stops only where it is made to
    ended_meanwhile = has_spun;
    runtime.tasks.join(task);
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(ended_meanwhile);
}

TEST_CASE("whoever spins for what has happened can be picked at any point", "[spin]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  uint32_t seen = 0;
  const auto body = [&] {
    Atomic<uint32_t> flag{0};
    const auto spinner = [&] {
      while (flag.load() == 0) tasks.yield();
      seen = flag.load();
    };
    const engine::TaskId task = tests::start(tasks, {"spinner", 0}, spinner);
    for (int i = 0; i < 2500; ++i) (void)flag.load();  // so long that the spinner looks and parks
    flag.store(1);
    for (int i = 0; i < 20; ++i) (void)flag.load();
    flag.store(2);
    tasks.join(task);
  };
  world.play_calmly(body);
  REQUIRE(seen == 2);
  // Main's points: the spawn, the loads, the store at 2501, the loads behind it.
  const sim::Deviation one{{"main", 0, 0, 0}, sim::Ask::preempt, 2510, 0, {"spinner", 0, 0, 0}};
  world.replayed.emplace(sim::deviated({one}));
  world.play(*world.replayed, body);
  REQUIRE(world.verdict() == "ok");
  REQUIRE(seen == 1);
}

TEST_CASE("a task that does not stop is made to for one that spins for news", "[spin]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  uint32_t seen = 0;
  world.play_calmly([&] {
    Atomic<uint32_t> flag{0};
    const auto spinner = [&] {
      while (flag.load() == 0) tasks.yield();
      seen = flag.load();
    };
    const engine::TaskId task = tests::start(tasks, {"spinner", 0}, spinner);
    for (int i = 0; i < 2500; ++i) (void)flag.load();  // so long that the spinner looks and parks
    flag.store(1);
    for (int i = 0; i < 2000; ++i) (void)flag.load();
    flag.store(2);
    tasks.join(task);
  });
  REQUIRE(seen == 1);
}

TEST_CASE("a spin for what nobody will change is a livelock, not a hang", "[spin]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  world.play_calmly([&] {
    Atomic<uint32_t> flag{0};
    const auto spinner = [&] {
      while (flag.load() == 0) tasks.yield();
    };
    const engine::TaskId task = tests::start(tasks, {"spinner", 3}, spinner);
    tasks.join(task);
  });
  REQUIRE(starts_with(world.verdict(), "progress: livelock"));
  REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring("spinner/3 spins"));
  REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring("main/0 waits"));
  REQUIRE(world.scheduler().points() < 10'000);
}

TEST_CASE("a bounded spin gives up by itself", "[spin]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  uint32_t gave_up = 0;
  world.play_calmly([&] {
    Atomic<uint32_t> flag{0};
    const auto spinner = [&] {
      for (int i = 0; i < 100 && flag.load() == 0; ++i) tasks.yield();
      ++gave_up;
    };
    engine::TaskId started[3];
    for (auto& task : started) task = tests::start(tasks, {"spinner", 0}, spinner);
    for (const auto task : started) tasks.join(task);
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(gave_up == 3);
}

TEST_CASE("a store of the value that was there wakes no spin", "[spin]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  world.play_calmly([&] {
    Atomic<uint32_t> flag{0};
    const auto politely = [&] {
      while (flag.load() == 0) {
        flag.store(0);
        tasks.yield();
      }
    };
    engine::TaskId started[2];
    for (auto& task : started) task = tests::start(tasks, {"polite", 0}, politely);
    for (const auto task : started) tasks.join(task);
  });
  REQUIRE(starts_with(world.verdict(), "progress: livelock"));
}

TEST_CASE("waiting for what nobody will do is a deadlock", "[spin]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  world.play_calmly([&] {
    engine::Latch latch(tasks);
    latch.wait();
  });
  REQUIRE(starts_with(world.verdict(), "progress: deadlock"));
  REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring("main/0 waits"));
}

TEST_CASE("work that goes round without an end is a livelock at the budget", "[spin]") {
  TestWorld world;
  world.laws.pace.step_budget = world.laws.pace.fair_steps = 20'000;
  world.laws.pace.patience = 10'000;
  engine::Tasks& tasks = world.runtime().tasks;
  const auto body = [&] {
    Atomic<uint32_t> ball{0};
    const auto player = [&] {
      for (;;) {
        ball.fetch_add(1);
        tasks.yield();
      }
    };
    const engine::TaskId task = tests::start(tasks, {"player", 0}, player);
    tasks.join(task);
  };
  world.play_calmly(body);
  REQUIRE(starts_with(world.verdict(), "progress: livelock in fair turns"));
  REQUIRE(world.scheduler().steps() >= 40'000);
  REQUIRE(world.scheduler().steps() < 41'000);
}

TEST_CASE("whoever goes round for what a device holds is no livelock; a clock is no excuse",
          "[spin]") {
  struct Never final : sim::Happening {
    void due(uint64_t) override {}
  };
  for (const bool held : {true, false}) {
    TestWorld world;
    world.laws.pace.step_budget = world.laws.pace.fair_steps = 20'000;
    world.laws.pace.patience = 10'000;
    Never never;
    const engine::Instant late{world.laws.pace.point_ns * 1'000'000};
    engine::Tasks& tasks = world.runtime().tasks;
    const auto body = [&] {
      Atomic<uint32_t> word{0};
      const auto sleeper = [&] { tasks.wait(word, 0, late); };
      tests::start(tasks, {"sleeper", 0}, sleeper);
      if (held) world.scheduler().at(late, never, 0);
      Atomic<uint32_t> ball{0};
      for (;;) {
        ball.fetch_add(1);
        // What is asked for again and again is always on its way.
        if (!held && world.scheduler().calm_only()) world.scheduler().at(late, never, 0);
      }
    };
    world.play_calmly(body);
    REQUIRE(world.verdict() ==
            (held ? "inconclusive" : "progress: livelock in fair turns without faults: sleeper"));
  }
}

TEST_CASE("a run that still gets on at the end of its budget is inconclusive", "[spin]") {
  TestWorld world;
  world.laws.pace.step_budget = world.laws.pace.fair_steps = 20'000;
  world.play_calmly([&] {
    Atomic<uint32_t> work{0};
    for (;;) {
      work.fetch_add(1);
      world.scheduler().made_progress();
    }
  });
  REQUIRE(world.verdict() == "inconclusive");
  REQUIRE(world.scheduler().failure() == nullptr);
}

TEST_CASE("a budget too small to tell a livelock from slow work accuses nobody", "[spin]") {
  TestWorld world;
  world.laws.pace.step_budget = world.laws.pace.fair_steps = 1'000;
  world.play_calmly([&] {
    Atomic<uint32_t> work{0};
    for (;;) work.fetch_add(1);
  });
  REQUIRE(world.verdict() == "inconclusive");
}

TEST_CASE("beyond the budget nothing deviates any more", "[spin]") {
  TestWorld world;
  world.laws.pace.step_budget = 5'000;
  world.faults = {faults::find_fault("alloc-failure")};
  tests::Stubborn stubborn(sim::Ask::allocate, 1);
  uint64_t refused = 0;
  bool granted = false;
  world.play(stubborn, [&] {
    while (!granted) {  // retries until it is served: ends only because faults do
      auto block = world.runtime().memory.allocate(8, 8, "wanted");
      granted = block.has_value();
      refused += granted ? 0 : 1;
      if (granted) world.runtime().memory.free(*block);
    }
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(refused > 1000);
}
