// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/atomic.hpp"

#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Atomic;
using tests::TestWorld;

namespace {

enum class Colour : uint8_t { red, green };

/// All operations on one atomic; false if one of them gave a wrong answer.
template <typename T>
bool counts_well(T big) {
  Atomic<T> value{5};
  bool well = value.load() == 5 && value.exchange(7) == 5;
  well = well && value.fetch_add(3) == 7 && value.load() == 10;
  well = well && value.fetch_sub(4) == 10 && value.load() == 6;
  T expected = 1;
  well = well && !value.compare_exchange(expected, 9) && expected == 6 && value.load() == 6;
  well = well && value.compare_exchange(expected, 9) && expected == 6 && value.load() == 9;
  value.store(big);
  well = well && value.fetch_add(1) == big && value.load() == 0;
  value.store(0);
  well = well && value.fetch_sub(1) == 0 && value.load() == static_cast<T>(-1);
  return well;
}

bool all_count_well() {
  return counts_well<uint8_t>(UINT8_MAX) && counts_well<uint32_t>(UINT32_MAX) &&
         counts_well<uint64_t>(UINT64_MAX);
}

}  // namespace

TEST_CASE("an atomic counts the same inside a world and outside", "[atomic]") {
  REQUIRE(all_count_well());
  TestWorld world;
  bool well = false;
  world.play_calmly([&] { well = all_count_well(); });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(well);
}

TEST_CASE("pointers and enumerations are atomics too", "[atomic]") {
  int target = 0;
  Atomic<int*> pointer{nullptr};
  int* expected = nullptr;
  REQUIRE(pointer.compare_exchange(expected, &target));
  REQUIRE(pointer.load() == &target);
  Atomic<Colour> colour{Colour::red};
  REQUIRE(colour.exchange(Colour::green) == Colour::red);
  REQUIRE(colour.load() == Colour::green);
}

TEST_CASE("every operation is a point, and peek is none", "[atomic]") {
  TestWorld world;
  Atomic<uint32_t> word{0};
  uint64_t points[8] = {};
  world.play_calmly([&] {
    uint64_t* next = points;
    const auto mark = [&] { *next++ = world.scheduler().points(); };
    mark();
    (void)word.load();
    mark();
    word.store(1);
    mark();
    (void)word.exchange(2);
    mark();
    (void)word.fetch_add(1);
    mark();
    uint32_t expected = 0;
    (void)word.compare_exchange(expected, 1);
    mark();
    (void)word.peek();
    mark();
  });
  for (int i = 1; i <= 5; ++i) REQUIRE(points[i] == points[i - 1] + 1);
  REQUIRE(points[6] == points[5]);
}

TEST_CASE("only a value that changed counts as a change", "[atomic]") {
  TestWorld world;
  uint64_t changes[6] = {};
  world.play_calmly([&] {
    Atomic<uint32_t> word{4};
    uint64_t* next = changes;
    const auto mark = [&] { *next++ = world.scheduler().changes; };
    mark();
    word.store(4);
    (void)word.exchange(4);
    (void)word.fetch_add(0);
    uint32_t expected = 3;
    (void)word.compare_exchange(expected, 9);
    mark();
    word.store(5);
    mark();
    (void)word.fetch_add(1);
    mark();
    expected = 6;
    (void)word.compare_exchange(expected, 7);
    mark();
  });
  REQUIRE(changes[1] == changes[0]);
  for (int i = 2; i <= 4; ++i) REQUIRE(changes[i] == changes[i - 1] + 1);
}

TEST_CASE("the digest sees values, and of a pointer only whether it is there", "[atomic]") {
  TestWorld world;
  const auto digest_with = [&](uint64_t value, int* address) {
    world.play_calmly([&] {
      Atomic<uint64_t> number{0};
      number.store(value);
      Atomic<int*> pointer{nullptr};
      pointer.store(address);
      (void)pointer.load();
    });
    return world.world.digest();
  };
  int here = 0;
  int there = 0;
  REQUIRE(digest_with(1, &here) == digest_with(1, &there));
  REQUIRE(digest_with(1, &here) != digest_with(1, nullptr));
  REQUIRE(digest_with(1, &here) != digest_with(2, &here));
}
