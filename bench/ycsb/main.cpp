// SPDX-License-Identifier: Apache-2.0
// orrery-bench: our store on this machine, beside others on the same machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <thread>

#include "bench/ycsb/suites.hpp"
#include "engine/real/machine.hpp"

namespace {

using namespace orrery::bench;

constexpr const char* kAbout =
    "Measures our store on threads and the disk of this machine, beside other engines.\n\n"
    "examples\n"
    "  orrery-bench goals\n"
    "  orrery-bench mixes --engines orrery,rocksdb --records 1000000 --value 100\n"
    "  orrery-bench goals --json > figures.jsonl\n";

// How our store reaches the disk here.
std::string io_method_of(const std::string& folder) {
  orrery::engine::MachineOptions options;
  options.folder = folder;
  const auto machine = orrery::engine::Machine::open(options);
  return machine ? (*machine)->io_method() : std::string(machine.error().what);
}

std::vector<std::string> known_engines() {
  std::vector<std::string> names;
  for (const EngineRow& row : engines()) names.emplace_back(row.name);
  return names;
}

std::string unknown(const char* option, const std::vector<std::string>& names,
                    const std::vector<std::string>& known) {
  for (const std::string& name : names) {
    if (has(known, name)) continue;
    return fmt::format("{} \"{}\" is not known; {} are", option, name, fmt::join(known, ", "));
  }
  return {};
}

std::string wrong_with(const std::string& suite, const Wanted& wanted) {
  if (suite != "goals" && suite != "mixes") {
    return fmt::format("\"{}\" cannot be measured; goals and mixes can", suite);
  }
  const std::vector<std::string> known = known_engines();
  for (const std::string& name : wanted.engines) {
    if (has(known, name)) continue;
    return fmt::format("engine \"{}\" is not in this build; it has {}", name,
                       fmt::join(known, ", "));
  }
  const Wanted all;
  std::string wrong = unknown("--only", wanted.only, {"empty", "memory", "disk", "snapshot"});
  if (wrong.empty()) wrong = unknown("--mix", wanted.mixes, all.mixes);
  if (wrong.empty()) wrong = unknown("--keys", wanted.keys, all.keys);
  if (wrong.empty()) wrong = unknown("--data", wanted.data, all.data);
  if (!wrong.empty()) return wrong;
  for (const uint32_t threads : wanted.threads) {
    if (threads < 1 || threads > 64) return "--threads goes from 1 to 64";
  }
  if (wanted.records < 1000 || wanted.records > uint64_t{1} << 31) {
    return fmt::format("{} records; from 1,000 to 2^31 can be measured", wanted.records);
  }
  if (wanted.value_size < 8 || wanted.value_size > 1 << 16) {
    return fmt::format("values of {} bytes; from 8 to 65,536 can be measured", wanted.value_size);
  }
  if (wanted.batch < 1 || wanted.batch > 64) return "--batch goes from 1 to 64";
  if (wanted.in_flight < 1 || wanted.in_flight > 64) return "--in-flight goes from 1 to 64";
  if (!(wanted.times.seconds > 0) || wanted.times.repeats < 1) {
    return "--seconds and --repeats are above 0";
  }
  if (!std::filesystem::is_directory(wanted.times.folder)) {
    return fmt::format("\"{}\" is no folder", wanted.times.folder);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::string suite = "goals";
  bool json = false;
  Wanted wanted;
  wanted.times.folder = ".";
  wanted.engines = known_engines();
  CLI::App app(kAbout, "orrery-bench");
  app.add_option("suite", suite, "goals (default) or mixes");
  app.add_option("--engines", wanted.engines, "which (default: all of this build)")->delimiter(',');
  app.add_option("--only", wanted.only, "goals: of empty, memory, disk, snapshot")->delimiter(',');
  app.add_option("--mix", wanted.mixes, "mixes: A to F")->delimiter(',');
  app.add_option("--keys", wanted.keys, "mixes: uniform, zipf")->delimiter(',');
  app.add_option("--data", wanted.data, "mixes: memory, disk (4 times the memory)")->delimiter(',');
  app.add_option("--threads", wanted.threads, "mixes: how many (1,2)")->delimiter(',');
  app.add_option("--records", wanted.records, "how many (2,500,000)");
  app.add_option("--value", wanted.value_size, "bytes of a value (8)");
  app.add_option("--batch", wanted.batch, "operations that are announced together (16)");
  app.add_option("--in-flight", wanted.in_flight, "reads of ours that a thread has at most (64)");
  app.add_option("--seconds", wanted.times.seconds, "of each measurement (2)");
  app.add_option("--repeats", wanted.times.repeats, "of each, the median counts (3)");
  app.add_option("--folder", wanted.times.folder, "on the disk to be measured (here)");
  app.add_flag("--json", json, "one JSON object a line");
  CLI11_PARSE(app, argc, argv);
  const std::string wrong = wrong_with(suite, wanted);
  if (!wrong.empty()) {
    fmt::print(stderr, "orrery-bench: {}\n", wrong);
    return 2;
  }
  leave_nothing_at_interrupt();
  Report report(json);
  const FreshFolder folder(wanted.times.folder);
  report.add("machine", {{{"processors", std::to_string(std::thread::hardware_concurrency())},
                          {"requests", io_method_of(folder.path())},
                          {"in_flight", std::to_string(wanted.in_flight)}}});
  suite == "goals" ? measure_goals(wanted, report) : measure_mixes(wanted, report);
  return 0;
}
