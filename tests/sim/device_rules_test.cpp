// SPDX-License-Identifier: Apache-2.0
// What an engine may not do to a device, and only this world can tell: a broken rule is a verdict,
// never silence. What any device refuses is a contract (device_contract.cpp).
#include <cstring>
#include <string>

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

constexpr size_t kRequestSize = 1024;

enum class When { before_transfer, before_completion };

/// Submits from a frame or a block, ends the buffer's life in flight, and gives the verdict.
template <typename Lose>
std::string verdict_of_loss(TestWorld& world, IoKind kind, When when, const Lose& lose) {
  engine::Runtime runtime = world.runtime();
  // The transfer comes early or at the end of 4,000 ns; the loss after 2,000 ns.
  tests::Stubborn stubborn(sim::Ask::transfer, when == When::before_completion ? 7 : 0);
  world.play(stubborn, [&] {
    engine::Device& device = **runtime.storage.open("rules/data", {});
    engine::Frame* const frame = *runtime.frames.acquire(5, kRequestSize);
    auto* const block =
        static_cast<std::byte*>(*runtime.memory.allocate(kRequestSize, 512, "buffer"));
    void* const place = *runtime.memory.allocate(sizeof(Request), 64, "request");
    auto* const request = new (place) Request(runtime.tasks);
    const auto pass_time = [&] {
      engine::Atomic<uint32_t> never{0};
      const engine::Instant until = runtime.clock.now() + engine::Duration{2'000};
      (void)runtime.tasks.wait(never, 0, until);
    };
    lose(runtime, device, kind, frame, block, *request, pass_time);
    for (int i = 0; i < 10; ++i) pass_time();
  });
  return world.verdict();
}

constexpr auto kRetire = [](auto& runtime, auto& device, IoKind kind, engine::Frame* frame,
                            std::byte*, Request& request, const auto& pass_time) {
  request.submit(device, kind, 0, {frame->base, kRequestSize}, frame);
  pass_time();
  runtime.frames.retire(frame);
};
constexpr auto kRenew = [](auto& runtime, auto& device, IoKind kind, engine::Frame* frame,
                           std::byte*, Request& request, const auto& pass_time) {
  request.submit(device, kind, 0, {frame->base, kRequestSize}, frame);
  pass_time();
  runtime.frames.renew(frame, 6);
};
constexpr auto kFree = [](auto& runtime, auto& device, IoKind kind, engine::Frame*,
                          std::byte* block, Request& request, const auto& pass_time) {
  request.submit(device, kind, 0, {block, kRequestSize});
  pass_time();
  runtime.memory.free(block);
};
constexpr auto kFreeRequest = [](auto& runtime, auto& device, IoKind kind, engine::Frame*,
                                 std::byte* block, Request& request, const auto& pass_time) {
  request.submit(device, kind, 0, {block, kRequestSize});
  pass_time();
  runtime.memory.free(&request);
};
constexpr auto kFreeOwner = [](auto& runtime, auto& device, IoKind kind, engine::Frame*,
                               std::byte* block, Request& request, const auto& pass_time) {
  void* const owner = *runtime.memory.allocate(64, 8, "owner");
  request.io.owner = owner;
  request.io.done = [](engine::Io& io) { *static_cast<int*>(io.owner) = 1; };
  request.submit(device, kind, 0, {block, kRequestSize});
  pass_time();
  runtime.memory.free(owner);
};

}  // namespace

TEST_CASE("a frame must outlive its transfer, and its completion too", "[device]") {
  TestWorld world;
  for (int guarded = 0; guarded < 2; ++guarded) {
    world.laws.guarded = guarded != 0;
    for (const When when : {When::before_transfer, When::before_completion}) {
      const std::string from = "lifetimes: the device transfers from a frame whose lifetime";
      REQUIRE(verdict_of_loss(world, IoKind::write, when, kRetire) == from + " has ended");
      REQUIRE(world.scheduler().failure()->generation == 1);
      REQUIRE(world.scheduler().failure()->touching == 0);
      REQUIRE(world.scheduler().failure()->request == 0);
      REQUIRE(verdict_of_loss(world, IoKind::write, when, kRenew) == from + " has ended");
      REQUIRE(world.scheduler().failure()->touching == 2);
      REQUIRE(verdict_of_loss(world, IoKind::read, when, kRenew) ==
              "lifetimes: the device transfers into a frame whose lifetime has ended");
    }
  }
}

TEST_CASE("a block must outlive its transfer, and its completion too", "[device]") {
  TestWorld world;
  for (int guarded = 0; guarded < 2; ++guarded) {
    world.laws.guarded = guarded != 0;
    for (const When when : {When::before_transfer, When::before_completion}) {
      REQUIRE(verdict_of_loss(world, IoKind::write, when, kFree) ==
              "lifetimes: the device transfers from a block that was freed");
      REQUIRE(verdict_of_loss(world, IoKind::read, when, kFree) ==
              "lifetimes: the device transfers into a block that was freed");
    }
  }
}

TEST_CASE("the request itself must outlive its completion", "[device]") {
  TestWorld world;
  for (int guarded = 0; guarded < 2; ++guarded) {
    world.laws.guarded = guarded != 0;
    for (const When when : {When::before_transfer, When::before_completion}) {
      const std::string verdict = verdict_of_loss(world, IoKind::write, when, kFreeRequest);
      REQUIRE(verdict.rfind("lifetimes: a request was freed before it was ", 0) == 0);
    }
  }
}

TEST_CASE("what a request is finished for must outlive its completion", "[device]") {
  TestWorld world;
  for (int guarded = 0; guarded < 2; ++guarded) {
    world.laws.guarded = guarded != 0;
    REQUIRE(verdict_of_loss(world, IoKind::write, When::before_transfer, kFreeOwner) ==
            "lifetimes: the owner of a request was freed before it was transferred");
    REQUIRE(verdict_of_loss(world, IoKind::read, When::before_completion, kFreeOwner) ==
            "lifetimes: the owner of a request was freed before it was completed");
    REQUIRE(world.scheduler().failure()->request == 0);
  }
}

TEST_CASE("an owner that is no block may be anything", "[device]") {
  TestWorld world;
  const auto kept_outside = [](auto& runtime, auto& device, IoKind kind, engine::Frame*,
                               std::byte* block, Request& request, const auto& pass_time) {
    request.io.owner = &runtime;
    request.io.done = [](engine::Io&) {};
    request.submit(device, kind, 0, {block, kRequestSize});
    pass_time();
  };
  REQUIRE(verdict_of_loss(world, IoKind::write, When::before_transfer, kept_outside) == "ok");
}

TEST_CASE("with nobody checking buffers, a guarded run still ends in a verdict", "[device]") {
  TestWorld world;
  world.laws.guarded = true;
  world.laws.disk.check_buffers = false;
  REQUIRE(verdict_of_loss(world, IoKind::write, When::before_transfer, kRetire) ==
          "memory: access violation (SIGSEGV) in a page whose lifetime has ended");
  // Whoever ran when the device transferred was not at it.
  REQUIRE(world.scheduler().failure()->of_world);
  REQUIRE(world.scheduler().failure()->task == sim::kNobody);
  REQUIRE(world.scheduler().failure()->role.empty());
  REQUIRE(world.scheduler().failure()->request == 0);
  REQUIRE(world.scheduler().failure()->generation == 1);
  REQUIRE(verdict_of_loss(world, IoKind::read, When::before_transfer, kFree) ==
          "memory: access violation (SIGSEGV) in a block that was freed");
}

TEST_CASE("a transfer beyond its frame or block is a verdict", "[device]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  for (int in_frame = 0; in_frame < 2; ++in_frame) {
    world.play_calmly([&] {
      engine::Device& device = **runtime.storage.open("rules/data", {});
      engine::Frame* const frame = *runtime.frames.acquire(5, kRequestSize);
      void* const block = *runtime.memory.allocate(kRequestSize, 512, "buffer");
      std::byte* const at = in_frame != 0 ? frame->base : static_cast<std::byte*>(block);
      Request request(runtime.tasks);
      request.submit(device, IoKind::write, 0, {at + 512, kRequestSize},
                     in_frame != 0 ? frame : nullptr);
      request.wait();
    });
    REQUIRE(world.verdict() == (in_frame != 0
                                    ? "frames: the device transfers from beyond the frame"
                                    : "lifetimes: the device transfers from beyond the block"));
  }
}

TEST_CASE("a request without a buffer is a verdict", "[device]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  world.play_calmly([&] {
    engine::Device& device = **runtime.storage.open("rules/data", {});
    Request request(runtime.tasks);
    request.submit(device, IoKind::write, 0, {static_cast<std::byte*>(nullptr), 512});
  });
  REQUIRE(world.verdict() == "lifetimes: a write request has no buffer");
}

TEST_CASE("untouched parts of a large page are written as the zeros they are", "[device]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  constexpr size_t kLarge = size_t{2} << 20;
  uint64_t read[3] = {};
  uint64_t size = 0;
  world.play_calmly([&] {
    engine::Device& device = **runtime.storage.open("rules/data", {});
    engine::Frame* const full = *runtime.frames.acquire(0, kLarge);
    std::memset(full->base, 0xAB, kLarge);
    tests::transact(runtime.tasks, device, IoKind::write, 0, {full->base, kLarge}, full);
    engine::Frame* const sparse = *runtime.frames.acquire(1, kLarge);
    engine::PageRef::at(sparse, 1, 8192).store_word(77);
    tests::transact(runtime.tasks, device, IoKind::write, 0, {sparse->base, kLarge}, sparse);
    engine::Frame* const target = *runtime.frames.acquire(2, kLarge);
    tests::transact(runtime.tasks, device, IoKind::read, 0, {target->base, kLarge}, target);
    read[0] = engine::PageRef::at(target, 2, 8192).load_word();
    read[1] = engine::PageRef::at(target, 2, 0).load_word();
    read[2] = engine::PageRef::at(target, 2, kLarge - 8).load_word();
    size = device.size();
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(read[0] == 77);
  REQUIRE(read[1] == 0);
  REQUIRE(read[2] == 0);
  REQUIRE(size == kLarge);
}
