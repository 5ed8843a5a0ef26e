// SPDX-License-Identifier: Apache-2.0
// The calm order, what a deviation changes in it, and virtual time.
#include "sim/scheduler.hpp"

#include <set>
#include <string>

#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Atomic;
using tests::TestWorld;

namespace {

/// Three tasks that each write their letter before every point, `turns` times.
struct Letters {
  TestWorld& world;
  int turns = 3;
  bool yields = false;
  std::string seen{};

  void operator()() const {
    auto& log = const_cast<std::string&>(seen);
    log.reserve(1000);
    log.clear();
    Atomic<uint64_t> word{0};
    engine::Tasks& tasks = world.runtime().tasks;
    const uint64_t first = tasks.self().id + 1;
    const auto body = [&] {
      const char letter = static_cast<char>('a' + (tasks.self().id - first));
      for (int i = 0; i < turns; ++i) {
        log += letter;
        word.fetch_add(1);
        if (yields) tasks.yield();
      }
    };
    engine::TaskId started[3];
    for (uint64_t i = 0; i < 3; ++i) started[i] = tests::start(tasks, {"letter", i}, body);
    for (const engine::TaskId task : started) tasks.join(task);
  }
};

sim::Deviation switch_at(sim::Ask ask, const char* actor, uint64_t number, uint64_t occurrence,
                         const char* task, uint64_t task_number) {
  return {{actor, number, 0, 0}, ask, occurrence, 0, {task, task_number, 0, 0}};
}

}  // namespace

TEST_CASE("calmly a task runs until it stops, then the one that is ready longest", "[scheduler]") {
  TestWorld world;
  Letters letters{world};
  world.play_calmly(letters);
  REQUIRE(world.verdict() == "ok");
  REQUIRE(letters.seen == "aaabbbccc");
  REQUIRE(world.world.trace().taken.empty());
  letters.yields = true;
  world.play_calmly(letters);
  REQUIRE(letters.seen == "abcabcabc");
}

TEST_CASE("a preemption runs the task it names, at the point it names", "[scheduler]") {
  TestWorld world;
  Letters letters{world};
  // Point 1 of the first task is the word behind its second letter.
  const std::vector<sim::Deviation> list = {
      switch_at(sim::Ask::preempt, "letter", 0, 1, "letter", 2)};
  const auto plain = deviated(list);
  sim::Replayed replayed(plain);
  world.play(replayed, letters);
  REQUIRE(letters.seen == "aacccbbba");
  REQUIRE(replayed.used() == std::vector<bool>{true});
  REQUIRE(deviations_of(world.world.trace().taken) == list);
}

TEST_CASE("a deviation of who runs next names him, too", "[scheduler]") {
  TestWorld world;
  Letters letters{world};
  // Main joins the first task at its fourth point: three spawns before it.
  const std::vector<sim::Deviation> list = {switch_at(sim::Ask::next, "main", 0, 4, "letter", 1)};
  const auto plain = deviated(list);
  sim::Replayed replayed(plain);
  world.play(replayed, letters);
  REQUIRE(letters.seen == "bbbaaaccc");
  REQUIRE(deviations_of(world.world.trace().taken) == list);
}

TEST_CASE("a task that cannot run means calm", "[scheduler]") {
  TestWorld world;
  Letters letters{world};
  const auto plain = sim::deviated({switch_at(sim::Ask::preempt, "letter", 0, 1, "nobody", 0),
                                    switch_at(sim::Ask::preempt, "letter", 1, 1, "letter", 0),
                                    switch_at(sim::Ask::preempt, "letter", 9, 1, "letter", 0)});
  sim::Replayed replayed(plain);
  world.play(replayed, letters);
  REQUIRE(letters.seen == "aaabbbccc");
  REQUIRE(world.world.trace().taken.empty());
  REQUIRE(replayed.used() == std::vector<bool>{false, false, false});
}

TEST_CASE("a task that never stops is made to, after a thousand points", "[scheduler]") {
  TestWorld world;
  uint64_t turns = 0;
  world.play_calmly([&] {
    Atomic<uint32_t> flag{0};
    const auto body = [&] { flag.store(1); };
    engine::Tasks& tasks = world.runtime().tasks;
    const engine::TaskId task = tests::start(tasks, {"setter", 0}, body);
    while (flag.load() == 0) ++turns;  // a spin without yield, which an engine should not do
    tasks.join(task);
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(turns > 900);
  REQUIRE(turns <= 1000);
}

TEST_CASE("a point costs its virtual time, and no clock of this machine is asked", "[scheduler]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  int64_t took_ns = 0;
  world.play_calmly([&] {
    Atomic<uint32_t> word{0};
    const engine::Instant before = runtime.clock.now();
    for (int i = 0; i < 5000; ++i) word.store(1);
    took_ns = (runtime.clock.now() - before).ns;
  });
  REQUIRE(took_ns == 5000 * world.laws.pace.point_ns);
}

TEST_CASE("time jumps to a deadline when everybody waits", "[scheduler]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  bool in_time = true;
  int64_t late_ns = -1;
  world.play_calmly([&] {
    Atomic<uint32_t> word{0};
    const engine::Instant deadline{3'600'000 * engine::kMillisecond};
    in_time = runtime.tasks.wait(word, 0, deadline);
    late_ns = (runtime.clock.now() - deadline).ns;
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE_FALSE(in_time);
  REQUIRE(late_ns >= 0);
  REQUIRE(late_ns < engine::kMicrosecond);
  REQUIRE(world.scheduler().points() < 10);
}

TEST_CASE("deadlines end in the order of time, whoever waited first", "[scheduler]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  std::string order;
  world.play_calmly([&] {
    Atomic<uint32_t> word{0};
    Atomic<uint32_t> next{0};
    const auto body = [&] {
      const uint32_t mine = next.fetch_add(1);
      const int64_t lengths[] = {300, 100, 200};
      const engine::Duration length{lengths[mine] * engine::kMicrosecond};
      (void)runtime.tasks.wait(word, 0, runtime.clock.now() + length);
      order += static_cast<char>('a' + mine);
    };
    engine::TaskId started[3];
    for (auto& task : started) task = tests::start(runtime.tasks, {"waiter", 0}, body);
    for (const auto task : started) runtime.tasks.join(task);
  });
  REQUIRE(order == "bca");
}

TEST_CASE("a wait for a value that is already gone returns at once", "[scheduler]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  bool in_time = false;
  world.play_calmly([&] {
    Atomic<uint32_t> word{5};
    in_time = runtime.tasks.wait(word, 4);
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(in_time);
}

TEST_CASE("wake wakes the longest waiters, and only as many as it is told", "[scheduler]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  std::string order;
  std::string after_one;
  bool timely = true;
  world.play_calmly([&] {
    Atomic<uint32_t> word{0};
    Atomic<uint32_t> next{0};
    const auto body = [&] {
      const uint32_t mine = next.fetch_add(1);
      timely = runtime.tasks.wait(word, 0) && timely;
      order += static_cast<char>('a' + mine);
    };
    engine::TaskId started[3];
    for (auto& task : started) task = tests::start(runtime.tasks, {"waiter", 0}, body);
    for (int i = 0; i < 3; ++i) runtime.tasks.yield();
    runtime.tasks.wake(word, 1);
    for (int i = 0; i < 3; ++i) runtime.tasks.yield();
    after_one = order;
    runtime.tasks.wake(word, engine::kEverybody);
    for (const auto task : started) runtime.tasks.join(task);
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(after_one == "a");
  REQUIRE(order == "abc");
  REQUIRE(timely);
}

TEST_CASE("a deviation wakes another than the longest waiter, and names him", "[scheduler]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  std::string woken;
  woken.reserve(100);
  const auto body = [&] {
    woken.clear();
    Atomic<uint32_t> word{0};
    const auto wait = [&] {
      const char letter = static_cast<char>('a' + (tasks.self().id - 2));
      tasks.wait(word, 0);
      woken += letter;
    };
    engine::TaskId started[3];
    for (uint64_t i = 0; i < 3; ++i) started[i] = tests::start(tasks, {"waiter", i}, wait);
    tasks.yield();
    tasks.wake(word, 1);
    tasks.wake(word, 2);
    for (const engine::TaskId task : started) tasks.join(task);
  };
  world.play_calmly(body);
  REQUIRE(woken == "abc");
  // Main's points: three spawns, a yield, and the two wakes.
  const std::vector<sim::Deviation> list = {switch_at(sim::Ask::wake, "main", 0, 5, "waiter", 2)};
  const auto plain = deviated(list);
  sim::Replayed replayed(plain);
  world.play(replayed, body);
  REQUIRE(woken == "cab");
  REQUIRE(deviations_of(world.world.trace().taken) == list);
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    world.play_seed(seed, body);
    // Whoever comes to wait only after the wakes waits for ever.
    if (world.verdict() == "ok") orders.insert(woken);
  }
  REQUIRE(orders.size() == 6);
}

TEST_CASE("a wait may end for no reason, and whoever looks again is none the worse",
          "[scheduler]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  int looks = 0;
  const auto body = [&] {
    looks = 0;
    Atomic<uint32_t> word{0};
    const auto wait = [&] {
      while (word.load() == 0) {
        ++looks;
        tasks.wait(word, 0);
      }
    };
    const engine::TaskId started = tests::start(tasks, {"waiter", 0}, wait);
    tasks.yield();
    word.store(1);
    tasks.wake(word, 1);
    tasks.join(started);
  };
  world.play_calmly(body);
  REQUIRE(looks == 1);
  const auto plain = sim::deviated({{{"waiter", 0, 0, 0}, sim::Ask::spurious, 2, 1, {}}});
  sim::Replayed replayed(plain);
  world.play(replayed, body);
  REQUIRE(world.verdict() == "ok");
  REQUIRE(looks == 2);
  REQUIRE(replayed.used() == std::vector<bool>{true});
}

TEST_CASE("a task that has ended is joined at once", "[scheduler]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  uint64_t points = 0;
  world.play_calmly([&] {
    const auto body = [] {};
    const engine::TaskId task = tests::start(runtime.tasks, {"short", 0}, body);
    runtime.tasks.join(task);
    const uint64_t before = world.scheduler().points();
    runtime.tasks.join(task);
    points = world.scheduler().points() - before;
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(points == 1);
}

TEST_CASE("a task is itself, and nobody else is", "[scheduler]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  uint64_t ids[4] = {};
  bool kept = true;
  world.play_calmly([&] {
    Atomic<uint32_t> next{0};
    const auto body = [&] {
      const uint32_t mine = next.fetch_add(1);
      ids[mine] = runtime.tasks.self().id;
      runtime.tasks.self().epoch_slot = mine + 10;
      runtime.tasks.yield();
      kept = kept && runtime.tasks.self().epoch_slot == mine + 10;
    };
    engine::TaskId started[4];
    for (auto& task : started) task = tests::start(runtime.tasks, {"one", 0}, body);
    for (const auto task : started) runtime.tasks.join(task);
  });
  REQUIRE(kept);
  for (int i = 0; i < 4; ++i) {
    REQUIRE(ids[i] != 0);
    for (int j = 0; j < i; ++j) REQUIRE(ids[i] != ids[j]);
  }
}

TEST_CASE("a run can be stopped at any step, and is told to have been", "[scheduler]") {
  TestWorld world;
  Letters letters{world, 100};
  for (const uint64_t step : {1U, 7U, 60U, 150U}) {
    world.world.begin(world.calm, world.laws, {});
    world.scheduler().stop_at(step);
    world.go_on(letters);
    REQUIRE(world.scheduler().stopped());
    REQUIRE(world.scheduler().steps() == step);
    REQUIRE(world.verdict() == "ok");
  }
  world.play_calmly(letters);
  REQUIRE_FALSE(world.scheduler().stopped());
}
