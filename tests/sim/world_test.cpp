// SPDX-License-Identifier: Apache-2.0
// A run is a function of its choices, and a world is as good as new for the next one.
#include "sim/world.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "faults/catalogue.hpp"
#include "tests/sim/bustle.hpp"
#include "tests/sim/restless.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using tests::Bustle;
using tests::TestWorld;

namespace {

#if ORRERY_ASAN
constexpr uint64_t kSeeds = 600;
constexpr uint64_t kWorlds = 20'000;
#else
constexpr uint64_t kSeeds = 4'000;
constexpr uint64_t kWorlds = 100'000;
#endif

volatile uintptr_t bad_address = 64;  // not to be seen by the compiler

/// All that two equal runs have in common.
struct Print {
  std::string verdict;
  uint64_t digest = 0;
  uint64_t points = 0;
  uint64_t steps = 0;
  int64_t now_ns = 0;
  size_t events = 0;
  std::vector<sim::Deviation> taken;
  friend bool operator==(const Print&, const Print&) = default;
};
Print print_of(TestWorld& world) {
  const sim::Trace& trace = world.world.trace();
  return {world.verdict(),           world.world.digest(),           world.scheduler().points(),
          world.scheduler().steps(), world.runtime().clock.now().ns, trace.events.size(),
          deviations_of(trace.taken)};
}

void enable_all_faults(TestWorld& world) {
  for (sim::Fault* fault : faults::all_faults()) world.faults.push_back(fault);
}

/// Of this process now, in KiB. Not the peak, which earlier tests have set.
uint64_t resident_after_worlds_kib() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * 4;
}

}  // namespace

TEST_CASE("the deviations of a run give the run again", "[world]") {
  TestWorld world;
  enable_all_faults(world);
  const Bustle bustle(world, 4, 15);
  uint64_t different = 0;
  uint64_t unwell = 0;
  uint64_t deviations = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    world.play_seed(seed, bustle);
    const Print seeded = print_of(world);
    world.replay(bustle);
    different += print_of(world) == seeded ? 0 : 1;
    unwell += seeded.verdict == "ok" ? 0 : 1;
    deviations += seeded.taken.size();
  }
  REQUIRE(different == 0);
  REQUIRE(unwell == 0);
  REQUIRE(deviations > 10 * kSeeds);
}

TEST_CASE("a restless run replays too", "[world]") {
  TestWorld world;
  const Bustle bustle(world, 5, 10);
  uint64_t different = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    tests::Restless restless(seed);
    world.play(restless, bustle);
    const Print first = print_of(world);
    REQUIRE(first.taken.size() > 100);
    world.replay(bustle);
    different += print_of(world) == first ? 0 : 1;
  }
  REQUIRE(different == 0);
}

TEST_CASE("deviations replay from the text of a tape as well", "[world]") {
  TestWorld world;
  enable_all_faults(world);
  const Bustle bustle(world, 4, 15);
  for (uint64_t seed = 0; seed < 100; ++seed) {
    world.play_seed(seed, bustle);
    const Print seeded = print_of(world);
    sim::Tape tape;
    tape.scenario = "bustle";
    tape.deviations = seeded.taken;
    sim::Tape read;
    REQUIRE_FALSE(sim::parse_tape(sim::print_tape(tape), read));
    world.replayed.emplace(deviated(read.deviations));
    world.play(*world.replayed, bustle);
    REQUIRE(print_of(world) == seeded);
  }
}

TEST_CASE("how closely a run is watched does not change it", "[world]") {
  TestWorld world;
  enable_all_faults(world);
  const Bustle bustle(world, 4, 15);
  uint64_t different = 0;
  for (uint64_t seed = 0; seed < kSeeds / 20; ++seed) {
    world.laws = {};
    world.play_seed(seed, bustle);
    Print plain = print_of(world);
    for (int watch = 1; watch < 16; ++watch) {
      world.laws.guarded = (watch & 1) != 0;
      world.laws.detailed = (watch & 2) != 0;
      world.laws.checked = (watch & 4) == 0;
      world.laws.disk.check_buffers = (watch & 8) == 0;
      world.play_seed(seed, bustle);
      Print watched = print_of(world);
      if (world.laws.detailed) watched.events = plain.events;  // it lists the points, too
      different += watched == plain ? 0 : 1;
    }
  }
  REQUIRE(different == 0);
}

TEST_CASE("a run does not depend on the runs before it, nor on the world's age", "[world]") {
  uint64_t digests[8];
  {
    TestWorld world;
    enable_all_faults(world);
    const Bustle bustle(world, 4, 15);
    for (uint64_t seed = 0; seed < 8; ++seed) {
      world.play_seed(seed, bustle);
      digests[seed] = world.world.digest();
    }
    // After failures of every kind, too.
    for (uint64_t seed = 8; seed-- > 0;) {
      world.laws.guarded = seed % 2 == 0;
      world.play_calmly([&] {
        tests::start(world.runtime().tasks, {"session", 0}, bustle);
        *reinterpret_cast<volatile int*>(bad_address) = 1;
      });
      REQUIRE(world.verdict() != "ok");
      world.play_seed(seed, bustle);
      REQUIRE(world.world.digest() == digests[seed]);
    }
  }
  for (uint64_t seed = 0; seed < 8; ++seed) {
    TestWorld fresh;
    enable_all_faults(fresh);
    const Bustle bustle(fresh, 4, 15);
    fresh.play_seed(seed, bustle);
    REQUIRE(fresh.world.digest() == digests[seed]);
  }
}

TEST_CASE("different seeds are different runs", "[world]") {
  TestWorld world;
  enable_all_faults(world);
  const Bustle bustle(world, 4, 15);
  std::vector<uint64_t> digests;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    world.play_seed(seed, bustle);
    digests.push_back(world.world.digest());
  }
  std::sort(digests.begin(), digests.end());
  const auto end = std::unique(digests.begin(), digests.end());
  REQUIRE(end - digests.begin() > 490);
}

TEST_CASE("a value that depends on addresses shows in the digest", "[world]") {
  // What must not be: the digest is there to find it.
  TestWorld world;
  uint64_t digests[2];
  for (int run = 0; run < 2; ++run) {
    const auto body = [&] {
      engine::Atomic<uint64_t> word{0};
      auto* const block = *world.runtime().memory.allocate(64, 8, "block");
      word.store(reinterpret_cast<uintptr_t>(block));
    };
    world.laws.guarded = run != 0;  // other addresses, as under another layout
    world.play_calmly(body);
    digests[run] = world.world.digest();
  }
  REQUIRE(digests[0] != digests[1]);
}

TEST_CASE("a hundred thousand worlds are begun and dropped without growth", "[world]") {
  TestWorld world;
  enable_all_faults(world);
  const Bustle bustle(world, 2, 3);
  uint64_t before = 0;
  for (uint64_t i = 0; i < kWorlds; ++i) {
    if (i == kWorlds / 10) before = resident_after_worlds_kib();
    world.laws.guarded = i % 64 == 0;
    world.play_seed(i % 1000, bustle);
    if (i % 3 == 0) world.world.crash(i % 2 == 0);
  }
  const uint64_t after = resident_after_worlds_kib();
#if !ORRERY_ASAN  // whose quarantine and fake stacks grow by themselves
  REQUIRE(after < before + 1024);
#else
  REQUIRE(after < before + 64 * 1024);
#endif
}

TEST_CASE("a hundred thousand worlds are built and torn down without growth", "[world]") {
  const uint64_t worlds = kWorlds;
  uint64_t before = 0;
  uint64_t failed = 0;
  for (uint64_t i = 0; i < worlds; ++i) {
    if (i == worlds / 10) before = resident_after_worlds_kib();
    TestWorld world;
    world.laws.guarded = i % 2 == 0;
    world.play_seed(i % 100, [&] {
      engine::Memory& memory = world.runtime().memory;
      memory.free(*memory.allocate(64, 8, "block"));
    });
    failed += world.verdict() == "ok" ? 0 : 1;
  }
  REQUIRE(failed == 0);
#if !ORRERY_ASAN
  REQUIRE(resident_after_worlds_kib() < before + 1024);
#else
  REQUIRE(resident_after_worlds_kib() < before + 64 * 1024);
#endif
}

TEST_CASE("two worlds live side by side, and each catches its own", "[world]") {
  TestWorld first;
  TestWorld second;
  volatile int* const nowhere = nullptr;
  first.play_calmly([] {});
  second.play_calmly([&] { *nowhere = 1; });
  REQUIRE(first.verdict() == "ok");
  REQUIRE(second.verdict() == "memory: access violation (SIGSEGV)");
  {
    TestWorld third;
    third.play_calmly([&] { (void)third.runtime().frames.acquire(1, 100); });
    REQUIRE(third.verdict().rfind("check: ", 0) == 0);
  }
  first.play_calmly([&] { *nowhere = 1; });
  REQUIRE(first.verdict() == "memory: access violation (SIGSEGV)");
  REQUIRE(second.verdict() == "memory: access violation (SIGSEGV)");
}

TEST_CASE("crashed and reopened, run after run, a world replays", "[world]") {
  TestWorld world;
  enable_all_faults(world);
  const Bustle bustle(world, 3, 10);
  uint64_t different = 0;
  const auto play_with_crashes = [&](sim::Source& source, uint64_t seed) {
    world.world.begin(source, world.laws, world.faults);
    for (uint64_t life = 0; life < 3; ++life) {
      world.scheduler().stop_at(world.scheduler().steps() + 100 + sim::below(seed * 77777, 400));
      world.go_on(bustle);
      world.world.crash((seed + life) % 2 == 0);
    }
    world.scheduler().stop_at(UINT64_MAX);
    world.go_on(bustle);
    return print_of(world);
  };
  for (uint64_t seed = 0; seed < kSeeds / 4; ++seed) {
    sim::Seeded seeded(seed, sim::Temper::drawn_from(seed));
    const Print first = play_with_crashes(seeded, seed);
    REQUIRE(first.verdict == "ok");
    sim::Replayed replayed(deviated(first.taken));
    different += play_with_crashes(replayed, seed) == first ? 0 : 1;
  }
  REQUIRE(different == 0);
}
