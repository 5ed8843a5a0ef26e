// SPDX-License-Identifier: Apache-2.0
// What io-error and short-transfer do to a request, answer by answer.
#include <cstring>
#include <string>

#include "faults/catalogue.hpp"
#include "tests/sim/request.hpp"
#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Errc;
using engine::IoKind;
using sim::Ask;
using tests::Request;
using tests::TestWorld;

namespace {

/// What became of one request of two sectors (a sync has none).
struct Outcome {
  Errc code = Errc::ok;
  bool was_inline = false;
  size_t transferred = 0;
  std::string media;   // the first bytes of its two sectors, '.' for zero
  std::string buffer;  // the same of a read's buffer
  size_t pending = 0;  // writes, after it
};

/// The device holds "oo" durably; a write brings "nn", a read finds '?' in its buffer. Only this
/// request is asked: deviations elsewhere would be others' business.
Outcome outcome_of(IoKind kind, const char* fault, Ask ask, uint64_t answer) {
  static constexpr const char* kActors[] = {"read:io/data", "write:io/data", "sync:io/data"};
  TestWorld world;
  world.faults = {faults::find_fault(fault)};
  const uint32_t repeat = kind == IoKind::write ? 1 : 0;
  const char* const actor = kActors[static_cast<size_t>(kind)];
  std::vector<sim::Deviation> list;
  if (answer != 0) list.push_back({{actor, 0, repeat, 0}, ask, 0, answer, {}});
  sim::Replayed replayed(sim::deviated(list));
  Outcome outcome;
  engine::Runtime runtime = world.runtime();
  world.play(replayed, [&] {
    engine::Device& device = **runtime.storage.open("io/data", {});
    const sim::Media& media = world.world.disk().find("io/data")->media();
    alignas(512) std::byte bytes[1024];
    const auto shape = [](const std::byte* at) {
      std::string text;
      for (const size_t i : {size_t{0}, size_t{512}}) text += static_cast<char>(at[i]);
      return text;
    };
    std::memset(bytes, 'o', sizeof bytes);
    tests::transact(runtime.tasks, device, IoKind::write, 0, bytes);
    if (kind != IoKind::sync) const_cast<sim::Media&>(media).sync();
    std::memset(bytes, kind == IoKind::write ? 'n' : '?', sizeof bytes);
    Request request(runtime.tasks);
    request.submit(device, kind, 0, {bytes, kind == IoKind::sync ? 0 : sizeof bytes});
    outcome.was_inline = request.has_ended();
    outcome.code = request.wait();
    outcome.transferred = request.io.transferred;
    outcome.buffer = shape(bytes);
    outcome.pending = media.pending_count();
    alignas(512) std::byte back[1024];
    media.read(0, back);
    outcome.media = shape(back);
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(world.world.trace().taken.size() == list.size());
  return outcome;
}

}  // namespace

TEST_CASE("an I/O error comes before, amid or after the effect of a write", "[faults]") {
  const auto write = [](uint64_t answer) {
    return outcome_of(IoKind::write, "io-error", Ask::error, answer);
  };
  REQUIRE(write(0).code == Errc::ok);
  REQUIRE(write(0).media == "nn");
  REQUIRE(write(0).transferred == 1024);
  for (uint64_t answer = 1; answer <= 4; ++answer) {
    REQUIRE(write(answer).code == Errc::io);
    REQUIRE(write(answer).transferred == 0);  // nobody is told how far it came
    REQUIRE(write(answer).was_inline == (answer == 1));
  }
  REQUIRE(write(1).media == "oo");
  REQUIRE(write(2).media == "oo");
  REQUIRE(write(3).media == "no");
  REQUIRE(write(4).media == "nn");
}

TEST_CASE("a read that fails may have filled its buffer, or half of it", "[faults]") {
  const auto read = [](uint64_t answer) {
    return outcome_of(IoKind::read, "io-error", Ask::error, answer);
  };
  REQUIRE(read(0).buffer == "oo");
  REQUIRE(read(1).buffer == "??");
  REQUIRE(read(2).buffer == "??");
  REQUIRE(read(3).buffer == "o?");
  REQUIRE(read(4).buffer == "oo");
  for (uint64_t answer = 1; answer <= 4; ++answer) REQUIRE(read(answer).code == Errc::io);
}

TEST_CASE("a sync that fails may have made everything durable, or nothing", "[faults]") {
  const auto sync = [](uint64_t answer) {
    return outcome_of(IoKind::sync, "io-error", Ask::error, answer);
  };
  REQUIRE(sync(0).pending == 0);
  REQUIRE(sync(1).pending == 1);
  REQUIRE(sync(2).pending == 1);
  REQUIRE(sync(4).pending == 0);
  for (uint64_t answer = 1; answer <= 4; ++answer) REQUIRE(sync(answer).code == Errc::io);
}

TEST_CASE("a short transfer succeeds with whole sectors from the start", "[faults]") {
  const Outcome write = outcome_of(IoKind::write, "short-transfer", Ask::shortfall, 1);
  REQUIRE(write.code == Errc::ok);
  REQUIRE(write.transferred == 512);
  REQUIRE(write.media == "no");
  const Outcome read = outcome_of(IoKind::read, "short-transfer", Ask::shortfall, 1);
  REQUIRE(read.code == Errc::ok);
  REQUIRE(read.transferred == 512);
  REQUIRE(read.buffer == "o?");
}

TEST_CASE("a sync never falls short: that would be a lie", "[faults]") {
  TestWorld world;
  world.faults = {faults::find_fault("short-transfer")};
  tests::Stubborn stubborn(Ask::shortfall, 1);
  engine::Runtime runtime = world.runtime();
  Errc code = Errc::io;
  world.play(stubborn, [&] {
    engine::Device& device = **runtime.storage.open("io/data", {});
    code = tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
  });
  REQUIRE(code == Errc::ok);
  REQUIRE(world.world.trace().taken.empty());
}

TEST_CASE("a fault that is not enabled asks nothing", "[faults]") {
  TestWorld world;
  tests::Listener listener;
  engine::Runtime runtime = world.runtime();
  world.play(listener, [&] {
    engine::Device& device = **runtime.storage.open("io/data", {});
    runtime.memory.free(*runtime.memory.allocate(8, 8, "x"));
    tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
  });
  for (const sim::Address& at : listener.heard) {
    const bool is_freedom = at.ask == Ask::latency || at.ask == Ask::transfer ||
                            at.ask == Ask::delivery || at.ask == Ask::spurious;
    REQUIRE(is_freedom);
  }
  REQUIRE(listener.heard.size() == 4);
}

TEST_CASE("a call about names fails without effect, or after all of it", "[faults]") {
  for (const uint64_t answer : {uint64_t{1}, uint64_t{2}}) {
    const bool effect = answer == 2;
    TestWorld world;
    engine::Runtime runtime = world.runtime();
    const auto played = [&](const auto& call) {
      tests::Stubborn stubborn(Ask::name, answer);
      world.faults = {faults::find_fault("name-error")};
      world.play(stubborn, call);
      REQUIRE(world.verdict() == "ok");
    };
    Errc code = Errc::ok;
    played([&] { code = runtime.storage.open("io/data", {}).error().code; });
    CHECK(code == Errc::io);
    CHECK((world.world.disk().find("io/data") != nullptr) == effect);
    played([&] { code = runtime.storage.sync_names().error().code; });
    CHECK(code == Errc::io);
    CHECK(world.world.trace().taken.size() == 1);
    // A list has no effect, so it fails alike.
    int visited = 0;
    const auto visit = [](void* count, std::string_view) { ++*static_cast<int*>(count); };
    played([&] {
      (void)runtime.storage.open("io/data", {});
      code = runtime.storage.list("", visit, &visited).error().code;
    });
    CHECK(code == Errc::io);
    CHECK(visited == 0);
  }
}

TEST_CASE("memory, frames and tasks are refused alike, without effect", "[faults]") {
  TestWorld world;
  world.faults = {faults::find_fault("alloc-failure")};
  tests::Stubborn stubborn(Ask::allocate, 1);
  engine::Runtime runtime = world.runtime();
  Errc codes[3] = {};
  world.play(stubborn, [&] {
    const auto code_of = [](const auto& result) { return result ? Errc::ok : result.error().code; };
    codes[0] = code_of(runtime.memory.allocate(8, 8, "x"));
    codes[1] = code_of(runtime.frames.acquire(0, 512));
    codes[2] = code_of(runtime.tasks.spawn({"x", 0}, [](void*) {}, nullptr));
  });
  REQUIRE(world.verdict() == "ok");
  for (const Errc code : codes) REQUIRE(code == Errc::no_memory);
  REQUIRE(world.world.heap().live_count() == 0);
  REQUIRE(world.world.frames().live_count() == 0);
  REQUIRE(world.world.trace().tasks.size() == 1);
  REQUIRE(world.world.trace().taken.size() == 3);
}
