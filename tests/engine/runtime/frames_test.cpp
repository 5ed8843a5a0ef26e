// SPDX-License-Identifier: Apache-2.0
// PageRef: bytes of a page, in a world and outside of it.
#include "engine/runtime/frames.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Frame;
using engine::PageRef;
using tests::TestWorld;

namespace {

/// Every operation of a PageRef once; false if one of them gave a wrong answer.
bool all_well(Frame* frame) {
  const PageRef start = PageRef::at(frame, frame->page, 16);
  bool well = start.offset() == 16 && start.plus(-16).offset() == 0;
  start.store_word(7);
  uint64_t expected = 6;
  well = well && !start.cas_word(expected, 9) && expected == 7;
  well = well && start.cas_word(expected, 9) && start.load_word() == 9;
  start.plus(9).store<uint16_t>(0x1234);
  well = well && start.plus(9).load<uint16_t>() == 0x1234;
  const std::string text = "a text of some length";
  start.plus(32).copy_in(engine::bytes_of(text));
  std::string copy(text.size(), '?');
  start.plus(32).copy_out({reinterpret_cast<std::byte*>(copy.data()), copy.size()});
  well = well && copy == text && start.plus(32).equals(engine::bytes_of(text));
  alignas(8) std::byte words[24] = {};
  start.plus(32).copy_out_while_written(words);
  well = well && start.plus(32).equals(words);
  copy.back() = '!';
  return well && !start.plus(32).equals(engine::bytes_of(copy)) && start.equals({});
}

}  // namespace

TEST_CASE("a page holds what was put into it, inside a world and outside", "[pageref]") {
  alignas(512) std::byte memory[512] = {};
  Frame plain{memory, sizeof memory, 3, 1, true};
  REQUIRE(all_well(&plain));
  TestWorld world;
  bool well = false;
  world.play_calmly([&] { well = all_well(*world.runtime().frames.acquire(3, 512)); });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(well);
}

TEST_CASE("a copy has a point half-way, where another task may change the rest", "[pageref]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  std::string copy(8, '?');
  const auto body = [&] {
    Frame* const frame = *runtime.frames.acquire(3, 512);
    const PageRef start = PageRef::at(frame, 3, 0);
    start.copy_in(engine::bytes_of("aaaaaaaa"));
    const auto writer = [&] { start.copy_in(engine::bytes_of("bbbbbbbb")); };
    const engine::TaskId task = tests::start(runtime.tasks, {"writer", 0}, writer);
    start.copy_out({reinterpret_cast<std::byte*>(copy.data()), copy.size()});
    runtime.tasks.join(task);
  };
  world.play_calmly(body);
  REQUIRE(copy == "aaaaaaaa");
  // Main's points: acquire, two of copy_in, spawn, then the two of copy_out.
  const sim::Deviation early{{"main", 0, 0, 0}, sim::Ask::preempt, 4, 0, {"writer", 0, 0, 0}};
  const sim::Deviation torn{{"main", 0, 0, 0}, sim::Ask::preempt, 5, 0, {"writer", 0, 0, 0}};
  const auto play = [&](const sim::Deviation& one) {
    world.replayed.emplace(sim::deviated({one}));
    world.play(*world.replayed, body);
    return copy;
  };
  REQUIRE(play(early) == "bbbbbbbb");
  REQUIRE(play(torn) == "aaaabbbb");
}

TEST_CASE("the digest sees every byte that is copied, and no address", "[pageref]") {
  TestWorld world;
  const auto digest_of = [&](std::string text, int64_t offset) {
    world.play_calmly([&] {
      Frame* const frame = *world.runtime().frames.acquire(3, 512);
      PageRef::at(frame, 3, static_cast<size_t>(offset)).copy_in(engine::bytes_of(text));
    });
    return world.world.digest();
  };
  const std::string text = "thirteen byte";
  const uint64_t digest = digest_of(text, 8);
  REQUIRE(digest_of(text, 8) == digest);
  REQUIRE(digest_of(text, 16) == digest);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = '_';
    REQUIRE(digest_of(other, 8) != digest);
  }
}

TEST_CASE("a large copy keeps untouched memory untouched, and is the same wherever it lies",
          "[pageref]") {
  TestWorld world;
  engine::Runtime runtime = world.runtime();
  constexpr size_t kSize = 256 * 1024;
  std::vector<uint64_t> digests;
  for (int guarded = 0; guarded < 2; ++guarded) {
    for (const size_t shift : {0U, 512U, 1536U}) {
      world.laws.guarded = guarded != 0;
      uint64_t words[3] = {};
      world.play_calmly([&] {
        Frame* const frame = *runtime.frames.acquire(3, kSize);
        for (const size_t at : {5000U, 70'000U, 200'000U}) {
          PageRef::at(frame, 3, at).store_word(at);
        }
        auto* const buffer =
            static_cast<std::byte*>(*runtime.memory.allocate(kSize + shift, 512, "buffer"));
        PageRef::at(frame, 3, 0).copy_out({buffer + shift, kSize});
        words[0] = engine::get<uint64_t>(buffer + shift + 5000);
        words[1] = engine::get<uint64_t>(buffer + shift + 200'000);
        words[2] = engine::get<uint64_t>(buffer + shift + kSize - 8);
      });
      REQUIRE(world.verdict() == "ok");
      REQUIRE(words[0] == 5000);
      REQUIRE(words[1] == 200'000);
      REQUIRE(words[2] == 0);
      digests.push_back(world.world.digest());
    }
  }
  for (const uint64_t digest : digests) REQUIRE(digest == digests[0]);
}
