// SPDX-License-Identifier: Apache-2.0
// Owned and Array give back exactly what they took, whatever happens on the way.
#include "engine/runtime/memory.hpp"

#include <utility>

#include "faults/catalogue.hpp"
#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using tests::TestWorld;

namespace {

struct Counted {
  explicit Counted(int& lives) : lives_(lives) { ++lives_; }
  ~Counted() { --lives_; }
  int& lives_;
};

struct Cell {
  int value = 42;
};

}  // namespace

TEST_CASE("an Owned object is destroyed and freed with its owner", "[memory]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  int lives = 0;
  int lives_inside = 0;
  size_t blocks_inside = 0;
  world.play_calmly([&] {
    auto first = engine::make_owned<Counted>(memory, "counted", lives);
    auto second = engine::make_owned<Counted>(memory, "counted", lives);
    engine::Owned<Counted> moved = std::move(*first);
    *second = std::move(moved);
    lives_inside = lives;
    blocks_inside = world.world.heap().live_count();
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(lives_inside == 2);
  REQUIRE(blocks_inside == 2);
  REQUIRE(lives == 0);
  REQUIRE(world.world.heap().live_count() == 0);
}

TEST_CASE("an Array holds initialised objects, and moves without copying them", "[memory]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  int sum = 0;
  bool same = false;
  world.play_calmly([&] {
    auto made = engine::Array<Cell>::make(memory, 10, "cells");
    const Cell* const before = made->data();
    engine::Array<Cell> cells = std::move(*made);
    same = cells.data() == before && cells.size() == 10;
    for (const Cell& cell : cells) sum += cell.value;
  });
  REQUIRE(same);
  REQUIRE(sum == 420);
  REQUIRE(world.world.heap().live_count() == 0);
}

TEST_CASE("what Memory refuses is an error, not an object", "[memory]") {
  TestWorld world;
  world.faults = {faults::find_fault("alloc-failure")};
  engine::Memory& memory = world.runtime().memory;
  tests::Stubborn stubborn(sim::Ask::allocate, 1);
  engine::Errc owned = engine::Errc::ok;
  engine::Errc array = engine::Errc::ok;
  int lives = 0;
  world.play(stubborn, [&] {
    auto made = engine::make_owned<Counted>(memory, "counted", lives);
    owned = made ? engine::Errc::ok : made.error().code;
    auto cells = engine::Array<Cell>::make(memory, 4, "cells");
    array = cells ? engine::Errc::ok : cells.error().code;
  });
  REQUIRE(owned == engine::Errc::no_memory);
  REQUIRE(array == engine::Errc::no_memory);
  REQUIRE(lives == 0);
}
