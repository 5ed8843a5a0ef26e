// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "bench/ycsb/load.hpp"
#include "bench/ycsb/suites.hpp"

namespace orrery::bench {
namespace {

std::string us(const Latencies& times, uint32_t per_million) {
  return times.count() == 0
             ? "-"
             : fmt::format("{:.2f}", static_cast<double>(times.at(per_million)) / 1e3);
}

void measure_load(Engine& engine, const Load& load, const Times& times, const char* where,
                  Report& report) {
  Row row{{{"engine", engine.name()},
           {"data", where},
           {"mix", load.mix.name},
           {"keys", load.mix.latest           ? "latest"
                    : load.keys == Keys::zipf ? "zipf"
                                              : "uniform"},
           {"threads", std::to_string(load.threads)}}};
  if (load.mix.scans > 0 && !engine.can_scan()) {
    for (const char* name :
         {"Mops", "read50", "read99", "read99.9", "write50", "write99", "write99.9"}) {
      row.cells.emplace_back(name, "no scans");
    }
    return report.add("mix", row);
  }
  std::vector<double> rates;
  for (uint32_t i = 0; i < times.repeats; ++i) {
    Workers workers(engine, load);
    workers.measure(times.seconds / 4);  // until caches are warm
    rates.push_back(workers.measure(times.seconds).per_thread);
  }
  Load timed = load;
  timed.timed = true;
  Workers workers(engine, timed);
  const Window window = workers.measure(times.seconds);
  row.cells.emplace_back("Mops", fmt::format("{:.6f}", median(rates)));
  row.cells.emplace_back("read50", us(window.reads, 500'000));
  row.cells.emplace_back("read99", us(window.reads, 990'000));
  row.cells.emplace_back("read99.9", us(window.reads, 999'000));
  row.cells.emplace_back("write50", us(window.writes, 500'000));
  row.cells.emplace_back("write99", us(window.writes, 990'000));
  row.cells.emplace_back("write99.9", us(window.writes, 999'000));
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
                                    in_memory ? 2 * data : data / 4, in_memory});
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
