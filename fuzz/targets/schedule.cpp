// SPDX-License-Identifier: Apache-2.0
// Fuzz target: schedules and faults of a scenario (fuzz/schedule.hpp says what an input means).
//
// The scenario and what is changed in it come as flags of our own, which libFuzzer leaves alone:
//   --scenario=NAME --bug=ID --fault=ID --no-faults --set=SIZE=VALUE --oracle=NAME
//   --known=FILE   signatures, one a line, that are not worth stopping for any more
// A run that breaks a promise ends the process by abort(), so that the input becomes an artifact.
// `orrery fuzz` turns it into a tape.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "fuzz/schedule.hpp"
#include "fuzz/schedule_mutator.hpp"
#include "fuzz/state_coverage.hpp"
#include "fuzz/targets/target.hpp"
#include "reports/run_row.hpp"

namespace {

using namespace orrery;

constexpr size_t kCounters = 16384;
// libFuzzer reads this section after each input, buckets what it finds there and clears it.
[[gnu::section("__libfuzzer_extra_counters"), gnu::used]] uint8_t counters[kCounters];

constexpr const char* kScenario = "snapshot-full-cache";

const scenarios::Scenario* scenario = nullptr;
fuzz::Changes changes;
std::vector<std::string> known;

[[noreturn]] void refuse(const std::string& wrong) {
  fmt::print(stderr, "schedule: {}\n", wrong);
  std::exit(2);
}

// True if `word` is `name` with a value behind it.
bool take(std::string_view word, std::string_view name, std::string& value) {
  if (!word.starts_with(name)) return false;
  value = word.substr(name.size());
  return true;
}

void read_known(const std::string& path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) known.push_back(line);
}

void read_size(const std::string& text) {
  const size_t sign = text.find('=');
  if (sign == std::string::npos) refuse(fmt::format("\"{}\" sets no size", text));
  changes.sizes.push_back(
      {text.substr(0, sign), std::strtoll(text.c_str() + sign + 1, nullptr, 10)});
}

size_t put(const std::vector<uint8_t>& bytes, uint8_t* data) {
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

}  // namespace

int LLVMFuzzerInitialize(int* count, char*** words) {
  std::string name = kScenario;
  std::string value;
  for (int i = 1; i < *count; ++i) {
    const std::string_view word = (*words)[i];
    if (take(word, "--scenario=", value)) name = value;
    if (take(word, "--bug=", value)) changes.bugs.push_back(value);
    if (take(word, "--fault=", value)) changes.faults.push_back(value);
    if (take(word, "--set=", value)) read_size(value);
    if (take(word, "--oracle=", value)) changes.oracles.push_back(value);
    if (take(word, "--known=", value)) read_known(value);
    if (word == "--no-faults") changes.no_faults = true;
  }
  scenario = scenarios::find_scenario(name);
  if (scenario == nullptr) refuse(fmt::format("scenario \"{}\" is not known", name));
  scenarios::Plan plan;
  const std::string wrong = fuzz::plan_for(*scenario, 0, changes, plan);
  if (!wrong.empty()) refuse(wrong);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Not before the first input: libFuzzer leaves signals alone for which it finds a handler, and
  // has to have its own behind those of the world.
  static fuzz::SchedulePlayer player(*scenario, changes);
  const scenarios::Run& run = player.play({data, size});
  if (run.finding) {
    const reports::RunRow row = reports::row_of(run);
    const std::string_view signature = row.signature.view();
    if (std::find(known.begin(), known.end(), signature) != known.end()) return -1;
    fmt::print(stderr, "schedule: FOUND {}\n", signature);
    std::abort();
  }
  fuzz::cover(run, counters);
  return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned int seed) {
  if (size_max < fuzz::ScheduleInput::kHeadSize) return 0;
  return put(fuzz::mutated({data, size}, size_max, seed), data);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* other,
                                 size_t other_size, uint8_t* out, size_t size_max,
                                 unsigned int seed) {
  if (size_max < fuzz::ScheduleInput::kHeadSize) return 0;
  return put(fuzz::crossed({one, one_size}, {other, other_size}, size_max, seed), out);
}
