// SPDX-License-Identifier: Apache-2.0
// The simulated world keeps what the boundary promises where it goes wrong: its trouble is made of
// its faults, under many schedules.
#include <string>

#include "faults/catalogue.hpp"
#include "tests/engine/runtime/trial.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using sim::Ask;
using tests::Expect;
using tests::TestWorld;
using tests::Trial;
using tests::Trouble;

namespace {

/// Answers as a seed does; but no fault comes without the trouble that it belongs to.
class Troubled final : public sim::Source {
 public:
  Troubled(uint64_t seed, Trouble trouble)
      : seed_(seed), trouble_(trouble), seeded_(seed, sim::Temper::drawn_from(seed)) {}

  bool lasts = false;

  uint64_t next_preemption(uint64_t key, uint64_t from) override {
    return seeded_.next_preemption(key, from);
  }
  int pick(const sim::Address& at, std::span<const uint64_t> candidates) override {
    return seeded_.pick(at, candidates);
  }
  uint64_t choose(const sim::Address& at, uint64_t bound) override {
    switch (at.ask) {
      case Ask::error: return lasts ? error(at, bound) : 0;
      case Ask::name: return lasts ? refusal(at, bound) : 0;
      case Ask::shortfall: return lasts && trouble_ == Trouble::short_transfers ? draw(at, 2) : 0;
      case Ask::allocate: {
        return lasts && trouble_ == Trouble::no_memory && draw(at, 4) == 0 ? 1 : 0;
      }
      default: return seeded_.choose(at, bound);
    }
  }

 private:
  uint64_t draw(const sim::Address& at, uint64_t bound) const {
    return sim::below(sim::mix(seed_, at.key, at.occurrence, static_cast<uint64_t>(at.ask)), bound);
  }
  uint64_t refusal(const sim::Address& at, uint64_t bound) const {
    if (trouble_ == Trouble::broken_names) return 1 + draw(at, bound - 1);
    return trouble_ == Trouble::read_only ? 1 : 0;
  }
  // An address does not say where a request ends: the trials write nothing from the last sector
  // below the limit on that would not cross it.
  uint64_t error(const sim::Address& at, uint64_t bound) const {
    if (trouble_ == Trouble::broken_disk) return 1 + draw(at, bound - 1);
    if (!std::string_view(at.actor.name.label).starts_with("write:")) return 0;
    const bool fails =
        trouble_ == Trouble::full_disk ||
        (trouble_ == Trouble::small_files && at.actor.name.number >= tests::kFileMax - 512);
    return fails ? 1 + draw(at, bound - 1) : 0;
  }

  uint64_t seed_;
  Trouble trouble_;
  sim::Seeded seeded_;
};

std::string verdict_of(TestWorld& world, const Trial& trial) {
  constexpr uint64_t kSeedsEach = 300;
  bool seen = false;
  for (uint64_t seed = 0; seed < kSeedsEach; ++seed) {
    Expect expect;
    const engine::Runtime runtime = world.runtime();
    Troubled source(seed, trial.trouble);
    world.laws.guarded = seed % 8 == 0;
    world.play(source, [&] {
      trial.before(runtime, expect);
      source.lasts = true;
      trial.during(runtime, expect);
      source.lasts = false;
      if (trial.trouble == Trouble::kill) return world.scheduler().stop();
      trial.after(runtime, expect);
    });
    if (trial.trouble == Trouble::kill && world.verdict() == "ok") {
      world.world.crash(false);
      world.go_on([&] { trial.after(runtime, expect); });
    }
    if (world.verdict() != "ok") return world.verdict() + " (seed " + std::to_string(seed) + ")";
    if (expect.broken() != nullptr) {
      return expect.broken() + (" (seed " + std::to_string(seed) + ")");
    }
    seen = seen || expect.has_seen();
  }
  return seen ? "ok" : "it never saw its trouble";
}

}  // namespace

TEST_CASE("the simulated world keeps what is promised in trouble", "[contract]") {
  TestWorld world;
  for (const char* const name : {"io-error", "short-transfer", "alloc-failure", "name-error"}) {
    world.faults.push_back(faults::find_fault(name));
  }
  for (const Trial& trial : tests::all_trials()) {
    INFO(trial.name);
    CHECK(verdict_of(world, trial) == "ok");
  }
}
