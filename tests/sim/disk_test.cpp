// SPDX-License-Identifier: Apache-2.0
// What crashes leave of names, of pending writes and of open requests. What names promise in any
// world is a contract (storage_contract.cpp).
#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "faults/catalogue.hpp"
#include "sim/device.hpp"
#include "tests/sim/request.hpp"
#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::IoKind;
using tests::Request;
using tests::TestWorld;

namespace {

/// What the device holds: the first byte of each of the first sectors.
std::string contents(const TestWorld& world, const char* name, uint64_t sectors) {
  std::string text;
  const sim::SimDevice* const device = world.world.disk().find(name);
  for (uint64_t i = 0; device != nullptr && i < sectors; ++i) {
    std::byte byte{};
    device->media().read(i * 512, {&byte, 1});
    text += byte == std::byte{0} ? '.' : static_cast<char>(byte);
  }
  return text;
}

/// Writes a, syncs, then writes b and c over and behind it without a sync.
void write_some(engine::Runtime runtime) {
  engine::Device& device = **runtime.storage.open("disk/data", {});
  (void)runtime.storage.sync_names();
  alignas(512) std::byte bytes[1024];
  std::memset(bytes, 'a', sizeof bytes);
  tests::transact(runtime.tasks, device, IoKind::write, 0, bytes);
  tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
  std::memset(bytes, 'b', sizeof bytes);
  tests::transact(runtime.tasks, device, IoKind::write, 0, {bytes, 512});
  std::memset(bytes, 'c', sizeof bytes);
  tests::transact(runtime.tasks, device, IoKind::write, 1024, {bytes, 512});
}

/// Writes a durable sector of `c`.
void fill(engine::Runtime runtime, engine::Device& device, char c) {
  alignas(512) std::byte bytes[512];
  std::memset(bytes, c, sizeof bytes);
  tests::transact(runtime.tasks, device, IoKind::write, 0, bytes);
  tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
}

/// Writes so many sectors of `c`, and syncs nothing.
void write_pending(engine::Runtime runtime, engine::Device& device, uint64_t offset, char c,
                   size_t sectors) {
  alignas(512) std::byte bytes[1024];
  std::memset(bytes, c, sizeof bytes);
  tests::transact(runtime.tasks, device, IoKind::write, offset, {bytes, sectors * 512});
}

/// Crashes with one write of "xx" in flight, half of it perhaps transferred.
std::string after_crash_in_flight(sim::Source& source, bool power_lost) {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  world.play(source, [&] {
    engine::Device& device = **runtime.storage.open("disk/data", {});
    (void)runtime.storage.sync_names();
    auto* const bytes = static_cast<std::byte*>(*runtime.memory.allocate(1024, 512, "bytes"));
    std::memset(bytes, 'x', 1024);
    Request request(runtime.tasks);
    request.submit(device, IoKind::write, 0, {bytes, 1024});
    world.scheduler().stop();
  });
  world.world.crash(power_lost);
  REQUIRE(world.world.disk().in_flight() == 0);
  return contents(world, "disk/data", 2);
}

}  // namespace

TEST_CASE("a device is not removed under its requests", "[disk]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  world.play_calmly([&] {
    engine::Device& device = **runtime.storage.open("disk/data", {});
    Request request(runtime.tasks);
    request.submit(device, IoKind::sync, 0, {});
    (void)runtime.storage.remove("disk/data");
  });
  REQUIRE(world.verdict().rfind("check: ", 0) == 0);
}

TEST_CASE("a process crash keeps what the device has accepted", "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("power-loss")};
  tests::Stubborn stubborn(sim::Ask::power, 1);
  world.play(stubborn, [&] { write_some(world.runtime()); });
  world.world.crash(false);
  REQUIRE(contents(world, "disk/data", 3) == "bac");
}

TEST_CASE("a power loss keeps what was synced, and loses any part of the rest", "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("power-loss")};
  const auto image_after = [&](sim::Source& source, bool enabled) {
    if (!enabled) world.faults.clear();
    world.play(source, [&] { write_some(world.runtime()); });
    world.world.crash(true);
    return contents(world, "disk/data", 3);
  };
  tests::Stubborn all(sim::Ask::power, 1);
  REQUIRE(image_after(world.calm, true) == "bac");
  REQUIRE(image_after(all, true) == "aa.");
  const auto plain = sim::deviated({{{"disk/data", 0, 0, 0}, sim::Ask::power, 0, 1, {}}});
  sim::Replayed first(plain);
  REQUIRE(image_after(first, true) == "aac");
  std::map<std::string, int> images;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    sim::Seeded seeded(seed, sim::Temper::drawn_from(seed));
    ++images[image_after(seeded, true)];
  }
  REQUIRE(images.size() == 4);
  for (const auto& [image, count] : images) REQUIRE(count >= 10);
  REQUIRE(image_after(all, false) == "bac");
}

TEST_CASE("a power loss may spare the first writes that were accepted, on whichever device",
          "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("power-loss")};
  engine::Runtime runtime = world.runtime();
  // Accepted in turn: a, b and c; the devices come in the order of their names.
  const auto image_after = [&](uint64_t answer) {
    tests::Stubborn source(sim::Ask::image, answer);
    world.play(source, [&] {
      engine::Device& second = **runtime.storage.open("second", {});
      engine::Device& first = **runtime.storage.open("first", {});
      (void)runtime.storage.sync_names();
      write_pending(runtime, second, 0, 'a', 1);
      write_pending(runtime, first, 0, 'b', 1);
      write_pending(runtime, second, 0, 'c', 1);
    });
    world.world.crash(true);
    return contents(world, "first", 1) + contents(world, "second", 1);
  };
  REQUIRE(image_after(0) == "bc");  // each has its own fate, which is calm
  REQUIRE(image_after(1) == "..");
  REQUIRE(image_after(2) == ".a");
  REQUIRE(image_after(3) == "ba");
  REQUIRE(image_after(4) == "bc");
}

TEST_CASE("a power loss may tear one write, the last that survives", "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("power-loss"), faults::find_fault("torn-write")};
  engine::Runtime runtime = world.runtime();
  const auto image_after = [&](uint64_t image, uint64_t edge) {
    const auto tape = sim::deviated({{{"pending-writes", 0, 0, 0}, sim::Ask::image, 0, image, {}},
                                     {{"pending-writes", 0, 0, 0}, sim::Ask::edge, 0, edge, {}}});
    sim::Replayed source(tape);
    world.play(source, [&] {
      engine::Device& device = **runtime.storage.open("disk/data", {});
      (void)runtime.storage.sync_names();
      write_pending(runtime, device, 0, 'a', 2);
      write_pending(runtime, device, 1024, 'b', 2);
    });
    world.world.crash(true);
    return contents(world, "disk/data", 4);
  };
  REQUIRE(image_after(0, 0) == "aabb");
  REQUIRE(image_after(0, 1) == "aab.");
  REQUIRE(image_after(0, 2) == "aa.b");
  REQUIRE(image_after(2, 1) == "a...");
  REQUIRE(image_after(2, 0) == "aa..");
  REQUIRE(image_after(1, 1) == "....");
}

TEST_CASE("a name that was not synced may be gone after a power loss, with all it held", "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("power-loss")};
  engine::Runtime runtime = world.runtime();
  const auto is_there_after = [&](sim::Source& source, bool power_lost) {
    world.play(source, [&] {
      (void)runtime.storage.open("kept", {});
      (void)runtime.storage.sync_names();
      engine::Device& device = **runtime.storage.open("new", {});
      fill(runtime, device, 'x');
    });
    world.world.crash(power_lost);
    REQUIRE(world.world.disk().find("kept") != nullptr);
    const bool there = world.world.disk().find("new") != nullptr;
    REQUIRE(contents(world, "new", 1) == (there ? "x" : ""));
    return there;
  };
  tests::Stubborn lost(sim::Ask::power, 1);
  REQUIRE(is_there_after(lost, false));
  REQUIRE_FALSE(is_there_after(lost, true));
  REQUIRE(is_there_after(world.calm, true));
  const auto only_it = sim::deviated({{{"made:new", 0, 0, 0}, sim::Ask::power, 0, 1, {}}});
  sim::Replayed replayed(only_it);
  REQUIRE_FALSE(is_there_after(replayed, true));
  world.faults.clear();
  REQUIRE(is_there_after(lost, true));
}

TEST_CASE("a removal that was not synced may be undone by a power loss", "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("power-loss")};
  engine::Runtime runtime = world.runtime();
  // Removes a durable name that holds "o", perhaps syncs the names, perhaps makes it again, with
  // "n".
  const auto image_after = [&](sim::Source& source, bool synced, bool again) {
    world.play(source, [&] {
      fill(runtime, **runtime.storage.open("name", {}), 'o');
      (void)runtime.storage.sync_names();
      (void)runtime.storage.remove("name");
      if (synced) (void)runtime.storage.sync_names();
      if (again) fill(runtime, **runtime.storage.open("name", {}), 'n');
    });
    world.world.crash(true);
    return contents(world, "name", 1);
  };
  const auto lost = [](const char* first, const char* second) {
    return sim::deviated({{{first, 0, 0, 0}, sim::Ask::power, 0, 1, {}},
                          {{second, 0, 0, 0}, sim::Ask::power, 0, 1, {}}});
  };
  const auto removal = lost("removed:name", "other");
  const auto both = lost("removed:name", "made:name");
  const auto making = lost("made:name", "other");
  const auto image = [&](const auto& tape, bool synced, bool again) {
    sim::Replayed source(tape);
    return image_after(source, synced, again);
  };
  REQUIRE(image_after(world.calm, false, false).empty());
  REQUIRE(image(removal, false, false) == "o");
  REQUIRE(image(removal, true, false).empty());
  REQUIRE(image_after(world.calm, false, true) == "n");
  REQUIRE(image(removal, false, true) == "n");
  REQUIRE(image(both, false, true) == "o");
  REQUIRE(image(making, false, true).empty());
  REQUIRE(image(both, true, true).empty());
}

TEST_CASE("a list goes on while others remove and make names", "[disk]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  std::vector<std::string> seen;
  bool listed = false;
  struct Walk {
    engine::Storage& storage;
    std::vector<std::string>& seen;
  } walk{runtime.storage, seen};
  world.play_calmly([&] {
    for (const char* name : {"a", "b", "c", "d"}) (void)runtime.storage.open(name, {});
    const auto visit = [](void* argument, std::string_view name) {
      auto& [storage, names] = *static_cast<Walk*>(argument);
      names.emplace_back(name);
      if (name != "a") return;
      (void)storage.remove("a");
      (void)storage.remove("b");
      (void)storage.open("ca", {});
    };
    listed = runtime.storage.list("", visit, &walk).has_value();
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(listed);
  REQUIRE(seen == std::vector<std::string>{"a", "c", "ca", "d"});
}

TEST_CASE("a device whose name was removed takes no request any more", "[disk]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  engine::Errc refused = engine::Errc::ok;
  world.play_calmly([&] {
    engine::Device& device = **runtime.storage.open("gone", {});
    (void)runtime.storage.remove("gone");
    Request request(runtime.tasks);
    request.submit(device, IoKind::sync, 0, {});
    refused = request.io.error;
  });
  REQUIRE(refused == engine::Errc::cancelled);
}

TEST_CASE("a write in flight at a crash lands wholly, by half or not", "[disk]") {
  sim::Calm calm;
  tests::Stubborn half(sim::Ask::power, 1);
  tests::Stubborn whole(sim::Ask::power, 2);
  REQUIRE(after_crash_in_flight(calm, false) == "..");
  REQUIRE(after_crash_in_flight(half, false) == "x.");
  REQUIRE(after_crash_in_flight(whole, false) == "xx");
  REQUIRE(after_crash_in_flight(whole, true) == "xx");
}

TEST_CASE("after a crash no completion of the dead comes", "[disk]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  int finishes = 0;
  world.play_calmly([&] {
    engine::Device& device = **runtime.storage.open("disk/data", {});
    engine::Io io;
    io.kind = IoKind::sync;
    io.owner = &finishes;
    io.done = [](engine::Io& finished) { ++*static_cast<int*>(finished.owner); };
    device.submit(io);
    world.scheduler().stop();
  });
  world.world.crash(false);
  world.go_on([&] {
    engine::Atomic<uint32_t> never{0};
    const engine::Duration while_{engine::kMillisecond};
    (void)runtime.tasks.wait(never, 0, runtime.clock.now() + while_);
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(finishes == 0);
}

TEST_CASE("a second life goes on in time, under names of its own", "[disk]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  int64_t first_ns = 0;
  int64_t second_ns = 0;
  world.play_calmly([&] {
    engine::Atomic<uint32_t> word{0};
    for (int i = 0; i < 777; ++i) word.store(1);
    first_ns = runtime.clock.now().ns;
    world.scheduler().stop();
  });
  world.world.crash(true);
  world.go_on([&] { second_ns = runtime.clock.now().ns; });
  REQUIRE(second_ns >= first_ns);
  const auto& tasks = world.world.trace().tasks;
  REQUIRE(tasks.size() == 2);
  REQUIRE(tasks[0].name.incarnation == 0);
  REQUIRE(tasks[1].name.incarnation == 1);
  REQUIRE(tasks[1].name.repeat == 0);
}

TEST_CASE("a file decays while the power is off, if its scenario lets it", "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("bit-rot"), faults::find_fault("cut-file")};
  engine::Runtime runtime = world.runtime();
  const auto left_after = [&](sim::Ask ask, uint64_t answer, bool power_lost) {
    const auto tape = sim::deviated({{{"at-rest:disk/one", 0, 0, 0}, ask, 0, answer, {}},
                                     {{"at-rest:disk/two", 0, 0, 0}, ask, 0, answer, {}}});
    sim::Replayed source(tape);
    world.play(source, [&] {
      for (const char* const name : {"disk/one", "disk/two"}) {
        engine::Device& device = **runtime.storage.open(name, {});
        (void)runtime.storage.sync_names();
        fill(runtime, device, 'b');
        write_pending(runtime, device, 512, 'b', 2);
        tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
      }
    });
    world.world.crash(power_lost);
    return contents(world, "disk/one", 4) + " " + contents(world, "disk/two", 4);
  };
  world.laws.disk.may_decay = [](std::string_view name) { return name == "disk/one"; };
  REQUIRE(left_after(sim::Ask::rot, 1 + 512 * 8, true) == "bcb. bbb.");
  REQUIRE(left_after(sim::Ask::cut, 1 + 2, true) == "bb.. bbb.");
  REQUIRE(world.world.disk().find("disk/one")->media().size() == 1024);
  REQUIRE(world.world.trace().events.back().kind == static_cast<uint16_t>(sim::Kind::decayed));
  REQUIRE(left_after(sim::Ask::cut, 1, true) == ".... bbb.");
  REQUIRE(left_after(sim::Ask::cut, 1, false) == "bbb. bbb.");
  world.laws.disk.may_decay = nullptr;
  REQUIRE(left_after(sim::Ask::rot, 1, true) == "bbb. bbb.");
}

TEST_CASE("what a device gave up is gone, and what is written there later is there", "[disk]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  alignas(512) std::byte bytes[2048]{};
  const auto seen = [&](engine::Device& device) {
    for (const size_t segment : {size_t{0}, size_t{1024}}) {
      tests::transact(runtime.tasks, device, IoKind::read, segment, {bytes + segment, 1024});
    }
    std::string text;
    for (size_t i = 0; i < sizeof bytes; i += 512) {
      text += bytes[i] == std::byte{0} ? '.' : static_cast<char>(bytes[i]);
    }
    return text;
  };
  for (const bool power_lost : {false, true}) {
    std::string before;
    std::string after;
    sim::Replayed source({});
    world.play(source, [&] {
      engine::Device& device = **runtime.storage.open("disk", {.segment_size = 1024});
      (void)runtime.storage.sync_names();
      write_pending(runtime, device, 0, 'a', 2);
      write_pending(runtime, device, 1024, 'b', 2);
      tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
      write_pending(runtime, device, 512, 'c', 1);  // and no sync
      device.truncate_until(1024 + 512);            // no more than whole segments go
      before = seen(device);
    });
    CHECK(before == "..bb");
    world.world.crash(power_lost);
    world.go_on([&] {
      engine::Device& device = **runtime.storage.open("disk", {.segment_size = 1024});
      before = seen(device);
      write_pending(runtime, device, 0, 'd', 1);
      after = seen(device);
    });
    CHECK(before == "..bb");
    CHECK(after == "d.bb");
  }
}

TEST_CASE("what is written where a file was cut is there, whatever had been given up before",
          "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("cut-file")};
  world.laws.disk.may_decay = [](std::string_view) { return true; };
  engine::Runtime runtime = world.runtime();
  for (const uint64_t left : {0U, 1U}) {
    const auto tape = sim::deviated({{{"at-rest:disk", 0, 0, 0}, sim::Ask::cut, 0, 1 + left, {}}});
    sim::Replayed source(tape);
    world.play(source, [&] {
      engine::Device& device = **runtime.storage.open("disk", {.segment_size = 1024});
      (void)runtime.storage.sync_names();
      write_pending(runtime, device, 0, 'b', 2);
      write_pending(runtime, device, 1024, 'b', 2);
      tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
      device.truncate_until(1024);
    });
    world.world.crash(true);
    REQUIRE(world.world.disk().find("disk")->media().size() == 512 * left);
    alignas(512) std::byte bytes[1024]{};
    world.go_on([&] {
      engine::Device& device = **runtime.storage.open("disk", {.segment_size = 1024});
      write_pending(runtime, device, 512 * left, 'c', 2 - left);  // to the end of the segment
      tests::transact(runtime.tasks, device, IoKind::read, 0, {bytes, sizeof bytes});
    });
    // What was given up stays so.
    REQUIRE(bytes[0] == (left == 0 ? std::byte{'c'} : std::byte{0}));
    REQUIRE(bytes[1023] == std::byte{'c'});
  }
}

TEST_CASE("a directory is lost with all its files, if its scenario lets it", "[disk]") {
  TestWorld world;
  world.faults = {faults::find_fault("lost-directory")};
  engine::Runtime runtime = world.runtime();
  const auto left_after = [&](bool power_lost) {
    const auto tape = sim::deviated({{{"at-rest:db/a", 0, 0, 0}, sim::Ask::directory, 0, 1, {}},
                                     {{"at-rest:db", 0, 0, 0}, sim::Ask::directory, 0, 1, {}},
                                     {{"at-rest:db/a/1", 0, 0, 0}, sim::Ask::cut, 0, 1, {}}});
    sim::Replayed source(tape);
    world.play(source, [&] {
      for (const char* const name : {"db/a/1", "db/a/2", "db/a-3", "db/ab/4"}) {
        engine::Device& device = **runtime.storage.open(name, {});
        fill(runtime, device, 'b');
        tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
      }
      (void)runtime.storage.sync_names();
    });
    world.world.crash(power_lost);
    std::string left;
    world.world.disk().each([&](const sim::SimDevice& device) { left += device.name(); });
    return left;
  };
  world.laws.disk.may_vanish = [](std::string_view name) { return name == "db/a"; };
  REQUIRE(left_after(true) == "db/a-3db/ab/4");
  const sim::Event& told = world.world.trace().events.back();
  REQUIRE(told.kind == static_cast<uint16_t>(sim::Kind::decayed));
  REQUIRE(told.b == 2);
  REQUIRE(sim::decayed_file(world.world.trace(), told) == "db/a");
  REQUIRE(left_after(false) == "db/a-3db/a/1db/a/2db/ab/4");
  // What is gone does not decay, and nothing is left of it to be asked about.
  world.faults.push_back(faults::find_fault("cut-file"));
  world.laws.disk.may_decay = [](std::string_view) { return true; };
  world.laws.disk.may_vanish = [](std::string_view name) { return name.starts_with("db"); };
  REQUIRE(left_after(true) == "");
  REQUIRE(world.world.trace().taken.size() == 1);
  world.laws.disk.may_vanish = nullptr;
  REQUIRE(left_after(true) == "db/a-3db/a/1db/a/2db/ab/4");
}
