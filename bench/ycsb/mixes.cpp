// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "bench/ycsb/load.hpp"
#include "bench/ycsb/suites.hpp"

namespace orrery::bench {
namespace {

// Names of what is told of reads, or of writes.
struct Told {
  const char* at[3];
  const char* longest;
  const char* classes;
};
constexpr Told kReads{{"read50", "read99", "read99.9"}, "readmax", "read_classes_ns"};
constexpr Told kWrites{{"write50", "write99", "write99.9"}, "writemax", "write_classes_ns"};
constexpr uint32_t kPerMillion[] = {500'000, 990'000, 999'000};

// [upper end, count] of each class that is not empty.
std::string classes_of(const Latencies& times) {
  std::string classes;
  times.each_class([&](uint64_t end, uint64_t count) {
    classes += fmt::format("{}[{},{}]", classes.empty() ? "" : ",", end, count);
  });
  return "[" + classes + "]";
}

// In us.
void tell(Row& row, const Told& told, const Latencies& times) {
  const auto us = [&](uint64_t ns) {
    return times.count() == 0 ? "-" : fmt::format("{:.2f}", static_cast<double>(ns) / 1e3);
  };
  for (size_t i = 0; i < std::size(told.at); ++i) {
    row.cells.emplace_back(told.at[i], us(times.at(kPerMillion[i])));
  }
  row.cells.emplace_back(told.longest, us(times.longest()));
  row.lists.emplace_back(told.classes, classes_of(times));
}

void tell_no_scans(Row& row) {
  row.cells.emplace_back("Mops", "no scans");
  for (const Told* told : {&kReads, &kWrites}) {
    for (const char* name : told->at) row.cells.emplace_back(name, "no scans");
    row.cells.emplace_back(told->longest, "no scans");
  }
}

void measure_load(Engine& engine, Load load, const Times& times, const char* where,
                  Report& report) {
  Row row{{{"engine", engine.name()},
           {"data", where},
           {"mix", load.mix.name},
           {"keys", load.mix.latest           ? "latest"
                    : load.keys == Keys::zipf ? "zipf"
                                              : "uniform"},
           {"threads", std::to_string(load.threads)}}};
  if (load.mix.scans > 0 && !engine.can_scan()) {
    tell_no_scans(row);
    return report.add("mix", row);
  }
  engine.settle();  // what the one before has left to do in the background
  std::vector<double> rates;
  for (uint32_t i = 0; i < times.repeats; ++i) {
    load.seed = i;
    Workers workers(engine, load);
    workers.measure(times.seconds / 4);  // until caches are warm
    rates.push_back(workers.measure(times.seconds).per_thread);
  }
  load.timed = true;
  load.seed = times.repeats;
  Workers workers(engine, load);
  const Window window = workers.measure(times.seconds);
  row.cells.emplace_back("Mops", fmt::format("{:.6f}", median(rates)));
  tell(row, kReads, window.reads);
  tell(row, kWrites, window.writes);
  report.add("mix", row);
}

}  // namespace

void measure_mixes(const Wanted& wanted, Report& report) {
  for (const EngineRow& row : engines()) {
    if (!has(wanted.engines, row.name)) continue;
    for (const std::string& where : wanted.data) {
      const FreshFolder folder(wanted.times.folder);
      const bool in_memory = where == "memory";
      const uint64_t data = data_size(wanted.records, wanted.value_size);
      const auto engine = row.open({folder.path(), wanted.records, wanted.value_size,
                                    in_memory ? 2 * data : data / 4, in_memory, wanted.in_flight});
      load_records(*engine, wanted.records);
      for (const Mix& mix : mixes()) {
        if (!has(wanted.mixes, mix.name)) continue;
        for (const std::string& keys : wanted.keys) {
          if (mix.latest && keys != wanted.keys.front()) continue;  // it draws in its own way
          for (const uint32_t threads : wanted.threads) {
            Load load{mix};
            load.keys = keys == "zipf" ? Keys::zipf : Keys::uniform;
            load.records = wanted.records;
            load.threads = threads;
            load.batch = wanted.batch;
            measure_load(*engine, load, wanted.times, where.c_str(), report);
          }
        }
      }
    }
  }
}

}  // namespace orrery::bench
