// SPDX-License-Identifier: Apache-2.0
// What is measured is what was done.
#include "bench/ycsb/load.hpp"

#include <chrono>
#include <memory>
#include <thread>

#include "tests/catch.hpp"

namespace orrery::bench {
namespace {

using namespace std::chrono_literals;

class SlowClient final : public Client {
 public:
  void read(uint64_t) override { std::this_thread::sleep_for(1ms); }  // more on a busy machine
  void upsert(uint64_t, uint64_t) override {}
  void modify(uint64_t) override {}
};

class SlowEngine final : public Engine {
 public:
  std::string name() const override { return "slow"; }
  bool can_scan() const override { return false; }
  std::unique_ptr<Client> client(uint64_t) override { return std::make_unique<SlowClient>(); }
  void settle() override {}
};

}  // namespace

TEST_CASE("a window holds what was done in it, with many threads and long batches") {
  SlowEngine engine;
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

}  // namespace orrery::bench
