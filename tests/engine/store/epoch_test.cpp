// SPDX-License-Identifier: Apache-2.0
// An action runs once, after everybody who was inside has looked around or left.
#include "engine/store/epoch.hpp"

#include "tests/catch.hpp"
#include "tests/engine/store/plain_runtime.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

struct World {
  World() {
    REQUIRE(slots.initialise(plain, 4));
    REQUIRE(epoch.initialise(plain));
  }
  void bump(Self& self) {
    epoch.bump(self,
               {[](void* total, int64_t amount, Self&) { *static_cast<int64_t*>(total) += amount; },
                &count,
                1,
                {"count", 0}});
  }
  PlainRuntime plain;
  EpochSlots slots;
  EpochTable epoch{plain, slots};
  int64_t count = 0;
  Self a{1, 0, 0}, b{2, 0, 0}, c{3, 0, 0};
};

}  // namespace

TEST_CASE("alone, an action runs at once") {
  World world;
  world.epoch.resume(world.a);
  world.bump(world.a);
  CHECK(world.count == 1);
  world.epoch.suspend(world.a);
  CHECK(world.epoch.quiet());
}

TEST_CASE("an action waits for everybody who was inside, and for nobody else") {
  World world;
  world.epoch.resume(world.a);
  world.epoch.resume(world.b);
  world.bump(world.a);
  CHECK(world.count == 0);
  world.epoch.resume(world.c);  // came later
  CHECK(world.count == 0);
  world.epoch.protect_and_drain(world.c);
  CHECK(world.count == 0);
  world.epoch.protect_and_drain(world.b);
  CHECK(world.count == 1);
  world.epoch.suspend(world.a);
  world.epoch.suspend(world.b);
  world.epoch.suspend(world.c);
  CHECK(world.count == 1);
}

TEST_CASE("the last one out runs what is left") {
  World world;
  world.epoch.resume(world.a);
  world.epoch.resume(world.b);
  world.bump(world.a);
  world.epoch.suspend(world.a);
  CHECK(world.count == 0);
  world.epoch.suspend(world.b);
  CHECK(world.count == 1);
  CHECK(world.epoch.quiet());
}

TEST_CASE("more actions than the list has places all run") {
  World world;
  world.epoch.resume(world.a);
  world.epoch.resume(world.b);
  for (int number = 0; number < 16; ++number) world.bump(world.a);
  CHECK(world.count == 0);
  world.epoch.suspend(world.b);
  CHECK(world.count == 0);
  for (int number = 0; number < 40; ++number) world.bump(world.a);
  CHECK(world.count == 56);
  world.epoch.suspend(world.a);
}

TEST_CASE("an action may bump") {
  World world;
  world.epoch.resume(world.a);
  world.epoch.bump(world.a, {[](void* context, int64_t, Self& self) {
                               auto& inner = *static_cast<World*>(context);
                               inner.count += 10;
                               inner.bump(self);
                             },
                             &world,
                             0,
                             {"outer", 0}});
  CHECK(world.count == 11);
  world.epoch.suspend(world.a);
}

TEST_CASE("a marker is complete when everybody inside has it") {
  World world;
  world.epoch.resume(world.a);
  world.epoch.resume(world.b);
  world.epoch.mark(world.a, Marker::prepare, 7);
  CHECK_FALSE(world.epoch.check_complete(Marker::prepare, 7));
  world.epoch.mark(world.b, Marker::prepare, 7);
  CHECK(world.epoch.check_complete(Marker::prepare, 7));
  CHECK_FALSE(world.epoch.check_complete(Marker::prepare, 8));
  world.epoch.suspend(world.b);
  world.epoch.mark(world.a, Marker::prepare, 8);
  CHECK(world.epoch.check_complete(Marker::prepare, 8));
  world.epoch.suspend(world.a);
}

TEST_CASE("one slot serves two tables") {
  World world;
  EpochTable other(world.plain, world.slots);
  REQUIRE(other.initialise(world.plain));
  world.epoch.resume(world.a);
  other.resume(world.a);
  CHECK(world.a.epoch_slot_uses == 2);
  world.epoch.suspend(world.a);
  CHECK(other.protected_here(world.a));
  CHECK_FALSE(world.epoch.protected_here(world.a));
  other.suspend(world.a);
  CHECK(world.a.epoch_slot == 0);
}
