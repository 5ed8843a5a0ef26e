// SPDX-License-Identifier: Apache-2.0
// What is measured is what was done: when a read ends, what repeats draw, what is between loads.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "bench/ycsb/load.hpp"
#include "bench/ycsb/orrery_engine.hpp"
#include "bench/ycsb/suites.hpp"
#include "tests/catch.hpp"

namespace orrery::bench {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr size_t kNoted = 32;

// What the engine below was asked for: a client's first keys, or nothing for a rest.
struct Asked {
  bool settled = false;
  std::vector<uint64_t> keys;
};
std::vector<std::unique_ptr<Asked>> asked;

// Ends a read when eight more operations have begun, and says that it took an hour.
class NotingClient final : public Client {
 public:
  NotingClient(Asked& all, std::chrono::milliseconds pause) : all_(all), pause_(pause) {}
  bool read(uint64_t key) override {
    note(key);
    if (pause_ > 0ms) std::this_thread::sleep_for(pause_);
    if (late == nullptr) return true;
    ++pending_;
    return false;
  }
  void upsert(uint64_t key, uint64_t) override { note(key); }
  void modify(uint64_t key) override { note(key); }
  void poll() override {
    for (; pending_ > 8; --pending_) late->add(kHour);
  }
  void finish() override { pending_ = 0; }

  static constexpr uint64_t kHour = 3'600'000'000'000;

 private:
  void note(uint64_t key) {
    if (all_.keys.size() < kNoted) all_.keys.push_back(key);
  }
  Asked& all_;
  const std::chrono::milliseconds pause_;
  uint64_t pending_ = 0;
};

class NotingEngine final : public Engine {
 public:
  std::string name() const override { return "noting"; }
  bool can_scan() const override { return false; }
  std::unique_ptr<Client> client(uint64_t) override {
    asked.push_back(std::make_unique<Asked>());
    return std::make_unique<NotingClient>(*asked.back(), pause);
  }
  void settle() override { asked.push_back(std::make_unique<Asked>(Asked{true, {}})); }

  std::chrono::milliseconds pause{0};  // of a read
};

// Mixes on the engine above, on one thread; what was told of each.
std::vector<Json> told_of(const std::vector<std::string>& names, uint32_t repeats) {
  asked.clear();
  std::FILE* const output = std::tmpfile();
  REQUIRE(output != nullptr);
  Report report(true, output);
  Wanted wanted;
  wanted.times = {0.01, repeats, std::filesystem::temp_directory_path().string()};
  wanted.engines = {"noting"};
  wanted.records = 3000;
  wanted.mixes = names;
  wanted.keys = {"uniform"};
  wanted.data = {"memory"};
  wanted.threads = {1};
  measure_mixes(wanted, report);
  std::rewind(output);
  std::vector<Json> rows;
  std::string line;
  for (int byte = fgetc(output); byte != EOF; byte = fgetc(output)) {
    if (byte != '\n') {
      line += static_cast<char>(byte);
    } else {
      rows.push_back(Json::parse(std::exchange(line, {})));
    }
  }
  std::fclose(output);
  return rows;
}

struct OnDisk {
  static constexpr uint64_t kRecords = 20'000;
  explicit OnDisk(uint32_t in_flight)
      : folder(std::filesystem::temp_directory_path().string()),
        options{folder.path(), kRecords, 100, data_size(kRecords, 100) / 4, false, in_flight},
        engine(OrreryEngine::open(options, store_options(options))) {
    load_records(*engine, kRecords);
  }
  const FreshFolder folder;
  const EngineOptions options;
  const std::unique_ptr<OrreryEngine> engine;
};

}  // namespace

std::span<const EngineRow> engines() {
  static const EngineRow kEngines[] = {
      {"noting", [](const EngineOptions&) -> std::unique_ptr<Engine> {
         return std::make_unique<NotingEngine>();
       }}};
  return kEngines;
}

TEST_CASE("a window holds what was done in it, with many threads and long batches") {
  asked.clear();
  NotingEngine engine;
  engine.pause = 1ms;  // and more than that, on a busy machine
  Load load{mixes()[2]};
  load.records = 3000;
  load.threads = 8;
  Workers workers(engine, load);
  for (int i = 0; i < 2; ++i) {
    const Window window = workers.measure(0.01);
    CHECK(window.per_thread > 0);
    CHECK(window.per_thread <= 0.001);  // M/s
    CHECK(window.seconds >= 0.01);
  }
}

TEST_CASE("a read that ends after its call counts when it ends") {
  const std::vector<Json> rows = told_of({"C"}, 1);
  REQUIRE(rows.size() == 1);
  // Not one of them ended in its call.
  for (const char* name : {"read50", "read99", "read99.9", "readmax"}) {
    CHECK(rows[0][name] == NotingClient::kHour / 1000);
  }
  REQUIRE(rows[0]["read_classes_ns"].size() == 1);
  CHECK(rows[0]["read_classes_ns"][0][0] >= NotingClient::kHour);
}

TEST_CASE("a read of the disk is timed from its call to its answer") {
  const OnDisk disk(64);
  const auto client = disk.engine->client(0);
  Latencies late;
  client->late = &late;
  uint64_t pending = 0;
  for (uint64_t key = 0; key < 200; ++key) {
    client->begun = Clock::now() - 1h;
    pending += client->read(key) ? 0 : 1;
  }
  CHECK(pending > 64);
  // What has come back is told without another read.
  while (late.count() < pending) client->poll();
  client->begun = {};
  CHECK(late.at(1) >= NotingClient::kHour);
  CHECK(client->wrong == 0);
}

TEST_CASE("a thread has no more reads in flight than it was told") {
  const OnDisk disk(1);
  const auto client = disk.engine->client(0);
  Latencies late;
  client->late = &late;
  for (uint64_t key = 0; key < 50; ++key) {
    client->begun = Clock::now();
    const uint64_t before = late.count();
    const bool ended = client->read(key);
    CHECK(late.count() == before + (ended ? 0 : 1));
  }
  CHECK(late.count() > 0);
}

TEST_CASE("repeats draw other operations, and the same in each run") {
  const auto drawn = [] {
    (void)told_of({"A"}, 3);
    std::vector<std::vector<uint64_t>> keys;
    for (const auto& one : asked) {
      if (!one->settled) keys.push_back(one->keys);
    }
    return keys;
  };
  const auto first = drawn();
  REQUIRE(first.size() == 1 + 3 + 1);  // loads, repeats, times
  CHECK(std::set(first.begin(), first.end()).size() == first.size());
  CHECK(drawn() == first);
}

TEST_CASE("what a mix leaves to be done is done before the next begins") {
  (void)told_of({"A", "B", "E", "F"}, 1);
  std::string order;
  for (const auto& one : asked) order += one->settled ? '|' : 'w';
  CHECK(order == "w||ww|ww|ww");  // it is loaded; the rate, and the times, of each mix
}

TEST_CASE("classes hold what was counted, and the longest lies in the last") {
  Latencies times;
  for (uint64_t ns = 1; ns <= 10'000; ns += 7) times.add(ns);
  times.add(123'456'789);
  uint64_t count = 0;
  uint64_t last = 0;
  times.each_class([&](uint64_t end, uint64_t in_class) {
    CHECK(end > last);
    CHECK(in_class > 0);
    last = end;
    count += in_class;
  });
  CHECK(count == times.count());
  CHECK(times.longest() == 123'456'789);
  CHECK(last >= times.longest());
  CHECK(times.at(1'000'000) == times.longest());
  Latencies sum;
  sum.add(times);
  CHECK(sum.longest() == times.longest());
}

}  // namespace orrery::bench
