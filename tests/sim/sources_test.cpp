// SPDX-License-Identifier: Apache-2.0
// Sources: a seed is a pure function, tempers differ by orders of magnitude, a replay says only
// what it was told.
#include "sim/sources.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.hpp"

using namespace orrery;
using sim::Address;
using sim::Ask;
using sim::Deviated;

namespace {

Address address_of(uint64_t key, Ask ask, uint64_t occurrence) {
  return {key, ask, occurrence, {}};
}

constexpr uint64_t kAsks = static_cast<uint64_t>(sim::kAskCount);

}  // namespace

TEST_CASE("a seed answers by address alone, in any order", "[sources]") {
  sim::Seeded one(7, sim::Temper::drawn_from(7));
  sim::Seeded two(7, sim::Temper::drawn_from(7));
  std::vector<uint64_t> forth;
  std::vector<uint64_t> back;
  for (uint64_t i = 0; i < 1000; ++i) {
    forth.push_back(one.choose(address_of(i, static_cast<Ask>(2 + i % (kAsks - 2)), i / 10), 15));
  }
  for (uint64_t i = 1000; i-- > 0;) {
    back.push_back(two.choose(address_of(i, static_cast<Ask>(2 + i % (kAsks - 2)), i / 10), 15));
  }
  std::reverse(back.begin(), back.end());
  REQUIRE(forth == back);
  REQUIRE(one.next_preemption(5, 100) == two.next_preemption(5, 100));
}

TEST_CASE("answers stay in their bounds", "[sources]") {
  const uint64_t candidates[3] = {1, 2, 3};
  uint64_t wrong = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    sim::Seeded seeded(seed, sim::Temper::drawn_from(seed));
    for (uint64_t i = 0; i < 200; ++i) {
      for (uint64_t ask = 2; ask < kAsks; ++ask) {
        const uint64_t bound = 2 + i % 20;
        wrong += seeded.choose(address_of(i, static_cast<Ask>(ask), 0), bound) >= bound;
      }
      for (const Ask ask : {Ask::preempt, Ask::next}) {
        const int picked = seeded.pick(address_of(i, ask, i), candidates);
        wrong += picked < -1 || picked > 2;
      }
      wrong += seeded.next_preemption(i, i) < i;
    }
  }
  REQUIRE(wrong == 0);
}

TEST_CASE("tempers differ: each habit is absent in some seeds and strong in others", "[sources]") {
  uint32_t none[kAsks] = {};
  uint32_t strong[kAsks] = {};
  uint64_t calm = 0;
  uint64_t gap_low = UINT64_MAX;
  uint64_t gap_high = 0;
  constexpr uint64_t kSeeds = 2000;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const sim::Temper temper = sim::Temper::drawn_from(seed);
    for (size_t ask = 1; ask < kAsks; ++ask) {
      none[ask] += temper.odds[ask] == 0 ? 1 : 0;
      strong[ask] += temper.odds[ask] >= 2048 ? 1 : 0;
      REQUIRE(temper.odds[ask] <= 65536);
    }
    calm += temper.preempt_gap == 0 ? 1 : 0;
    if (temper.preempt_gap == 0) continue;
    gap_low = std::min(gap_low, temper.preempt_gap);
    gap_high = std::max(gap_high, temper.preempt_gap);
  }
  for (size_t ask = 1; ask < kAsks; ++ask) {
    REQUIRE(none[ask] > kSeeds / 20);
    REQUIRE(strong[ask] > kSeeds / 20);
  }
  REQUIRE(calm > kSeeds / 20);
  REQUIRE(gap_low < 64);
  REQUIRE(gap_high > 900);
}

TEST_CASE("an actor is preempted as often as the temper says", "[sources]") {
  sim::Temper temper;
  temper.preempt_gap = 100;
  sim::Seeded seeded(3, temper);
  uint64_t count = 0;
  for (uint64_t point = 0; point < 1'000'000; ++count) {
    point = seeded.next_preemption(77, point) + 1;
  }
  REQUIRE(count > 9'000);
  REQUIRE(count < 11'000);
}

TEST_CASE("latencies are quick, nominal or with a tail", "[sources]") {
  sim::Temper temper;
  temper.odds[static_cast<size_t>(Ask::latency)] = 32768;
  temper.tail_max = 6;
  sim::Seeded seeded(11, temper);
  uint64_t nominal = 0;
  uint64_t quick = 0;
  std::set<uint64_t> slow;
  for (uint64_t i = 0; i < 10'000; ++i) {
    const uint64_t answer = seeded.choose(address_of(i, Ask::latency, 0), sim::kLatencyMax + 1);
    nominal += answer == 0 ? 1 : 0;
    quick += answer >= 1 && answer <= 8 ? 1 : 0;
    if (answer > 8) slow.insert(answer);
  }
  REQUIRE(nominal > 4'500);
  REQUIRE(nominal < 5'500);
  REQUIRE(quick > 2'000);
  REQUIRE(slow == std::set<uint64_t>{9, 10, 11, 12, 13, 14});
}

TEST_CASE("a replay answers what it was told, where it was told, and calmly elsewhere",
          "[sources]") {
  const std::vector<Deviated> told = {{5, Ask::latency, 0, 12},
                                      {5, Ask::error, 0, 2},
                                      {5, Ask::preempt, 40, 900},
                                      {5, Ask::preempt, 70, 901},
                                      {6, Ask::next, 3, 900}};
  sim::Replayed replayed(told);
  REQUIRE(replayed.choose(address_of(5, Ask::latency, 0), 21) == 12);
  REQUIRE(replayed.choose(address_of(5, Ask::latency, 1), 21) == 0);
  REQUIRE(replayed.choose(address_of(6, Ask::latency, 0), 21) == 0);
  REQUIRE(replayed.choose(address_of(5, Ask::transfer, 0), 21) == 0);
  REQUIRE(replayed.choose(address_of(5, Ask::error, 0), 2) == 0);  // no longer an answer: calm
  REQUIRE(replayed.next_preemption(5, 0) == 40);
  REQUIRE(replayed.next_preemption(5, 40) == 40);
  REQUIRE(replayed.next_preemption(5, 41) == 70);
  REQUIRE(replayed.next_preemption(5, 71) == sim::Source::kNowhere);
  REQUIRE(replayed.next_preemption(6, 0) == sim::Source::kNowhere);
  const uint64_t candidates[2] = {800, 900};
  REQUIRE(replayed.pick(address_of(5, Ask::preempt, 40), candidates) == 1);
  REQUIRE(replayed.pick(address_of(5, Ask::preempt, 70), candidates) == -1);
  REQUIRE(replayed.pick(address_of(6, Ask::next, 3), candidates) == 1);
  REQUIRE(replayed.used() == std::vector<bool>{true, false, true, false, true});
}

TEST_CASE("each kind of choice has a name of its own", "[sources]") {
  std::set<std::string> names;
  for (uint64_t ask = 0; ask < kAsks; ++ask) names.insert(sim::name_of(static_cast<Ask>(ask)));
  REQUIRE(names.size() == kAsks);
}

TEST_CASE("half of the bits that rot are among the first of a file", "[sources]") {
  constexpr uint64_t kBits = 64 * 1024 * 8;
  sim::Temper temper;
  temper.odds[static_cast<size_t>(Ask::rot)] = 65536;
  sim::Seeded seeded(7, temper);
  int early = 0;
  for (uint64_t file = 0; file < 1000; ++file) {
    const uint64_t answer = seeded.choose(address_of(file, Ask::rot, 0), 1 + kBits);
    REQUIRE(answer >= 1);
    REQUIRE(answer <= kBits);
    early += answer <= kBits / 64;
  }
  REQUIRE(early > 400);
  REQUIRE(early < 600);
}
