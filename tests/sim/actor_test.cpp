// SPDX-License-Identifier: Apache-2.0
// The address of a choice is (actor, site, occurrence), and nothing else moves it.
#include <string>
#include <vector>

#include "faults/catalogue.hpp"
#include "sim/scheduler.hpp"
#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Atomic;
using tests::TestWorld;

namespace {

/// "op/3#0@0 2": what the listener was asked, actor and occurrence.
std::vector<std::string> heard_by(const tests::Listener& listener) {
  std::vector<std::string> all;
  for (const sim::Address& at : listener.heard) {
    const sim::OwnedActor actor{at.actor.name.label, at.actor.name.number, at.actor.repeat,
                                at.actor.incarnation};
    REQUIRE(actor.key() == at.key);
    all.push_back(actor.text() + " " + std::to_string(at.occurrence));
  }
  return all;
}

void pass_points(int count) {
  Atomic<uint32_t> word{0};
  for (int i = 0; i < count; ++i) word.store(1);
}

}  // namespace

TEST_CASE("occurrences restart with each actor and go on after a nested one", "[actor]") {
  TestWorld world;
  world.faults = {faults::find_fault("alloc-failure")};
  engine::Memory& memory = world.runtime().memory;
  tests::Listener listener;
  const auto ask = [&] { memory.free(*memory.allocate(8, 8, "asked")); };
  world.play(listener, [&] {
    pass_points(5);
    ask();  // its point is the sixth, so six have been passed
    {
      const engine::Actor outer({"op", 3});
      pass_points(2);
      ask();
      {
        const engine::Actor inner({"step", 9});
        ask();
      }
      ask();
    }
    {
      const engine::Actor again({"op", 3});
      ask();
    }
    ask();
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(heard_by(listener) == std::vector<std::string>{"main/0#0@0 6", "op/3#0@0 3",
                                                         "step/9#0@0 1", "op/3#0@0 5", "op/3#1@0 1",
                                                         "main/0#0@0 8"});
}

TEST_CASE("an address does not depend on when the world was last asked", "[actor]") {
  // A detailed run looks at every point, a guarded one touches other memory: the same addresses.
  TestWorld world;
  world.faults = {faults::find_fault("alloc-failure")};
  engine::Memory& memory = world.runtime().memory;
  std::vector<std::string> first;
  for (int detailed = 0; detailed < 2; ++detailed) {
    world.laws.detailed = detailed != 0;
    tests::Listener listener;
    world.play(listener, [&] {
      const engine::Actor actor({"op", 1});
      for (int i = 0; i < 20; ++i) {
        pass_points(i);
        memory.free(*memory.allocate(8, 8, "asked"));
      }
    });
    if (detailed == 0) first = heard_by(listener);
    REQUIRE(heard_by(listener) == first);
  }
  REQUIRE(first.size() == 20);
  for (size_t i = 1; i < first.size(); ++i) REQUIRE(first[i] != first[i - 1]);
}

TEST_CASE("an earlier deviation moves no address of another actor", "[actor]") {
  TestWorld world;
  world.faults = {faults::find_fault("alloc-failure")};
  engine::Memory& memory = world.runtime().memory;
  std::vector<std::string> heard[2];
  for (int longer = 0; longer < 2; ++longer) {
    tests::Listener listener;
    world.play(listener, [&] {
      {
        const engine::Actor first({"op", 1});
        pass_points(longer != 0 ? 100 : 3);
      }
      const engine::Actor second({"op", 2});
      pass_points(4);
      memory.free(*memory.allocate(8, 8, "asked"));
    });
    heard[longer] = heard_by(listener);
  }
  REQUIRE(heard[0] == heard[1]);
}

TEST_CASE("tasks and actors of one name are told apart by number and repeat", "[actor]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  world.play_calmly([&] {
    const auto body = [] {};
    tasks.join(tests::start(tasks, {"twin", 4}, body));
    tasks.join(tests::start(tasks, {"twin", 4}, body));
    tasks.join(tests::start(tasks, {"twin", 5}, body));
  });
  const auto& records = world.world.trace().tasks;
  REQUIRE(records.size() == 4);
  REQUIRE(records[1].name.repeat == 0);
  REQUIRE(records[2].name.repeat == 1);
  REQUIRE(records[3].name.repeat == 0);
}

TEST_CASE("actors nest only so deep", "[actor]") {
  TestWorld world;
  struct Nest {
    static void deeper(int depth) {
      const engine::Actor actor({"nest", static_cast<uint64_t>(depth)});
      if (depth > 0) deeper(depth - 1);
    }
  };
  world.play_calmly([] { Nest::deeper(15); });
  REQUIRE(world.verdict() == "ok");
  world.play_calmly([] { Nest::deeper(100); });
  REQUIRE(world.verdict().rfind("check: ", 0) == 0);
}
