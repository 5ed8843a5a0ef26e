// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/mman.h>

#include <bit>
#include <chrono>

#include "bench/ycsb/disk.hpp"
#include "bench/ycsb/load.hpp"
#include "bench/ycsb/orrery_engine.hpp"
#include "bench/ycsb/suites.hpp"
#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

// After each page, of a snapshot that takes no time off, some, and much.
constexpr int32_t kPausesMs[] = {0, 10, 40};

struct Goal {
  const char* figure;
  const char* sentence;
  const char* unit;
  double value;  // 0: there is none
  bool at_least;
};

class Goals {
 public:
  Goals(const Wanted& wanted, Report& report) : wanted_(wanted), report_(report) {}

  void in_memory();
  void beyond_memory();
  void during_snapshot();
  void empty_store();

 private:
  struct Beside {
    Window calm, busy;  // without a snapshot, and during it
  };
  struct Snapshots {
    void add_rates(const Beside& beside);
    void add_times(const Beside& beside);  // of a timed load
    std::vector<double> seconds, shares;
    std::vector<double> calm_us, busy_us, ratios;  // p99.9 of upserts
    double calm_longest_us = 0, busy_longest_us = 0;
  };
  struct Recoveries {
    std::vector<double> seconds, mib_s, shares;
    std::vector<double> one, several, best;  // MiB/s of the disk
  };

  bool wants(std::string_view engine) const { return has(wanted_.engines, engine); }
  void fill(Engine& engine) const;
  Beside beside_snapshot(OrreryEngine& ours, bool timed, uint64_t seed) const;
  static void recover_again(const EngineOptions& options, const engine::StoreOptions& store,
                            Recoveries& all);
  void tell_snapshots(const std::string& end, const Snapshots& all);
  void tell_recoveries(const Recoveries& all);
  double rate(const EngineRow& row, const EngineOptions& options, const Load& load) const;
  void tell(const Goal& goal, const std::string& engine, double measured);

  const Wanted& wanted_;
  Report& report_;
};

void Goals::tell(const Goal& goal, const std::string& engine, double measured) {
  const bool met = goal.at_least ? measured >= goal.value : measured <= goal.value;
  report_.add(
      "goal",
      {{{"figure", goal.figure},
        {"engine", engine},
        {"goal", goal.value == 0 ? std::string("-")
                                 : fmt::format("{} {}", goal.at_least ? ">=" : "<=", goal.value)},
        {"measured", fmt::format("{:.5f}", measured)},
        {"unit", goal.unit},
        {"verdict", goal.value == 0 ? "-"
                    : met           ? "ok"
                                    : "missed"},
        {"what", goal.sentence}}});
}

double Goals::rate(const EngineRow& row, const EngineOptions& options, const Load& load) const {
  std::vector<double> rates;
  const FreshFolder folder(wanted_.times.folder);
  EngineOptions own = options;
  own.folder = folder.path();
  own.in_flight = wanted_.in_flight;
  const auto engine = row.open(own);
  load_records(*engine, options.records);
  for (uint32_t i = 0; i < wanted_.times.repeats; ++i) {
    Load other = load;
    other.seed = i;
    Workers workers(*engine, other);
    workers.measure(wanted_.times.seconds / 4);
    rates.push_back(workers.measure(wanted_.times.seconds).per_thread);
  }
  return median(rates);
}

// 50:50, per thread.
void Goals::in_memory() {
  for (const Keys keys : {Keys::uniform, Keys::zipf}) {
    for (const uint32_t threads : {1U, 2U}) {
      const bool uniform = keys == Keys::uniform;
      const std::string figure = fmt::format("{}-{}", uniform ? "uniform" : "zipf", threads);
      double ours = 0;
      for (const EngineRow& row : engines()) {
        if (!wants(row.name)) continue;
        Load load{mixes()[0]};
        load.keys = keys;
        load.records = wanted_.records;
        load.threads = threads;
        load.batch = wanted_.batch;
        const uint64_t data = data_size(wanted_.records, wanted_.value_size);
        const double measured =
            rate(row, {"", wanted_.records, wanted_.value_size, 2 * data, true}, load);
        const bool is_ours = std::string_view(row.name) == "orrery";
        if (is_ours) ours = measured;
        tell({figure.c_str(), "50:50 in memory, of each thread", "M/s",
              is_ours ? (uniform ? 5.3 : 8.5) : 0, true},
             row.name, measured);
        if (std::string_view(row.name) == "rocksdb" && ours > 0) {
          tell({figure.c_str(), "ours over RocksDB's without its log", "x", 10, true}, "ratio",
               ours / measured);
        }
      }
    }
  }
}

// Uniform reads of four times as much data as memory. Others wait for each read, or for each batch:
// with many threads they show what the disk can do.
void Goals::beyond_memory() {
  constexpr uint32_t kValue = 100;
  constexpr uint32_t kMany = 16;
  const uint64_t records = wanted_.records;
  double ours[2] = {0, 0};
  for (const EngineRow& row : engines()) {
    if (!wants(row.name)) continue;
    for (const bool many : {false, true}) {
      Load load{mixes()[2]};
      load.records = records;
      load.batch = wanted_.batch;
      load.threads = many ? kMany : 1;
      const EngineOptions options{"", records, kValue, data_size(records, kValue) / 4, false};
      const double measured = rate(row, options, load) * load.threads;
      const char* const figure = many ? "disk-16" : "disk";
      tell({figure,
            many ? "the same on 16 threads, all together" : "uniform reads of 4 times the memory",
            "M/s", 0, true},
           row.name, measured);
      if (std::string_view(row.name) == "orrery") ours[many] = measured;
      if (std::string_view(row.name) == "rocksdb" && ours[many] > 0) {
        tell({figure, "ours over RocksDB's", "x", many ? 0.0 : 2.0, true}, "ratio",
             ours[many] / measured);
      }
    }
  }
}

// The host of a virtual machine takes back what its guest leaves unused, and whoever touches it
// first waits for it, many times as long as for a page of a machine of its own: not our affair.
void touch_memory(uint64_t bytes) {
  void* const block =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(block != MAP_FAILED, "no memory of {} bytes", bytes);
  (void)madvise(block, bytes, MADV_HUGEPAGE);
  constexpr uint64_t kMachinePage = 4096;
  for (uint64_t at = 0; at < bytes; at += kMachinePage) static_cast<volatile char*>(block)[at] = 1;
  (void)munmap(block, bytes);
}

// Others first: they fill the ring and leave it.
void Goals::fill(Engine& engine) const {
  const auto client = engine.client(0);
  for (uint64_t key = wanted_.records; key < 4 * wanted_.records; ++key) client->upsert(key, 0);
  for (uint64_t key = 0; key < wanted_.records; ++key) client->upsert(key, 0);
  client->finish();
  CHECK(client->wrong == 0, "{} records were not written", client->wrong);
}

void take_checkpoint(engine::Store& store, bool with_index) {
  const auto ticket = store.start_checkpoint({engine::LogCheckpoint::snapshot, with_index});
  CHECK(ticket, "no checkpoint: {}", ticket.error().what);
  const auto done = store.wait_checkpoint(*ticket);
  CHECK(done, "the checkpoint failed: {}", done.error().what);
}

// A ring that is full and has wrapped; the records that are worked on are those in memory.
void Goals::during_snapshot() {
  if (!wants("orrery")) return;
  Recoveries recoveries;
  for (const int32_t pause_ms : kPausesMs) {
    Snapshots snapshots;
    for (uint32_t i = 0; i < wanted_.times.repeats; ++i) {
      const FreshFolder folder(wanted_.times.folder);
      const EngineOptions options{folder.path(), wanted_.records, wanted_.value_size, 0, false};
      engine::StoreOptions store = store_options({"", 4 * wanted_.records, wanted_.value_size,
                                                  std::bit_ceil(2 * wanted_.records * 40), false});
      store.checkpoints_kept = 1;
      store.throttle_ms = pause_ms;
      {
        const auto ours = OrreryEngine::open(options, store);
        fill(*ours);
        snapshots.add_rates(beside_snapshot(*ours, false, i));
        snapshots.add_times(beside_snapshot(*ours, true, i));
        if (pause_ms == 0) take_checkpoint(ours->store(), true);
      }
      if (pause_ms == 0) recover_again(options, store, recoveries);
    }
    tell_snapshots(pause_ms == 0 ? "" : fmt::format("-{}ms", pause_ms), snapshots);
  }
  tell_recoveries(recoveries);
}

// While a thread works on what is in memory.
Goals::Beside Goals::beside_snapshot(OrreryEngine& ours, bool timed, uint64_t seed) const {
  Load load{mixes()[0]};
  load.records = wanted_.records;
  load.batch = wanted_.batch;
  load.timed = timed;
  load.seed = seed;
  Workers workers(ours, load);
  workers.measure(wanted_.times.seconds / 4);
  const Window calm = workers.measure(wanted_.times.seconds);
  return {calm, workers.measure([&] { take_checkpoint(ours.store(), false); })};
}

void Goals::Snapshots::add_rates(const Beside& beside) {
  seconds.push_back(beside.busy.seconds);
  shares.push_back(100 * beside.busy.per_thread / beside.calm.per_thread);
}

void Goals::Snapshots::add_times(const Beside& beside) {
  const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  calm_us.push_back(us(beside.calm.writes.at(999'000)));
  busy_us.push_back(us(beside.busy.writes.at(999'000)));
  ratios.push_back(busy_us.back() / calm_us.back());
  calm_longest_us = std::max(calm_longest_us, us(beside.calm.writes.longest()));
  busy_longest_us = std::max(busy_longest_us, us(beside.busy.writes.longest()));
}

void Goals::tell_snapshots(const std::string& end, const Snapshots& all) {
  const auto say = [&](const char* figure, const char* sentence, const char* unit, double value,
                       double goal = 0, bool at_least = false) {
    tell({(figure + end).c_str(), sentence, unit, goal, at_least}, "orrery", value);
  };
  say("snapshot", "a snapshot of a full cache", "s", median(all.seconds));
  say("snapshot-rate", "operations during it, beside those without", "%", median(all.shares), 85,
      true);
  say("snapshot-p999", "p99.9 of an upsert during it, beside that without", "x", median(all.ratios),
      3);
  say("snapshot-p999-us", "p99.9 of an upsert during it", "us", median(all.busy_us));
  say("calm-p999-us", "p99.9 of an upsert without it", "us", median(all.calm_us));
  say("snapshot-longest-us", "the longest upsert during it, of all repeats", "us",
      all.busy_longest_us);
  say("calm-longest-us", "the longest upsert without it, of all repeats", "us",
      all.calm_longest_us);
}

void Goals::recover_again(const EngineOptions& options, const engine::StoreOptions& store,
                          Recoveries& all) {
  touch_memory((uint64_t{2} << store.memory_bits) + (uint64_t{64} << store.index_bits));
  const uint64_t before = read_so_far();
  const auto begun = Clock::now();
  const auto again = OrreryEngine::open(options, store, true);
  const double took = seconds_since(begun);
  const uint64_t bytes = read_so_far() - before;
  if (bytes == 0) return;  // all of it came from the page cache
  const Sequential disk = sequential_mib_s(options.folder, bytes);
  all.seconds.push_back(took);
  all.mib_s.push_back(static_cast<double>(bytes) / (1 << 20) / took);
  all.shares.push_back(100 * all.mib_s.back() / disk.best());
  all.one.push_back(disk.one);
  all.several.push_back(disk.several);
  all.best.push_back(disk.best());
}

void Goals::tell_recoveries(const Recoveries& all) {
  if (all.seconds.empty()) return;
  tell({"sequential-1", "a file that is read in order, a block after the other", "MiB/s", 0, true},
       "disk", median(all.one));
  tell({"sequential-4", "the same with four blocks under way", "MiB/s", 0, true}, "disk",
       median(all.several));
  tell({"sequential", "what the disk gives to one that reads in order", "MiB/s", 0, true}, "disk",
       median(all.best));
  tell({"recovery-time", "a store is recovered", "s", 0, false}, "orrery", median(all.seconds));
  tell({"recovery-rate", "bytes that it reads a second", "MiB/s", 0, true}, "orrery",
       median(all.mib_s));
  tell({"recovery", "bytes that it reads a second, beside sequential reads", "%", 60, true},
       "orrery", median(all.shares));
}

// Pages of 4 KiB.
void Goals::empty_store() {
  if (!wants("orrery")) return;
  const FreshFolder folder(wanted_.times.folder);
  engine::MachineOptions machine;
  machine.folder = folder.path();
  const auto made = engine::Machine::open(machine);
  CHECK(made, "no machine: {}", made.error().what);
  engine::StoreOptions options;
  options.page_bits = 12;
  options.memory_bits = 16;
  options.index_bits = 8;
  options.main_is_null = true;
  const engine::Bugs none;
  std::vector<double> samples;
  for (int i = 0; i < 101; ++i) {
    const auto begun = Clock::now();
    {
      auto store = engine::Store::open((*made)->runtime(), options, none);
      CHECK(store, "no store: {}", store.error().what);
      (*store)->close();
    }
    samples.push_back(seconds_since(begun) * 1e6);
  }
  tell({"empty", "an empty store is made and gone", "us", 100, false}, "orrery", median(samples));
}

}  // namespace

void measure_goals(const Wanted& wanted, Report& report) {
  Goals goals(wanted, report);
  const auto wants = [&](const char* name) {
    return wanted.only.empty() || has(wanted.only, name);
  };
  if (wants("empty")) goals.empty_store();
  if (wants("memory")) goals.in_memory();
  if (wants("disk")) goals.beyond_memory();
  if (wants("snapshot")) goals.during_snapshot();
}

}  // namespace orrery::bench
