// SPDX-License-Identifier: Apache-2.0
// The mutator makes whole inputs of bounded size from anything, does every kind of change, and
// leaves the rest of the input alone. State coverage tells runs from one another.
#include "fuzz/schedule_mutator.hpp"

#include <algorithm>
#include <set>

#include "fuzz/schedule.hpp"
#include "fuzz/state_coverage.hpp"
#include "tests/catch.hpp"

using namespace orrery;
using fuzz::ScheduleInput;
using sim::Selection;

namespace {

using Bytes = std::vector<uint8_t>;

Bytes noise(uint64_t seed, size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(sim::mix(seed, i));
  return bytes;
}

bool is_whole(const Bytes& bytes) {
  return bytes.size() >= ScheduleInput::kHeadSize &&
         (bytes.size() - ScheduleInput::kHeadSize) % Selection::kSize == 0;
}

size_t kept(const ScheduleInput& before, const ScheduleInput& after) {
  return static_cast<size_t>(
      std::count_if(after.selections.begin(), after.selections.end(), [&](const Selection& one) {
        return std::find(before.selections.begin(), before.selections.end(), one) !=
               before.selections.end();
      }));
}

}  // namespace

TEST_CASE("whatever goes in, a whole input of bounded size comes out", "[mutator]") {
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    const Bytes one = noise(seed, seed % 500);
    const Bytes other = noise(seed + 1, seed % 77);
    const size_t size_max = ScheduleInput::kHeadSize + sim::below(sim::mix(seed, 5), 600);
    for (const Bytes& made :
         {fuzz::mutated(one, size_max, seed), fuzz::crossed(one, other, size_max, seed)}) {
      REQUIRE(made.size() <= size_max);
      REQUIRE(made.size() <= ScheduleInput::kSizeMax);
      REQUIRE(is_whole(made));
    }
  }
}

TEST_CASE("a mutation is a pure function", "[mutator]") {
  const Bytes bytes = noise(3, 99);
  REQUIRE(fuzz::mutated(bytes, 400, 7) == fuzz::mutated(bytes, 400, 7));
  REQUIRE(fuzz::mutated(bytes, 400, 7) != fuzz::mutated(bytes, 400, 8));
}

TEST_CASE("mutations add, remove, move and change selections, and the head", "[mutator]") {
  const Bytes bytes = noise(5, ScheduleInput::kHeadSize + 20 * Selection::kSize);
  const ScheduleInput before = ScheduleInput::read(bytes);
  size_t grew = 0;
  size_t shrank = 0;
  size_t moved = 0;
  size_t revalued = 0;
  size_t new_head = 0;
  size_t few_changed = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const ScheduleInput after = ScheduleInput::read(fuzz::mutated(bytes, 400, seed));
    grew += after.selections.size() > before.selections.size();
    shrank += after.selections.size() < before.selections.size();
    new_head += after.seed != before.seed || after.effort != before.effort;
    few_changed += kept(before, after) >= before.selections.size() - 4;
    for (size_t i = 0; i < std::min(after.selections.size(), size_t{20}); ++i) {
      const Selection& a = before.selections[i];
      const Selection& b = after.selections[i];
      moved += a.ask == b.ask && a.value == b.value && a.place != b.place;
      revalued += a.ask == b.ask && a.value != b.value && a.place == b.place;
    }
  }
  REQUIRE(grew > 300);
  REQUIRE(shrank > 50);
  REQUIRE(moved > 100);
  REQUIRE(revalued > 50);
  REQUIRE(new_head > 30);
  REQUIRE(few_changed == 1000);
}

TEST_CASE("a full input goes on changing", "[mutator]") {
  const Bytes full = noise(9, ScheduleInput::kSizeMax);
  std::set<Bytes> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    seen.insert(fuzz::mutated(full, ScheduleInput::kSizeMax, seed));
  }
  REQUIRE(seen.size() > 40);
}

TEST_CASE("a crossover has selections of both and the head of the first", "[mutator]") {
  const Bytes one = noise(1, ScheduleInput::kHeadSize + 12 * Selection::kSize);
  const Bytes other = noise(2, ScheduleInput::kHeadSize + 12 * Selection::kSize);
  size_t both = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const ScheduleInput made = ScheduleInput::read(fuzz::crossed(one, other, 400, seed));
    const size_t from_one = kept(ScheduleInput::read(one), made);
    const size_t from_other = kept(ScheduleInput::read(other), made);
    REQUIRE(made.seed == ScheduleInput::read(one).seed);
    REQUIRE(from_one + from_other == made.selections.size());
    both += from_one > 0 && from_other > 0;
  }
  REQUIRE(both > 40);
}

TEST_CASE("states are the same for the same run, and more for runs that differ", "[coverage]") {
  fuzz::SchedulePlayer player(*scenarios::find_scenario("snapshot-full-cache"), {});
  const auto states_of = [&](const Bytes& bytes) {
    Bytes counters(16384);
    fuzz::cover(player.play(bytes), counters);
    return counters;
  };
  const auto count = [](const Bytes& counters) {
    return std::count(counters.begin(), counters.end(), uint8_t{1});
  };
  size_t differ = 0;
  int64_t calm_count = 0;
  int64_t all_count = 0;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const ScheduleInput head{seed, 3, {}};
    const Bytes calm = states_of(head.bytes());
    REQUIRE(count(calm) > 50);
    REQUIRE(states_of(head.bytes()) == calm);
    // A late request is another order of callbacks, where anything else still goes on.
    Bytes all = calm;
    for (uint32_t place = 0; place < 16; ++place) {
      ScheduleInput input = head;
      input.selections.push_back({static_cast<uint8_t>(sim::Ask::latency), 14, place});
      const Bytes late = states_of(input.bytes());
      differ += late != calm;
      for (size_t i = 0; i < all.size(); ++i) all[i] |= late[i];
    }
    calm_count += count(calm);
    all_count += count(all);
  }
  INFO(differ << " runs differ, " << calm_count << " states are " << all_count);
  REQUIRE(differ > 20);
  REQUIRE(all_count > calm_count + 40);
}
