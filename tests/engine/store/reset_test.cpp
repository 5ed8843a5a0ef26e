// SPDX-License-Identifier: Apache-2.0
// Emptying a store, and giving one up: nothing of before comes back, nothing is left behind.
#include "engine/store/names.hpp"
#include "tests/engine/store/store_fixture.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

TEST_CASE("a store that is emptied holds nothing, and goes on") {
  for (const bool null_main : {false, true}) {
    for (const bool keep : {false, true}) {
      StoreOptions options = small_options(null_main);
      options.keep_frames = keep;
      Fixture world(options);
      for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 200; ++i) world.upsert(key_of(i), value_of(i + round));
        CHECK(world.read(key_of(199)) == value_of(199 + round));
        REQUIRE(world.store->reset());
        CHECK(world.store->log().tail() == 64);
        for (int i = 0; i < 200; ++i) REQUIRE(world.read(key_of(i)) == "<none>");
        CHECK(world.upsert("key", "value").address == 64);
        CHECK(world.read("key") == "value");
        world.check_chain();
      }
      world.close();
    }
  }
}

TEST_CASE("no checkpoint outlives the emptying, and a new one holds what came since") {
  StoreOptions options = small_options(false);
  Fixture world(options);
  const auto checkpoint = [&] {
    const auto ticket = world.store->start_checkpoint({LogCheckpoint::snapshot, true});
    REQUIRE(ticket);
    REQUIRE(world.store->wait_checkpoint(*ticket));
    return ticket->token;
  };
  for (int i = 0; i < 100; ++i) world.upsert(key_of(i), "old");
  const uint64_t old = checkpoint();
  REQUIRE(world.store->reset());
  CHECK_FALSE(world.plain.has(std::string(DeviceName::metadata("db", old).view())));
  CHECK(Store::recover(world.plain.runtime(), options, world.bugs).error().code == Errc::not_found);
  world.upsert("new", "value");
  checkpoint();
  world.close();
  auto recovered = Store::recover(world.plain.runtime(), options, world.bugs);
  REQUIRE(recovered);
  world.store = std::move(*recovered);
  world.session = started_session(*world.store);
  CHECK(world.read("new") == "value");
  CHECK(world.read(key_of(3)) == "<none>");
  world.close();
}

TEST_CASE("what a new store did not find cannot come back under it") {
  PlainRuntime plain;
  const Bugs bugs;
  auto store = Store::open(plain.runtime(), small_options(false), bugs);
  REQUIRE(store);
  CHECK(plain.name_syncs == 1);
  (*store)->close();
}

TEST_CASE("a reset that cannot have its memory changes nothing that can be read") {
  StoreOptions options = small_options(false);
  options.keep_frames = false;
  Fixture world(options);
  for (int i = 0; i < 200; ++i) world.upsert(key_of(i), value_of(i));
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  REQUIRE(world.store->wait_checkpoint(*ticket));
  world.plain.failing_label = "checkpoint tokens";
  world.plain.failing_allocations = 1;
  CHECK(world.store->reset().error().code == Errc::no_memory);
  for (int i = 0; i < 200; ++i) REQUIRE(world.read(key_of(i)) == value_of(i));
  world.upsert("key", "value");
  CHECK(world.read("key") == "value");
  REQUIRE(world.store->reset());
  CHECK(world.read("key") == "<none>");
  world.close();
}

TEST_CASE("a session that is given up answers all that was pending, and has no effect") {
  Fixture world(small_options(false));
  for (int i = 0; i < 300; ++i) world.add(key_of(i), 7);
  world.plain.queued = true;
  std::array<std::byte, 64> output{};
  OpResult read;
  OpResult added;
  Adder adder(1);
  REQUIRE(world.session->read(bytes_of(key_of(0)), output, &read).status == Status::pending);
  REQUIRE(world.session->rmw(bytes_of(key_of(1)), adder, &added).status == Status::pending);
  world.session->abandon();
  CHECK(read.error.code == Errc::cancelled);
  CHECK(added.error.code == Errc::cancelled);
  world.session = started_session(*world.store);
  CHECK(world.number(key_of(1)) == 7);
  world.close();
}

TEST_CASE("a store that is given up leaves nothing behind, with a checkpoint under way") {
  for (const LogCheckpoint log : {LogCheckpoint::snapshot, LogCheckpoint::fold_over}) {
    for (const bool index : {false, true}) {
      Fixture world(small_options(false));
      for (int i = 0; i < 100; ++i) world.upsert(key_of(i), value_of(i));
      REQUIRE(world.store->start_checkpoint({log, index}));
      world.session->close();
      world.session = {};
      world.store->dispose();
      world.store = {};
      CHECK(world.plain.live_blocks == 0);
      CHECK(world.plain.live_frames == 0);
      CHECK(world.plain.queue_size() == 0);
    }
  }
}
