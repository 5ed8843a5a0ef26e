// SPDX-License-Identifier: Apache-2.0
// Emptying a store, and giving one up: nothing of before comes back, nothing is left behind.
#include <fmt/format.h>

#include "tests/engine/store/logging_lives.hpp"

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

TEST_CASE("a new store begins on an empty device, whatever a life before had given up of it") {
  StoreOptions options = small_options(false);
  options.checkpoints_kept = 1;
  Fixture world(options);
  for (int i = 0; i < 200; ++i) world.upsert(key_of(i), "old");
  REQUIRE(world.store->shift_begin(world.store->log().tail()));
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  REQUIRE(world.store->wait_checkpoint(*ticket));
  const PlainDevice& main = world.plain.device("db/hlog");
  CHECK(main.truncated > 0);
  world.close();
  world.plain.devices.erase(std::string(DeviceName::metadata("db", ticket->token).view()));
  auto opened = Store::open(world.plain.runtime(), options, world.bugs);
  REQUIRE(opened);
  CHECK(main.truncated == 0);
  CHECK(main.bytes.empty());
  (*opened)->close();
}

TEST_CASE("a store that was recovered and is emptied begins where its options say") {
  StoreOptions options = small_options(false);
  options.first_address = 128;
  Fixture world(options);
  for (int i = 0; i < 50; ++i) world.upsert(key_of(i), "old");
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  REQUIRE(world.store->wait_checkpoint(*ticket));
  world.close();
  auto recovered = Store::recover(world.plain.runtime(), options, world.bugs);
  REQUIRE(recovered);
  REQUIRE((*recovered)->reset());
  CHECK((*recovered)->log().tail() == 128);
  (*recovered)->close();
}

TEST_CASE("a store is emptied for good, also where there is no checkpoint to remove") {
  Fixture world(small_options(false));
  world.upsert("k", "v");
  const int before = world.plain.name_syncs;
  REQUIRE(world.store->reset());
  CHECK(world.plain.name_syncs > before);  // one that was removed before could come back
  world.close();
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

TEST_CASE("metadata that could not be removed keeps what it speaks of") {
  StoreOptions options = small_options(false);
  options.checkpoints_kept = 1;
  Fixture world(options);
  for (int i = 0; i < 100; ++i) world.upsert(key_of(i), value_of(i));
  const auto failed = world.store->start_checkpoint();
  REQUIRE(failed);
  SECTION("of a checkpoint that failed") {
    world.plain.failing_name_syncs = 2;  // that which makes it one, and that of the removal
    REQUIRE_FALSE(world.store->wait_checkpoint(*failed));
    CHECK(world.plain.has(std::string(DeviceName::snapshot("db", failed->token).view())));
  }
  SECTION("of one that is outdated") {
    REQUIRE(world.store->wait_checkpoint(*failed));
    const auto next = world.store->start_checkpoint();
    REQUIRE(next);
    world.plain.failing_removes = 1;
    REQUIRE(world.store->wait_checkpoint(*next));
    CHECK(world.plain.has(std::string(DeviceName::metadata("db", failed->token).view())));
    CHECK(world.plain.has(std::string(DeviceName::snapshot("db", failed->token).view())));
    const auto last = world.store->start_checkpoint();
    REQUIRE(last);
    REQUIRE(world.store->wait_checkpoint(*last));
    CHECK_FALSE(world.plain.has(std::string(DeviceName::snapshot("db", failed->token).view())));
    CHECK_FALSE(world.plain.has(std::string(DeviceName::snapshot("db", next->token).view())));
  }
  world.close();
}

TEST_CASE("an emptying that could not be made durable removes no data, and a later one all of it") {
  Fixture world(small_options(false));
  for (int i = 0; i < 100; ++i) world.upsert(key_of(i), value_of(i));
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  REQUIRE(world.store->wait_checkpoint(*ticket));
  const std::string snapshot(DeviceName::snapshot("db", ticket->token).view());
  for (int i = 0; i < 2; ++i) {
    world.plain.failing_name_syncs = 1;
    CHECK(world.store->reset().error().code == Errc::io);
    CHECK(world.plain.has(snapshot));
    CHECK(world.read(key_of(3)) == value_of(3));
  }
  REQUIRE(world.store->reset());
  CHECK_FALSE(world.plain.has(snapshot));
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
  for (const LogCheckpoint log :
       {LogCheckpoint::none, LogCheckpoint::snapshot, LogCheckpoint::fold_over}) {
    for (const bool index : {false, true}) {
      if (log == LogCheckpoint::none && !index) continue;
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

TEST_CASE("a store that logs its operations is emptied, and its log says so", "[operation-log]") {
  for (const bool fast : {false, true}) {
    LoggingLives lives(logging_options(fast));
    for (const bool with_checkpoint : {false, true, true}) {
      lives.fill(0, 40, "a");
      if (with_checkpoint) lives.checkpoint();
      lives.fill(30, 50, "b");
      const uint64_t id = lives.session->id();
      const uint64_t serial = lives.store->session_serial(id);
      const uint64_t version = lives.store->version();
      const auto place = lives.store->reset();
      REQUIRE(place);
      CHECK(*place > lives.last_entry);
      lives.model.clear();
      lives.check(lives.model, 50);
      lives.die();  // nothing is committed by that
      lives.recover();
      CHECK(lives.store->recovered().token == 0);
      CHECK(lives.store->version() > version);
      CHECK(lives.store->session_serial(id) == serial);
      lives.check(lives.model, 50);
      lives.fill(10, 20, "c");
      lives.commit();
      lives.die();
      lives.recover();
      lives.check(lives.model, 50);
    }
    lives.checkpoint();
    lives.fill(15, 25, "d");
    lives.commit();
    lives.die();
    lives.recover();
    CHECK(lives.store->recovered().token != 0);
    lives.check(lives.model, 50);
    lives.close();
  }
}

TEST_CASE("a checkpoint that could not be removed is void once its store was emptied",
          "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.fill(0, 40, "a");
  const uint64_t token = lives.checkpoint();  // nothing is logged between it and the emptying
  std::map<std::string, std::unique_ptr<PlainDevice>> kept;
  for (const std::string& name : lives.names()) {
    if (name.find(fmt::format("{:x}", token)) == std::string::npos) continue;
    if (!name.starts_with("db/aof/")) kept.insert(lives.plain.devices.extract(name));
  }
  REQUIRE(kept.size() >= 2);
  REQUIRE(lives.store->reset());
  lives.model.clear();
  lives.die();
  lives.plain.devices.merge(kept);
  lives.recover();
  CHECK(lives.store->recovered().token == 0);
  lives.check(lives.model, 40);
  CHECK(Store::recover(lives.plain.runtime(), lives.options, lives.bugs, {token}).error().code ==
        Errc::not_found);
  lives.set("k", "v");
  CHECK(lives.checkpoint() > token);  // and with the next one it goes
  CHECK_FALSE(lives.plain.has(std::string(DeviceName::metadata("db", token).view())));
  lives.close();
}

TEST_CASE("a reset whose commit fails changes nothing, now or later", "[operation-log]") {
  LoggingLives lives(logging_options());
  for (const bool emptied_before : {false, true}) {
    if (emptied_before) {
      REQUIRE(lives.store->reset());
      lives.model.clear();
    }
    lives.fill(0, 40, "a");
    lives.checkpoint();
    lives.fill(20, 45, "b");
    lives.plain.failing_label = "commit file";
    lives.plain.failing_allocations = 1;
    const uint64_t committed = lives.store->session_committed(1);
    CHECK(committed > 0);
    CHECK(lives.store->reset().error().code == Errc::no_memory);
    CHECK(lives.store->session_committed(1) == committed);
    lives.check(lives.model, 45);
    lives.set("k", "after");
    lives.commit();
    lives.die();
    lives.recover();
    CHECK(lives.store->recovered().token != 0);
    lives.check(lives.model, 45);
    CHECK(lives.read("k") == "after");
  }
  lives.close();
}

TEST_CASE("where nobody knows whether a store is empty, nobody changes it", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.fill(0, 20, "a");
  lives.checkpoint();
  lives.commit();
  CHECK(lives.store->session_committed(1) == 20);
  lives.plain.failing_label = "commit file";
  lives.plain.failing_allocations = 2;  // also the commit that takes it back
  CHECK(lives.store->reset().error().code == Errc::uncertain);
  CHECK(lives.store->session_committed(1) == 0);
  lives.check(lives.model, 20);
  const OpResult refused = lives.session->upsert(bytes_of("k"), bytes_of("v"));
  CHECK(refused.status == Status::failed);
  CHECK(refused.error.code == Errc::uncertain);
  CHECK(lives.read("k") == "<none>");
  lives.die();
  lives.recover();
  lives.check(lives.model, 20);
  lives.set("k", "v");
  lives.close();
}
