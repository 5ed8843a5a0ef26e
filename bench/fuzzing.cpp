// SPDX-License-Identifier: Apache-2.0
// What a fuzzer gets for its time: runs of inputs, and what is told of the states they went
// through. libFuzzer's own part is not in it, nor the coverage that it compiles into the program.
#include <array>
#include <memory>
#include <vector>

#include "bench/stopwatch.hpp"
#include "fuzz/schedule.hpp"
#include "fuzz/schedule_mutator.hpp"
#include "fuzz/state_coverage.hpp"
#include "sim/hash.hpp"

namespace orrery::bench {
namespace {

constexpr uint64_t kInputs = 64;
constexpr uint64_t kMutations = 8;
constexpr uint64_t kRounds = 4;
constexpr double kPointsOfOne = 5'000;  // what the goal is stated for

using Bytes = std::vector<uint8_t>;

/// Of a corpus in the making: some selections each, a head of its own.
std::vector<Bytes> inputs() {
  std::vector<Bytes> all;
  for (uint64_t i = 0; i < kInputs; ++i) {
    Bytes bytes;
    for (uint64_t k = 0; k < kMutations; ++k) {
      bytes = fuzz::mutated(bytes, fuzz::ScheduleInput::kSizeMax, sim::mix(i, k));
    }
    all.push_back(std::move(bytes));
  }
  return all;
}

}  // namespace

double schedule_executions() {
  fuzz::SchedulePlayer player(*scenarios::find_scenario("snapshot-full-cache"), {});
  const std::vector<Bytes> all = inputs();
  for (const Bytes& bytes : all) player.play(bytes);  // a survey is made once for each head
  const auto counters = std::make_unique<std::array<uint8_t, 16384>>();
  double points = 0;
  const Stopwatch stopwatch;
  for (uint64_t round = 0; round < kRounds; ++round) {
    for (const Bytes& bytes : all) {
      const auto changed = fuzz::mutated(bytes, fuzz::ScheduleInput::kSizeMax, round);
      const scenarios::Run& run = player.play(changed);
      fuzz::cover(run, *counters);
      points += static_cast<double>(run.points);
    }
  }
  return points / kPointsOfOne / (stopwatch.ns() / 1e9);
}

}  // namespace orrery::bench
