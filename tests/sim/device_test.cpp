// SPDX-License-Identifier: Apache-2.0
// What a simulated device does with a request: when, on whose stack, in which order, how often.
#include "sim/device.hpp"

#include <algorithm>
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
using tests::Request;
using tests::TestWorld;

namespace {

constexpr size_t kSector = 512;

/// Two sectors on a task's stack, with room to see what became of them.
struct Payload {
  alignas(512) std::byte bytes[2 * kSector];

  explicit Payload(char fill) { set(fill); }
  void set(char fill) { std::memset(bytes, fill, sizeof bytes); }
  /// "aabb" as "ab": the first byte of each sector.
  std::string shape() const {
    return {static_cast<char>(bytes[0]), static_cast<char>(bytes[kSector])};
  }
};

/// Plays `body(device)`; the world and its laws are the caller's.
template <typename Body>
void play_device(TestWorld& world, sim::Source& source, const Body& body) {
  world.play(source, [&] { body(**world.runtime().storage.open("test/data", {})); });
}

std::string read_back(engine::Tasks& tasks, engine::Device& device) {
  Payload payload('?');
  tests::transact(tasks, device, IoKind::read, 0, payload.bytes);
  return payload.shape();
}

/// Submits a write of "aa", changes the buffer to "bb" after `wait_ns`, and reads what landed.
std::string landed(sim::Ask ask, uint64_t answer, int64_t wait_ns) {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  tests::Stubborn stubborn(ask, answer);
  std::string shape;
  play_device(world, stubborn, [&](engine::Device& device) {
    Payload payload('a');
    Request request(runtime.tasks);
    request.submit(device, IoKind::write, 0, payload.bytes);
    engine::Atomic<uint32_t> never{0};
    const engine::Instant until = runtime.clock.now() + engine::Duration{wait_ns};
    (void)runtime.tasks.wait(never, 0, until);
    payload.set('b');
    request.wait();
    shape = read_back(runtime.tasks, device);
  });
  REQUIRE(world.verdict() == "ok");
  return shape;
}

}  // namespace

TEST_CASE("what was written is read, and counts as pending until a sync", "[device]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  std::string shape;
  size_t pending[2] = {};
  uint64_t size = 0;
  play_device(world, world.calm, [&](engine::Device& device) {
    const sim::Media& media = world.world.disk().find("test/data")->media();
    Payload payload('w');
    tests::transact(tasks, device, IoKind::write, 0, payload.bytes);
    pending[0] = media.pending_count();
    tests::transact(tasks, device, IoKind::sync, 0, {});
    pending[1] = media.pending_count();
    shape = read_back(tasks, device);
    size = device.size();
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(shape == "ww");
  REQUIRE(pending[0] == 1);
  REQUIRE(pending[1] == 0);
  REQUIRE(size == 2 * kSector);
}

TEST_CASE("a sync covers no write that had not ended when it was asked for", "[device]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  size_t pending[2] = {};
  const auto body = [&] {
    engine::Device& device = **runtime.storage.open("data", {});
    const sim::Media& media = world.world.disk().find("data")->media();
    alignas(512) std::byte bytes[512] = {std::byte{1}};
    Request write(runtime.tasks);
    Request sync(runtime.tasks);
    write.submit(device, IoKind::write, 0, bytes);
    sync.submit(device, IoKind::sync, 0, {});
    write.wait();
    sync.wait();
    pending[0] = media.pending_count();
    tests::transact(runtime.tasks, device, IoKind::sync, 0, {});
    pending[1] = media.pending_count();
  };
  world.play_calmly(body);
  REQUIRE(pending[0] == 1);
  REQUIRE(pending[1] == 0);
  // A sync has its effect once, early or late.
  tests::Stubborn early(sim::Ask::transfer, 4);
  world.play(early, body);
  REQUIRE(pending[0] == 1);
  REQUIRE(pending[1] == 0);
  const auto& events = world.world.trace().events;
  REQUIRE(std::count_if(events.begin(), events.end(), [](const sim::Event& event) {
            return event.kind == static_cast<uint16_t>(sim::Kind::io_synced);
          }) == 2);
}

TEST_CASE("a write takes its bytes from the live buffer, at its own instant", "[device]") {
  // Nominally a request takes 4,000 ns. Calmly it transfers when it completes.
  REQUIRE(landed(sim::Ask::transfer, 0, 1) == "bb");
  REQUIRE(landed(sim::Ask::transfer, 0, 3500) == "bb");
  // Seven eighths earlier, so after 500 ns.
  REQUIRE(landed(sim::Ask::transfer, 7, 1) == "bb");
  REQUIRE(landed(sim::Ask::transfer, 7, 1500) == "aa");
  // In two parts: the first half after 500 ns, the second at the end.
  REQUIRE(landed(sim::Ask::transfer, 14, 1) == "bb");
  REQUIRE(landed(sim::Ask::transfer, 14, 1500) == "ab");
  // Inline: before submit returns.
  REQUIRE(landed(sim::Ask::delivery, 1, 0) == "aa");
}

TEST_CASE("calmly completions come in the order of submission, each on its own task", "[device]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  std::vector<uint64_t> tasks_seen;
  bool was_inline = false;
  play_device(world, world.calm, [&](engine::Device& device) {
    Payload payload('x');
    Request requests[3] = {Request(tasks), Request(tasks), Request(tasks)};
    for (uint64_t i = 0; i < 3; ++i) {
      requests[i].submit(device, IoKind::write, i * 2 * kSector, payload.bytes);
      was_inline = was_inline || requests[i].has_ended();
    }
    for (Request& request : requests) request.wait();
    for (const Request& request : requests) tasks_seen.push_back(request.finished_by);
    tasks_seen.push_back(tasks.self().id);
  });
  REQUIRE_FALSE(was_inline);
  REQUIRE(tasks_seen[0] < tasks_seen[1]);
  REQUIRE(tasks_seen[1] < tasks_seen[2]);
  REQUIRE(tasks_seen[3] < tasks_seen[0]);
}

TEST_CASE("a completion may come inline, before submit returns, and only so deep", "[device]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  tests::Stubborn stubborn(sim::Ask::delivery, 1);
  struct Chain {
    engine::Device& device;
    engine::Io io[10];
    int submitted = 0;
    int depth = 0;
    int depth_max = 0;
    int ended = 0;
    void next() {
      engine::Io& one = io[submitted++];
      one.kind = IoKind::sync;
      one.owner = this;
      one.done = [](engine::Io& finished) {
        auto& self = *static_cast<Chain*>(finished.owner);
        self.depth_max = std::max(self.depth_max, ++self.depth);
        if (self.submitted < 10) self.next();
        --self.depth;
        ++self.ended;
      };
      device.submit(one);
    }
  };
  int depth_max = 0;
  int ended = 0;
  bool ended_at_once = false;
  play_device(world, stubborn, [&](engine::Device& device) {
    Request request(tasks);
    request.submit(device, IoKind::sync, 0, {});
    ended_at_once = request.has_ended() && request.finished_by == tasks.self().id;
    Chain chain{device, {}};
    chain.next();
    while (chain.ended < 10) tasks.yield();
    depth_max = chain.depth_max;
    ended = chain.ended;
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(ended_at_once);
  REQUIRE(ended == 10);
  REQUIRE(depth_max >= 2);
  REQUIRE(depth_max <= 4);  // three inline, and the one on a task of its own
}

TEST_CASE("a held completion lets others overtake it", "[device]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  // Only the write at offset 0 is held: 2^10 times the nominal latency.
  const auto plain = sim::deviated({{{"write:test/data", 0, 0, 0}, sim::Ask::latency, 0, 18, {}}});
  sim::Replayed replayed(plain);
  int64_t held_ns = 0;
  int64_t other_ns = 0;
  play_device(world, replayed, [&](engine::Device& device) {
    Payload payload('x');
    Request held(runtime.tasks);
    Request other(runtime.tasks);
    const engine::Instant start = runtime.clock.now();
    held.submit(device, IoKind::write, 0, payload.bytes);
    other.submit(device, IoKind::write, 2 * kSector, payload.bytes);
    other.wait();
    other_ns = (runtime.clock.now() - start).ns;
    held.wait();
    held_ns = (runtime.clock.now() - start).ns;
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(replayed.used()[0]);
  REQUIRE(other_ns < 2 * world.laws.disk.nominal_ns);
  REQUIRE(held_ns >= 1024 * world.laws.disk.nominal_ns);
  REQUIRE(held_ns < 1025 * world.laws.disk.nominal_ns);
}

TEST_CASE("seeds reorder completions", "[device]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  uint64_t reordered = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    bool in_order = true;
    world.seeded.emplace(seed, sim::Temper::drawn_from(seed));
    play_device(world, *world.seeded, [&](engine::Device& device) {
      Payload payload('x');
      Request requests[3] = {Request(tasks), Request(tasks), Request(tasks)};
      for (uint64_t i = 0; i < 3; ++i) {
        requests[i].submit(device, IoKind::write, i * 2 * kSector, payload.bytes);
      }
      requests[2].wait();
      in_order = requests[0].has_ended() && requests[1].has_ended();
      for (Request& request : requests) request.wait();
    });
    reordered += in_order ? 0 : 1;
  }
  REQUIRE(reordered > 30);
  REQUIRE(reordered < 270);
}

TEST_CASE("only so many requests are in service at once", "[device]") {
  for (const uint32_t depth : {1U, 2U, 4U, 8U}) {
    TestWorld world;
    world.laws.disk.queue_depth = depth;
    engine::Runtime runtime = world.runtime();
    int64_t took_ns = 0;
    play_device(world, world.calm, [&](engine::Device& device) {
      Payload payload('x');
      const engine::Instant start = runtime.clock.now();
      Request requests[8] = {Request(runtime.tasks), Request(runtime.tasks), Request(runtime.tasks),
                             Request(runtime.tasks), Request(runtime.tasks), Request(runtime.tasks),
                             Request(runtime.tasks), Request(runtime.tasks)};
      for (uint64_t i = 0; i < 8; ++i) {
        requests[i].submit(device, IoKind::write, i * 2 * kSector, payload.bytes);
      }
      for (Request& request : requests) request.wait();
      took_ns = (runtime.clock.now() - start).ns;
    });
    const int64_t rounds = 8 / depth;
    REQUIRE(took_ns >= rounds * world.laws.disk.nominal_ns);
    REQUIRE(took_ns < (rounds + 1) * world.laws.disk.nominal_ns);
  }
}

TEST_CASE("whatever happens, each request is finished exactly once", "[device]") {
  TestWorld world;
  for (sim::Fault* fault : faults::all_faults()) {
    if (fault != faults::find_fault("name-error")) world.faults.push_back(fault);
  }
  engine::Tasks& tasks = world.runtime().tasks;
  uint64_t wrong = 0;
  uint64_t failed = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    world.seeded.emplace(seed, sim::Temper::drawn_from(seed));
    play_device(world, *world.seeded, [&](engine::Device& device) {
      Payload payload('x');
      Request requests[4] = {Request(tasks), Request(tasks), Request(tasks), Request(tasks)};
      for (uint64_t i = 0; i < 4; ++i) {
        const IoKind kind = i == 3 ? IoKind::sync : i == 2 ? IoKind::read : IoKind::write;
        const size_t length = i == 3 ? 0 : sizeof payload.bytes;
        requests[i].submit(device, kind, 0, {payload.bytes, length});
      }
      (void)device.cancel(requests[seed % 4].io);
      (void)device.try_complete();
      for (Request& request : requests) failed += request.wait() == Errc::ok ? 0 : 1;
      for (const Request& request : requests) wrong += request.finishes == 1 ? 0 : 1;
    });
    wrong += world.verdict() == "ok" ? 0 : 1;
    for (const sim::IoRecord& record : world.world.trace().requests) {
      wrong += record.finishes == 1 ? 0 : 1;
    }
    wrong += world.world.disk().in_flight();
  }
  REQUIRE(wrong == 0);
  REQUIRE(failed > 500);
}

TEST_CASE("try_complete finishes what is ready on the caller's stack", "[device]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  bool before = true;
  bool found = false;
  bool after = true;
  bool on_caller = false;
  play_device(world, world.calm, [&](engine::Device& device) {
    before = device.try_complete();
    Request request(runtime.tasks);
    request.submit(device, IoKind::sync, 0, {});
    engine::Atomic<uint32_t> word{0};
    // Passes time without stopping, so that the completion is ready but has not run.
    for (int i = 0; i < 500; ++i) word.store(1);
    found = !request.has_ended() && device.try_complete();
    on_caller = request.has_ended() && request.finished_by == runtime.tasks.self().id;
    after = device.try_complete();
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE_FALSE(before);
  REQUIRE(found);
  REQUIRE(on_caller);
  REQUIRE_FALSE(after);
}

TEST_CASE("a cancelled request has no effect and is finished as cancelled", "[device]") {
  TestWorld world;
  world.faults = {faults::find_fault("io-error")};
  engine::Tasks& tasks = world.runtime().tasks;
  for (const uint64_t answer : {0U, 2U, 3U, 4U}) {  // also where it would have failed
    tests::Stubborn stubborn(sim::Ask::error, answer);
    bool taken = false;
    Errc code = Errc::ok;
    uint64_t size = 99;
    play_device(world, stubborn, [&](engine::Device& device) {
      Payload payload('x');
      Request request(tasks);
      request.submit(device, IoKind::write, 0, payload.bytes);
      taken = device.cancel(request.io);
      code = request.wait();
      size = device.size();
    });
    REQUIRE(world.verdict() == "ok");
    REQUIRE(taken);
    REQUIRE(code == Errc::cancelled);
    REQUIRE(size == 0);
  }
}

TEST_CASE("what was transferred or never submitted cannot be cancelled", "[device]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  bool taken[2] = {true, true};
  Errc code = Errc::cancelled;
  play_device(world, world.calm, [&](engine::Device& device) {
    Payload payload('x');
    Request request(tasks);
    request.submit(device, IoKind::write, 0, payload.bytes);
    code = request.wait();
    taken[0] = device.cancel(request.io);
    Request unknown(tasks);
    taken[1] = device.cancel(unknown.io);
  });
  REQUIRE(code == Errc::ok);
  REQUIRE_FALSE(taken[0]);
  REQUIRE_FALSE(taken[1]);
}
