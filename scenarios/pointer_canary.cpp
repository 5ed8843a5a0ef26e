// SPDX-License-Identifier: Apache-2.0
// A subject that is wrong in the one way that no oracle sees: what it does depends on addresses.
//
// Each client asks for a block and files it in the chain that the block's address hashes to, as any
// table keyed by pointers does. Every run is right, and none can be played again: another layout of
// memory walks other chains. If checking for determinism does not catch this, it catches nothing.
#include <array>

#include "engine/runtime/sync.hpp"
#include "scenarios/catalogue.hpp"

namespace orrery::scenarios {
namespace {

constexpr size_t kChains = 8;
constexpr size_t kBlockSize = 48;

struct Filer {
  explicit Filer(const engine::Runtime& given) : runtime(given) {}

  const engine::Runtime& runtime;
  std::array<engine::Atomic<uint32_t>, kChains> chains{};

  void file_a_block() {
    const auto block = runtime.memory.allocate(kBlockSize, 16, "pointer-canary");
    if (!block) return;
    const auto address = reinterpret_cast<uintptr_t>(*block);
    const size_t chain = (address * 0x9E37'79B9'7F4A'7C15) >> 61;  // the bug
    for (size_t i = 0; i < chain; ++i) (void)chains[i].load();
    chains[chain].fetch_add(1);
    runtime.memory.free(*block);
  }
};

void run_filer(void* argument) { static_cast<Filer*>(argument)->file_a_block(); }

class PointerCanary final : public Scenario {
  static constexpr auto kSizes = std::to_array<SizeRow>({
      {"clients", 1, 64, 6, "tasks that file one block each"},
  });

 public:
  const char* name() const override { return "pointer-canary"; }
  const char* sentence() const override {
    return "a tiny subject that hashes a pointer; checking for determinism must find it";
  }
  bool reaches(std::string_view) const override { return false; }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  bool must_fail() const override { return true; }
  bool is_nondeterministic() const override { return true; }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xAD);
    sizes.set("clients", draw.log_uniform(2, 5));
  }

  sim::Laws laws(const Sizes&) const override { return {}; }

  void play(Stage& stage) const override {
    Filer filer(stage.runtime);
    engine::Tasks& tasks = stage.runtime.tasks;
    std::array<engine::TaskId, 64> started{};
    const auto clients = static_cast<size_t>(stage.sizes["clients"]);
    size_t count = 0;
    for (size_t i = 0; i < clients; ++i) {
      const auto client = tasks.spawn({"client", i}, &run_filer, &filer);
      if (client) started[count++] = *client;
    }
    for (size_t i = 0; i < count; ++i) tasks.join(started[i]);
  }
};

}  // namespace

const Scenario& pointer_canary() {
  static constexpr PointerCanary scenario;
  return scenario;
}

}  // namespace orrery::scenarios
