// SPDX-License-Identifier: Apache-2.0
// Write, log, commit, take checkpoints of every kind, be emptied, die, recover, again. The play is
// in lives_load.hpp.
//
// Clients commit after each operation, after some, or never; a crash comes at any step, also while
// the log is replayed. What is there afterwards must be what the log says up to one place, and no
// operation that a commit has covered may be behind it.
#include <algorithm>

#include "engine/store/operation_log.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

constexpr std::array<SizeRow, kCrashSizes.size() + 5> kOwnSizes{{
    kCrashSizes[0],
    kCrashSizes[1],
    kCrashSizes[2],
    kCrashSizes[3],
    kCrashSizes[4],
    {"log_operations", 0, 1, 1, "1: every update is logged"},
    {"log_page_bits", 6, 20, 9, "a page of that log is 2^log_page_bits bytes"},
    {"log_ring_bits", 1, 10, 3, "its ring has 2^log_ring_bits pages"},
    {"log_fast_commit", 0, 1, 0, "1: its commits are records among its entries"},
    {"commit_every", 0, 1'000'000, 1, "operations between two commits of a client; 0: none"},
}};
constexpr auto kSizes = with_load_sizes(kOwnSizes);

class OperationLogScenario final : public LivesScenario {
 public:
  const char* name() const override { return "operation-log"; }
  const char* sentence() const override {
    return "a store logs what is done, dies at any step, and does it again";
  }
  std::span<const SizeRow> sizes() const override { return kSizes; }

  std::string unfit(const Sizes& sizes) const override {
    constexpr size_t kKeyLongest = 16;
    const size_t entry =
        engine::kLoggedHead + kKeyLongest + static_cast<size_t>(sizes["value_max"]);
    if (engine::entry_size(entry) > int64_t{1} << sizes["log_page_bits"]) {
      return "an entry with the largest value must fit a page of the log";
    }
    return LivesScenario::unfit(sizes);
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0x0B10);
    draw_lives(draw, sizes);
    sizes.set("copy_reads", draw.odds(1, 3) ? draw.between(1, 2) : 0);
    sizes.set("kept", draw.odds(1, 4) ? 0 : draw.between(1, 3));
    sizes.set("crash_steps", draw.log_uniform(10, 16));
    sizes.set("log_operations", 1);
    sizes.set("log_page_bits", draw.between(8, 9));
    sizes.set("log_ring_bits", draw.between(1, 3));
    sizes.set("shifts", 0);
    sizes.set("log_fast_commit", draw.between(0, 1));
    sizes.set("commit_every", draw.odds(1, 4) ? 0 : draw.odds(1, 3) ? 1 : draw.log_uniform(1, 5));
    sizes.set("resets", draw.odds(2, 3) ? 0 : draw.between(1, 3));
    if (draw.odds(1, 4)) make_tight(draw, sizes);
  }

 private:
  // Hardly any room in the log, and few keys whose values change their size: what an attempt had
  // allocated serves the next, and the next.
  static void make_tight(Draw& draw, Sizes& sizes) {
    sizes.set("log_page_bits", 8);
    sizes.set("log_ring_bits", 1);
    sizes.set("keys", draw.between(2, 4));
    sizes.set("sessions", 4);
    sizes.set("value_max", draw.between(70, 100));
  }

  // The memory of the log may be of another size in another life.
  engine::StoreOptions options_of(const Sizes& sizes, uint32_t life) const override {
    engine::StoreOptions options = store_options(sizes);
    options.log_operations = sizes["log_operations"] != 0;
    options.log_page_bits = static_cast<uint32_t>(sizes["log_page_bits"]);
    options.log_memory_bits = options.log_page_bits + static_cast<uint32_t>(sizes["log_ring_bits"]);
    options.log_fast_commit = sizes["log_fast_commit"] != 0;
    const int64_t most =
        std::max({sizes["page_bits"], sizes["log_page_bits"], sizes["sector_bits"]});
    options.segment_bits =
        static_cast<uint32_t>(most) + 1;  // so that what is given up is soon gone
    if (life % 2 == 1 && options.log_memory_bits < options.log_page_bits + 10) {
      ++options.log_memory_bits;
    }
    return options;
  }
};

constexpr OperationLogScenario kScenario;

}  // namespace

const Scenario& operation_log() { return kScenario; }

}  // namespace orrery::scenarios
