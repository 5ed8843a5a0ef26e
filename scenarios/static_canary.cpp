// SPDX-License-Identifier: Apache-2.0
// A subject that is wrong where no second play in the same process can see it: what it does depends
// on where the program itself lies.
//
// Each client files a count in the chain that the address of a constant hashes to, as any table
// keyed by functions or by names of types does. However the world lays out its memory, the constant
// stays where it is: only in another process, whose program lies elsewhere, other chains are
// walked.
#include <array>

#include "engine/runtime/sync.hpp"
#include "scenarios/catalogue.hpp"
#include "sim/hash.hpp"

namespace orrery::scenarios {
namespace {

constexpr size_t kCounterChains = 64;
constexpr std::array<char, 64> kKinds{};  // what clients are told apart by: its bytes' addresses

struct Counters {
  std::array<engine::Atomic<uint32_t>, kCounterChains> chains{};

  void count_one(size_t kind) {
    const auto address = reinterpret_cast<uintptr_t>(&kKinds[kind]);
    const size_t chain = sim::scramble(address) % kCounterChains;  // the bug
    for (size_t i = 0; i < chain; ++i) (void)chains[i].load();
    chains[chain].fetch_add(1);
  }
};

struct CountingClient {
  Counters* counters = nullptr;
  size_t kind = 0;
};

void run_counting_client(void* argument) {
  const auto& client = *static_cast<CountingClient*>(argument);
  client.counters->count_one(client.kind);
}

class StaticCanary final : public Scenario {
  static constexpr auto kSizes = std::to_array<SizeRow>({
      {"clients", 1, kKinds.size(), 6, "tasks that count once each"},
  });

 public:
  const char* name() const override { return "static-canary"; }
  const char* sentence() const override {
    return "a tiny subject that hashes the address of a constant; another process must find it";
  }
  bool reaches(std::string_view) const override { return false; }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  bool must_fail() const override { return true; }
  bool is_nondeterministic() const override { return true; }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x5AD);
    sizes.set("clients", draw.log_uniform(2, 5));
  }

  sim::Laws laws(const Sizes&) const override { return {}; }

  void play(Stage& stage) const override {
    Counters counters;
    engine::Tasks& tasks = stage.runtime.tasks;
    std::array<CountingClient, kKinds.size()> clients{};
    std::array<engine::TaskId, kKinds.size()> started{};
    const auto wanted = static_cast<size_t>(stage.sizes["clients"]);
    size_t count = 0;
    for (size_t i = 0; i < wanted; ++i) {
      clients[i] = {&counters, i};
      const auto client = tasks.spawn({"client", i}, &run_counting_client, &clients[i]);
      if (client) started[count++] = *client;
    }
    for (size_t i = 0; i < count; ++i) tasks.join(started[i]);
  }
};

}  // namespace

const Scenario& static_canary() {
  static constexpr StaticCanary scenario;
  return scenario;
}

}  // namespace orrery::scenarios
