// SPDX-License-Identifier: Apache-2.0
// The bytes source: a survey is the calm run, every byte string is a list of selections, and a
// selection means the same whatever stands beside it.
#include "sim/from_bytes.hpp"

#include <algorithm>
#include <vector>

#include "tests/catch.hpp"

using namespace orrery;
using sim::Address;
using sim::Ask;
using sim::Selection;

namespace {

constexpr uint64_t kOne = 11;
constexpr uint64_t kTwo = 22;

sim::Places some_places() {
  sim::Places places;
  places[Ask::preempt] = {{kOne, 0}, {kOne, 16}, {kTwo, 0}};
  places[Ask::next] = {{kOne, 7}};
  places[Ask::latency] = {{kOne, 0}, {kTwo, 0}, {kTwo, 1}};
  return places;
}

Selection select(Ask ask, uint8_t value, uint32_t place) {
  return {static_cast<uint8_t>(ask), value, place};
}

Address at(uint64_t key, Ask ask, uint64_t occurrence) { return {key, ask, occurrence, {}}; }

}  // namespace

TEST_CASE("bytes are selections and selections are bytes", "[from_bytes]") {
  const std::vector<Selection> all{{1, 2, 0x03040506}, {250, 0, UINT32_MAX}};
  std::vector<uint8_t> bytes;
  for (const Selection& one : all) sim::append(one, bytes);
  REQUIRE(bytes.size() == 2 * Selection::kSize);
  REQUIRE(bytes[2] == 0x06);  // the low byte first, on every machine
  REQUIRE(sim::selections_of(bytes) == all);
  bytes.push_back(9);  // half a selection is nothing
  REQUIRE(sim::selections_of(bytes) == all);
  REQUIRE(sim::selections_of(std::vector<uint8_t>(1'000'000)).size() == sim::kSelectionsMax);
  REQUIRE(sim::selections_of({}).empty());
}

TEST_CASE("a selection is the answer at its place and nowhere else", "[from_bytes]") {
  const sim::Places places = some_places();
  const std::vector<Selection> all{select(Ask::latency, 4, 1)};
  sim::FromBytes source(places, all);
  REQUIRE(source.choose(at(kTwo, Ask::latency, 0), 21) == 5);
  REQUIRE(source.choose(at(kOne, Ask::latency, 0), 21) == 0);
  REQUIRE(source.choose(at(kTwo, Ask::latency, 1), 21) == 0);
  REQUIRE(source.choose(at(kTwo, Ask::transfer, 0), 15) == 0);
  // Place and value are taken modulo what there is, and the answer is never the calm one.
  const std::vector<Selection> large{select(Ask::latency, 255, 3 * 1000 + 1)};
  sim::FromBytes wrapped(places, large);
  for (uint64_t bound = 2; bound < 30; ++bound) {
    const uint64_t value = wrapped.choose(at(kTwo, Ask::latency, 0), bound);
    REQUIRE(value >= 1);
    REQUIRE(value < bound);
  }
}

TEST_CASE("a preemption names a point of the calm run", "[from_bytes]") {
  const sim::Places places = some_places();
  const std::vector<Selection> all{select(Ask::preempt, 1, 16 + 5), select(Ask::preempt, 0, 3)};
  sim::FromBytes source(places, all);
  REQUIRE(source.next_preemption(kOne, 0) == 3);
  REQUIRE(source.next_preemption(kOne, 3) == 3);
  REQUIRE(source.next_preemption(kOne, 4) == 21);
  REQUIRE(source.next_preemption(kOne, 22) == sim::Source::kNowhere);
  REQUIRE(source.next_preemption(kTwo, 0) == sim::Source::kNowhere);
  const uint64_t candidates[3] = {5, 6, 7};
  REQUIRE(source.pick(at(kOne, Ask::preempt, 21), candidates) == 1);
  REQUIRE(source.pick(at(kOne, Ask::preempt, 3), candidates) == 0);
  REQUIRE(source.pick(at(kOne, Ask::next, 7), candidates) == -1);
}

TEST_CASE("what the calm run never asked is calm", "[from_bytes]") {
  const sim::Places places = some_places();
  const std::vector<Selection> all{select(Ask::power, 1, 0), select(Ask::error, 3, 9)};
  sim::FromBytes source(places, all);
  REQUIRE(source.choose(at(kOne, Ask::power, 0), 2) == 0);
  REQUIRE(source.choose(at(kOne, Ask::error, 0), 9) == 0);
  REQUIRE(source.next_preemption(kOne, 0) == sim::Source::kNowhere);
}

TEST_CASE("selections leave one another alone; of two at one place the first counts",
          "[from_bytes]") {
  const sim::Places places = some_places();
  std::vector<Selection> all{select(Ask::latency, 2, 0), select(Ask::latency, 4, 1),
                             select(Ask::latency, 9, 1), select(Ask::next, 1, 0)};
  const uint64_t candidates[3] = {5, 6, 7};
  const auto answers = [&](const std::vector<Selection>& selections) {
    sim::FromBytes source(places, selections);
    return std::vector<uint64_t>{
        source.choose(at(kOne, Ask::latency, 0), 21), source.choose(at(kTwo, Ask::latency, 0), 21),
        source.choose(at(kTwo, Ask::latency, 1), 21),
        static_cast<uint64_t>(source.pick(at(kOne, Ask::next, 7), candidates) + 1)};
  };
  REQUIRE(answers(all) == std::vector<uint64_t>{3, 5, 0, 2});
  std::reverse(all.begin(), all.end());
  REQUIRE(answers(all) == std::vector<uint64_t>{3, 10, 0, 2});
  all[3].value = 7;  // only its own answer changes
  REQUIRE(answers(all) == std::vector<uint64_t>{8, 10, 0, 2});
  all.erase(all.begin());
  REQUIRE(answers(all) == std::vector<uint64_t>{8, 10, 0, 0});
}
