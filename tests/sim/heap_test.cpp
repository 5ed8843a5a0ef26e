// SPDX-License-Identifier: Apache-2.0
// An incarnation's memory: listed, guarded, able to fail, and forgotten whole.
#include "sim/heap.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "faults/catalogue.hpp"
#include "tests/sim/restless.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using tests::TestWorld;

namespace {

std::vector<std::string> live_labels(const TestWorld& world) {
  std::vector<std::string> labels;
  world.world.heap().each_live([&](const sim::Block& block) { labels.emplace_back(block.label); });
  return labels;
}

/// Lets `misuse` have a block of `size` bytes in a guarded run.
template <typename Misuse>
std::string guarded_verdict(TestWorld& world, size_t size, const Misuse& misuse) {
  world.laws.guarded = true;
  engine::Memory& memory = world.runtime().memory;
  world.play_calmly([&] {
    auto* const before = static_cast<char*>(*memory.allocate(100, 8, "before"));
    auto* const block = static_cast<char*>(*memory.allocate(size, 8, "record"));
    auto* const behind = static_cast<char*>(*memory.allocate(100, 8, "behind"));
    std::memset(before, 1, 100);
    std::memset(behind, 1, 100);
    misuse(memory, static_cast<volatile char*>(block));
    memory.free(before);
    memory.free(block);
    memory.free(behind);
  });
  return world.verdict();
}

const std::string kViolation = "memory: access violation (SIGSEGV) in ";

}  // namespace

TEST_CASE("fresh memory is zero and aligned, in every run", "[heap]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  for (int run = 0; run < 6; ++run) {
    world.laws.guarded = run % 3 == 1;
    uint64_t not_zero = 0;
    uint64_t not_aligned = 0;
    world.play_calmly([&] {
      for (size_t i = 1; i < 200; ++i) {
        const size_t alignment = size_t{1} << (i % 13);
        auto* const block = static_cast<unsigned char*>(*memory.allocate(i * 7, alignment, "x"));
        for (size_t k = 0; k < i * 7; ++k) not_zero += block[k];
        not_aligned += reinterpret_cast<uintptr_t>(block) % alignment;
        std::memset(block, 0xEE, i * 7);
        if (i % 2 == 0) memory.free(block);
      }
    });
    REQUIRE(world.verdict() == "ok");
    REQUIRE(not_zero == 0);
    REQUIRE(not_aligned == 0);
  }
}

TEST_CASE("what is still live is listed by label, and forgotten by the next run", "[heap]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  world.play_calmly([&] {
    (void)*memory.allocate(10, 8, "leak-1");
    memory.free(*memory.allocate(20, 8, "returned"));
    (void)*memory.allocate(30, 8, "leak-2");
    memory.free(nullptr);
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(live_labels(world) == std::vector<std::string>{"leak-1", "leak-2"});
  REQUIRE(world.world.heap().live_count() == 2);
  world.play_calmly([] {});
  REQUIRE(live_labels(world).empty());
}

TEST_CASE("a crash forgets the heap, and code of the dead runs no more", "[heap]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  world.play_calmly([&] { (void)*memory.allocate(10, 8, "of the first"); });
  world.world.crash(false);
  REQUIRE(live_labels(world).empty());
  world.go_on([&] { (void)*memory.allocate(10, 8, "of the second"); });
  REQUIRE(live_labels(world) == std::vector<std::string>{"of the second"});
}

TEST_CASE("a block names its whole range, also once it is freed", "[heap]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  const sim::Heap& heap = world.world.heap();
  char* block = nullptr;
  world.play_calmly([&] {
    block = static_cast<char*>(*memory.allocate(48, 16, "block"));
    memory.free(block);
  });
  REQUIRE(heap.find(block) != nullptr);
  REQUIRE(heap.find(block + 47) == heap.find(block));
  REQUIRE(heap.find(block + 48) == nullptr);
  REQUIRE(heap.find(block - 1) == nullptr);
  REQUIRE_FALSE(heap.find(block)->live);
  REQUIRE(heap.owns(block));
  REQUIRE_FALSE(heap.owns(&block));
}

TEST_CASE("freed memory keeps its poison and gets no second owner in a run", "[heap]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  bool poisoned = true;
  bool reused = false;
  world.play_calmly([&] {
    auto* const block = static_cast<volatile unsigned char*>(*memory.allocate(64, 8, "block"));
    memory.free(const_cast<unsigned char*>(block));
    for (int i = 0; i < 100; ++i) reused = reused || *memory.allocate(64, 8, "other") == block;
    for (int i = 0; i < 64; ++i) poisoned = poisoned && block[i] == 0x5d;
  });
  REQUIRE(poisoned);
  REQUIRE_FALSE(reused);
}

TEST_CASE("a block freed twice, or none at all, is a verdict", "[heap]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  for (int guarded = 0; guarded < 2; ++guarded) {
    world.laws.guarded = guarded != 0;
    world.play_calmly([&] {
      void* const block = *memory.allocate(64, 8, "twice");
      memory.free(block);
      memory.free(block);
    });
    REQUIRE(world.verdict() == "memory: a block was freed twice");
    REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring("(twice)"));
    world.play_calmly([&] {
      auto* const block = static_cast<char*>(*memory.allocate(64, 8, "inside"));
      memory.free(block + 8);
    });
    REQUIRE(world.verdict() == "memory: something was freed that is no block");
    world.play_calmly([&] {
      int local = 0;
      memory.free(&local);
    });
    REQUIRE(world.verdict() == "memory: something was freed that is no block");
  }
}

TEST_CASE("guarded, an overrun is an access violation in the guard of that block", "[heap]") {
  TestWorld world;
  for (const size_t size : {8U, 64U, 4096U, 10'000U}) {
    const auto overrun = [&](engine::Memory&, volatile char* block) { block[size] = 1; };
    REQUIRE(guarded_verdict(world, size, overrun) == kViolation + "the guard of a block");
    REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring("(record)"));
    const auto read = [&](engine::Memory&, volatile char* block) { (void)block[size + 3000]; };
    REQUIRE(guarded_verdict(world, size, read) == kViolation + "the guard of a block");
    const auto inside = [&](engine::Memory&, volatile char* block) { block[size - 1] = 1; };
    REQUIRE(guarded_verdict(world, size, inside) == "ok");
  }
}

TEST_CASE("guarded, a use after free is an access violation with both ends of the life", "[heap]") {
  TestWorld world;
  const auto use = [](engine::Memory& memory, volatile char* block) {
    memory.free(const_cast<char*>(block));
    (void)block[17];
  };
  REQUIRE(guarded_verdict(world, 100, use) == kViolation + "a block that was freed");
  REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring("100 bytes (record), allocated"));
  REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring("freed at step"));
}

TEST_CASE("guarded or not, a run allocates the same and ends the same", "[heap]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  uint64_t digests[2];
  for (int guarded = 0; guarded < 2; ++guarded) {
    world.laws.guarded = guarded != 0;
    world.play_calmly([&] {
      for (size_t i = 1; i < 50; ++i) memory.free(*memory.allocate(i * i, 8, "block"));
    });
    digests[guarded] = world.world.digest();
  }
  REQUIRE(digests[0] == digests[1]);
}

TEST_CASE("an allocation fails where the tape says, and only there", "[heap]") {
  TestWorld world;
  world.faults = {faults::find_fault("alloc-failure")};
  engine::Memory& memory = world.runtime().memory;
  std::string outcome;
  const auto body = [&] {
    outcome.clear();
    for (uint64_t i = 0; i < 4; ++i) {
      const engine::Actor actor({"op", i});
      for (int k = 0; k < 3; ++k) {
        auto block = memory.allocate(16, 8, "block");
        outcome += block ? '.' : 'x';
        if (block) memory.free(*block);
      }
    }
  };
  // The second allocation of op/2: its third point.
  const std::vector<sim::Deviation> list = {{{"op", 2, 0, 0}, sim::Ask::allocate, 3, 1, {}}};
  const auto plain = deviated(list);
  sim::Replayed replayed(plain);
  world.play(replayed, body);
  REQUIRE(outcome == ".......x....");
  REQUIRE(deviations_of(world.world.trace().taken) == list);
}

TEST_CASE("a size that no machine has is refused; an alignment that is none is a bug", "[heap]") {
  TestWorld world;
  engine::Memory& memory = world.runtime().memory;
  engine::Errc code = engine::Errc::ok;
  world.play_calmly([&] {
    auto block = memory.allocate(SIZE_MAX - 100, 8, "wrapped");
    code = block ? engine::Errc::ok : block.error().code;
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(code == engine::Errc::no_memory);
  world.play_calmly([&] { (void)memory.allocate(8, 24, "askew"); });
  REQUIRE(world.verdict().rfind("check: ", 0) == 0);
}

TEST_CASE("a run that outlasts the address space goes on, with fresh zeros each time", "[heap]") {
  constexpr size_t kSize = size_t{1} << 30;
  for (const bool guarded : {false, true}) {
    TestWorld world;
    world.laws.guarded = guarded;
    engine::Memory& memory = world.runtime().memory;
    uint64_t not_zero = 0;
    world.play_calmly([&] {
      void* kept = *memory.allocate(kSize, 4096, "kept");
      for (int i = 0; i < 200; ++i) {
        auto* const block = static_cast<unsigned char*>(*memory.allocate(kSize, 4096, "large"));
        for (const size_t at : {size_t{0}, size_t{4096}, kSize / 2, kSize - 1}) {
          not_zero += block[at];
          block[at] = 1;
        }
        memory.free(block);
      }
      memory.free(kept);
    });
    REQUIRE(world.verdict() == "ok");
    REQUIRE(not_zero == 0);
    REQUIRE(world.world.heap().live_count() == 0);
  }
}
