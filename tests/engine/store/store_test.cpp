// SPDX-License-Identifier: Apache-2.0
// Keys keep their newest value, in memory and on the device, through all four operations.
#include "tests/engine/store/store_fixture.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

TEST_CASE("an empty store knows no key and leaves nothing behind") {
  for (const bool null_main : {false, true}) {
    Fixture world(small_options(null_main));
    CHECK(world.read("key") == "<none>");
    CHECK(world.erase("key").status == Status::not_found);
    world.close();
  }
}

TEST_CASE("a key keeps its newest value") {
  Fixture world(small_options(true));
  const OpResult first = world.upsert("a", "one");
  CHECK(first.status == Status::ok);
  CHECK(first.address == 64);
  CHECK(first.version == 1);
  CHECK(world.read("a") == "one");
  CHECK(world.upsert("a", "two").address == first.address);  // the same size: in place
  CHECK(world.read("a") == "two");
  CHECK(world.upsert("a", "three").address > first.address);
  CHECK(world.read("a") == "three");
  CHECK(world.upsert("a", "").status == Status::ok);
  CHECK(world.read("a").empty());
  CHECK(world.erase("a").status == Status::ok);
  CHECK(world.read("a") == "<none>");
  CHECK(world.erase("a").status == Status::not_found);
  CHECK(world.upsert("a", "again").status == Status::ok);
  CHECK(world.read("a") == "again");
  world.close();
}

TEST_CASE("what does not fit is refused") {
  Fixture world(small_options(true));
  CHECK(world.upsert("", "x").error.code == Errc::invalid);
  CHECK(world.upsert("k", std::string(500, 'x')).error.code == Errc::too_large);
  CHECK(world.upsert("k", std::string(5000, 'x')).error.code == Errc::too_large);
  CHECK(world.upsert(std::string(600, 'k'), "x").error.code == Errc::too_large);
  // Exactly a page: header, key and lengths take 24 bytes.
  const OpResult whole = world.upsert("page", std::string(512 - 20, 'x'));
  CHECK(whole.status == Status::ok);
  CHECK(whole.address % 512 == 0);
  CHECK(world.read("page").size() == 492);
  world.close();
}

TEST_CASE("a value may have no byte, in memory and on the device") {
  Fixture world(small_options(false));
  CHECK(world.upsert("k", "").status == Status::ok);
  CHECK(world.read("k") == "");
  for (int number = 0; number < 200; ++number) world.upsert(key_of(number), value_of(number));
  CHECK(world.read("k") == "");
  CHECK(world.last_was_pending);
  world.close();
}

TEST_CASE("a read into a small buffer tells how much there is") {
  Fixture world(small_options(true));
  world.upsert("k", "0123456789");
  std::array<std::byte, 4> output{};
  const OpResult result = world.session->read(bytes_of("k"), output);
  CHECK(result.value_size == 10);
  CHECK(text_of(output) == "0123");
  CHECK(world.session->read(bytes_of("k"), {}).value_size == 10);
  world.close();
}

TEST_CASE("read-modify-write creates, updates in place and copies") {
  Fixture world(small_options(true));
  const OpResult made = world.add("n", 5);
  CHECK(made.status == Status::ok);
  CHECK(world.number("n") == 5);
  CHECK(world.add("n", 2).address == made.address);
  CHECK(world.number("n") == 7);
  CHECK(world.add("n", 1, 13).address > made.address);
  CHECK(world.number("n") == 8);
  CHECK(world.last.value_size == 21);
  world.erase("n");
  CHECK(world.add("n", 1).status == Status::ok);
  CHECK(world.number("n") == 1);
  world.close();
}

TEST_CASE("a store with a device keeps everything") {
  for (const bool queued : {false, true}) {
    for (const bool keep_frames : {false, true}) {
      StoreOptions options = small_options(false);
      options.keep_frames = keep_frames;
      options.empty_pages = keep_frames ? 0 : 2;
      Fixture world(options);
      world.plain.queued = queued;
      std::map<std::string, std::string> model;
      for (int round = 0; round < 600; ++round) {
        const std::string key = key_of(round * 7 % 97);
        if (round % 11 == 3) {
          world.erase(key);
          model.erase(key);
        } else {
          const std::string value = value_of(round, 10 + static_cast<size_t>(round % 40));
          REQUIRE(world.upsert(key, value).status == Status::ok);
          model[key] = value;
        }
        if (round % 50 == 0) world.check_chain();
      }
      CHECK(world.at(Boundary::head) > 64);
      CHECK(world.at(Boundary::begin) == 64);
      int pending = 0;
      for (int number = 0; number < 97; ++number) {
        const auto found = model.find(key_of(number));
        const std::string expected = found == model.end() ? "<none>" : found->second;
        CHECK(world.read(key_of(number)) == expected);
        pending += world.last_was_pending ? 1 : 0;
      }
      CHECK(pending > 10);
      world.check_chain();
      world.close();
    }
  }
}

TEST_CASE("a prefetch changes nothing, wherever the keys are") {
  Fixture world(small_options(false));
  for (int number = 0; number < 200; ++number) world.upsert(key_of(number), value_of(number));
  world.erase(key_of(7));
  const LogAddr tail = world.store->log().tail();
  std::vector<std::string> names = {"never written"};
  for (int number = 0; number < 200; ++number) names.push_back(key_of(number));
  std::vector<Bytes> keys;
  for (const std::string& name : names) keys.push_back(bytes_of(name));
  world.session->prefetch(keys);
  world.session->prefetch({});
  CHECK(world.store->log().tail() == tail);
  CHECK(world.session->pending_count() == 0);
  CHECK(world.read("never written") == "<none>");
  CHECK(world.read(key_of(7)) == "<none>");
  for (int number = 8; number < 200; ++number)
    CHECK(world.read(key_of(number)) == value_of(number));
  world.close();
}

TEST_CASE("counters count through eviction and back") {
  StoreOptions options = small_options(false);
  options.index_bits = 0;  // one bucket: long chains and overflow buckets
  Fixture world(options);
  std::map<std::string, uint64_t> model;
  int pending = 0;
  for (int round = 0; round < 1500; ++round) {
    const std::string key = key_of(round * 13 % 251);
    REQUIRE(world.add(key, static_cast<uint64_t>(round)).status == Status::ok);
    pending += world.last_was_pending ? 1 : 0;
    model[key] += static_cast<uint64_t>(round);
  }
  CHECK(pending > 10);
  for (const auto& [key, sum] : model) CHECK(world.number(key) == sum);
  world.close();
}

TEST_CASE("keys with one tag share a chain, in memory and on the device") {
  StoreOptions options = small_options(false);
  options.index_bits = 0;
  options.tag_bits = 1;
  Fixture world(options);
  for (int number = 0; number < 200; ++number) world.upsert(key_of(number), value_of(number));
  world.erase(key_of(5));
  CHECK(world.store->index().tag_of(~uint64_t{0}) == 1);
  for (int number = 0; number < 200; ++number) {
    CHECK(world.read(key_of(number)) == (number == 5 ? "<none>" : value_of(number)));
  }
  CHECK(world.read("absent") == "<none>");
  CHECK(world.add("absent", 3).status == Status::ok);
  CHECK(world.last_was_pending);
  CHECK(world.number("absent") == 3);
  world.close();
}

TEST_CASE("a record larger than the first read takes a second one") {
  Fixture world(small_options(false));
  world.upsert("large", std::string(400, 'x'));
  for (int number = 0; number < 200; ++number) world.upsert(key_of(number), value_of(number));
  CHECK(world.read("large") == std::string(400, 'x'));
  CHECK(world.plain.device("db/hlog").reads == 2);
  world.close();
}

TEST_CASE("a cache forgets what it evicts, and only that") {
  for (const bool keep_frames : {false, true}) {
    StoreOptions options = small_options(true);
    options.keep_frames = keep_frames;
    Fixture world(options);
    std::map<std::string, LogAddr> where;
    for (int number = 0; number < 300; ++number) {
      where[key_of(number)] = world.upsert(key_of(number), value_of(number)).address;
    }
    CHECK(world.at(Boundary::begin) == world.at(Boundary::closed));
    world.check_chain();
    for (int number = 0; number < 300; ++number) {
      const bool there = where[key_of(number)] >= world.at(Boundary::head);
      CHECK(world.read(key_of(number)) == (there ? value_of(number) : "<none>"));
    }
    CHECK(world.erase(key_of(0)).status == Status::not_found);
    CHECK(world.add(key_of(1), 4).status == Status::ok);  // starts anew
    CHECK(world.number(key_of(1)) == 4);
    world.close();
  }
}

TEST_CASE("a pending read sees what was written meanwhile") {
  Fixture world(small_options(false));
  for (int number = 0; number < 200; ++number) world.upsert(key_of(number), value_of(number));
  world.plain.queued = true;
  world.plain.held = true;
  std::string output(100, '\0');
  const MutableBytes bytes{reinterpret_cast<std::byte*>(output.data()), output.size()};
  OpResult later;
  const std::string key = key_of(3);
  REQUIRE(world.session->read(bytes_of(key), bytes, &later).status == Status::pending);
  CHECK(world.session->pending_count() == 1);
  world.session->complete_pending(false);
  CHECK(world.session->pending_count() == 1);
  world.upsert(key, "newer");
  world.plain.held = false;
  world.session->complete_pending(true);
  CHECK(later.status == Status::ok);
  CHECK(output.substr(0, later.value_size) == "newer");
  world.close();
}

TEST_CASE("a pending operation starts again if what was newer has left memory") {
  Fixture world(small_options(false));
  for (int number = 0; number < 200; ++number) world.upsert(key_of(number), value_of(number));
  world.plain.queued = true;
  std::string output(100, '\0');
  const MutableBytes bytes{reinterpret_cast<std::byte*>(output.data()), output.size()};
  OpResult later;
  Adder adder(1);
  const std::string key = key_of(3);
  REQUIRE(world.session->read(bytes_of(key), bytes, &later).status == Status::pending);
  world.plain.complete_all();
  world.upsert(key, "newer, but gone");
  for (int number = 300; number < 500; ++number) world.upsert(key_of(number), value_of(number));
  world.session->complete_pending(true);
  CHECK(later.status == Status::ok);
  CHECK(output.substr(0, later.value_size) == "newer, but gone");
  world.close();
}

TEST_CASE("a read that fails or is short fails the operation") {
  Fixture world(small_options(false));
  for (int number = 0; number < 200; ++number) world.upsert(key_of(number), value_of(number));
  PlainDevice& device = world.plain.device("db/hlog");
  device.failing_reads = 3;  // as often as it is tried
  CHECK(world.read(key_of(3)) == "<io>");
  device.short_reads = 3;
  CHECK(world.read(key_of(3)) == "<io>");
  CHECK(world.read(key_of(3)) == value_of(3));
  world.plain.failing_label = "pending read";
  world.plain.failing_allocations = 1;
  CHECK(world.read(key_of(3)) == "<no_memory>");
  world.plain.failing_label = "read buffer";
  world.plain.failing_allocations = 1;
  CHECK(world.read(key_of(3)) == "<no_memory>");
  CHECK(world.read(key_of(3)) == value_of(3));
  world.close();
}

TEST_CASE("a failed write is tried again; one that keeps failing fails the log") {
  Fixture world(small_options(false));
  PlainDevice& device = world.plain.device("db/hlog");
  device.failing_writes = 2;
  device.short_writes = 0;
  for (int number = 0; number < 100; ++number) {
    REQUIRE(world.upsert(key_of(number), value_of(number)).status == Status::ok);
  }
  CHECK(world.read(key_of(0)) == value_of(0));
  device.failing_writes = 1 << 20;
  int failed = 0;
  for (int number = 0; number < 200; ++number) {
    failed += world.upsert(key_of(number), value_of(number, 33)).status == Status::failed ? 1 : 0;
  }
  CHECK(failed > 0);
  CHECK(world.upsert("x", "y").error.code == Errc::io);
  CHECK_FALSE(world.store->flush());
  world.close();
}

TEST_CASE("a flush of a log that fails says so, and what waits behind it is dropped") {
  Fixture world(small_options(false));
  world.plain.queued = true;
  world.plain.device("db/hlog").failing_writes = 1 << 20;
  for (int number = 0; number < 4; ++number) {
    world.upsert(key_of(number), value_of(number));
    const auto flushed = world.store->flush();
    REQUIRE_FALSE(flushed);
    CHECK(flushed.error().code == Errc::io);
  }
  CHECK(world.at(Boundary::flushed) == 64);
  CHECK(world.read(key_of(2)) == value_of(2));
  world.close();
}

TEST_CASE("a short write counts as failed") {
  Fixture world(small_options(false));
  world.plain.device("db/hlog").short_writes = 2;
  for (int number = 0; number < 100; ++number) world.upsert(key_of(number), value_of(number));
  CHECK(world.read(key_of(0)) == value_of(0));
  CHECK(world.plain.device("db/hlog").short_writes == 0);
  world.close();
}

TEST_CASE("no frame is an error of one operation, and the store goes on") {
  StoreOptions options = small_options(true);
  options.keep_frames = false;
  Fixture world(options);
  world.plain.failing_frames = 1;
  int failed = 0;
  for (int number = 0; number < 200; ++number) {
    const OpResult result = world.upsert(key_of(number), value_of(number));
    if (result.status != Status::failed) continue;
    ++failed;
    CHECK(result.error.code == Errc::no_memory);
  }
  CHECK(failed == 1);
  CHECK(world.read(key_of(199)) == value_of(199));
  world.close();
}

TEST_CASE("flush writes what there is, also in the middle of a page") {
  for (const bool queued : {false, true}) {
    Fixture world(small_options(false));
    world.plain.queued = queued;
    for (int number = 0; number < 120; ++number) {
      world.upsert(key_of(number), value_of(number));
      if (number % 5 == 0) {
        REQUIRE(world.store->flush());
        CHECK(world.at(Boundary::flushed) == world.store->log().tail());
      }
      world.check_chain();
    }
    for (int number = 0; number < 120; ++number) {
      CHECK(world.read(key_of(number)) == value_of(number));
    }
    world.close();
  }
}

TEST_CASE("bad options are refused") {
  PlainRuntime plain;
  const Bugs bugs;
  const auto code = [&](auto change) {
    StoreOptions options = small_options(false);
    change(options);
    const auto opened = Store::open(plain.runtime(), options, bugs);
    return opened ? Errc::ok : opened.error().code;
  };
  CHECK(code([](StoreOptions&) {}) == Errc::ok);
  CHECK(code([](StoreOptions& options) { options.page_bits = 5; }) == Errc::invalid);
  CHECK(code([](StoreOptions& options) { options.memory_bits = 9; }) == Errc::invalid);
  CHECK(code([](StoreOptions& options) { options.empty_pages = 8; }) == Errc::invalid);
  CHECK(code([](StoreOptions& options) { options.sector_size = 48; }) == Errc::invalid);
  CHECK(code([](StoreOptions& options) { options.segment_bits = 8; }) == Errc::invalid);
  CHECK(code([](StoreOptions& options) { options.prefix = ""; }) == Errc::invalid);
  CHECK(code([](StoreOptions& options) { options.first_address = 60; }) == Errc::invalid);
  CHECK(code([](StoreOptions& options) { options.throttle_ms = -2; }) == Errc::invalid);
  CHECK(plain.live_blocks == 0);
}

TEST_CASE("a store that cannot open leaves nothing behind") {
  const Bugs bugs;
  for (const char* label : {"store", "epoch slots", "epoch table", "hash index", "overflow levels",
                            "frame slots", "frame pins", "parked frames", "flush slots"}) {
    PlainRuntime plain;
    plain.failing_label = label;
    plain.failing_allocations = 1;
    const auto opened = Store::open(plain.runtime(), small_options(false), bugs);
    INFO(label);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::no_memory);
    CHECK(plain.live_blocks == 0);
  }
  PlainRuntime plain;
  plain.failing_frames = 1;
  CHECK_FALSE(Store::open(plain.runtime(), small_options(false), bugs));
  plain.failing_opens = 1;
  CHECK_FALSE(Store::open(plain.runtime(), small_options(false), bugs));
  CHECK(plain.live_blocks == 0);
  CHECK(plain.live_frames == 0);
}
