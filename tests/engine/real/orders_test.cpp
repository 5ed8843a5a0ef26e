// SPDX-License-Identifier: Apache-2.0
// Orders that only real processors break. The simulated world performs one access after another,
// so it has no store that waits in a store buffer while its task already reads on. Where that
// matters a store must be sequentially consistent, on x86 too.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "engine/base/sanitizers.hpp"
#include "engine/real/machine.hpp"
#include "engine/store/epoch.hpp"
#include "tests/engine/real/temporary_folder.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::EpochSlots;
using engine::EpochTable;
using engine::Self;

namespace {

#if ORRERY_ASAN || ORRERY_TSAN
constexpr int kRounds = 30'000;
#else
constexpr int kRounds = 300'000;
#endif
// Where others work as well, two threads do not meet often.
constexpr std::chrono::seconds kLongest{20};

struct Inside {
  Inside() : machine(engine::Machine::open({folder.path()})), tasks((*machine)->runtime().tasks) {
    REQUIRE(slots.initialise((*machine)->runtime().memory, 4));
    REQUIRE(epoch.initialise((*machine)->runtime().memory));
  }

  tests::TemporaryFolder folder;
  engine::Result<std::unique_ptr<engine::Machine>> machine;
  engine::Tasks& tasks;
  EpochSlots slots;
  EpochTable epoch{tasks, slots};
};

// Returns when both have come, at the same time as far as threads can.
void meet(std::atomic<int>& arrived, int round) {
  arrived.fetch_add(1);
  for (int looks = 1; arrived.load() < 2 * (round + 1); ++looks) {
    if (looks % 1000 == 0) std::this_thread::yield();  // the other has no processor just now
  }
}

}  // namespace

TEST_CASE("of two that leave the epoch at once one runs what is left") {
  Inside world;
  std::atomic<int> arrived{0};
  std::atomic<int> gone{0};
  std::atomic<bool> over{false};  // with the round that they are in
  std::thread other([&] {
    Self& self = world.tasks.self();
    for (int round = 0; !over; ++round) {
      meet(arrived, round);
      world.epoch.resume(self);
      world.epoch.suspend(self);
      meet(gone, round);
    }
  });
  Self& self = world.tasks.self();
  std::atomic<int64_t> done{0};
  const auto count = [](void* to, int64_t, Self&) { ++*static_cast<std::atomic<int64_t>*>(to); };
  int64_t left_behind = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (int round = 0; !over; ++round) {
    meet(arrived, round);
    world.epoch.resume(self);
    world.epoch.bump(self, {count, &done, 0, {"count", 0}});
    world.epoch.suspend(self);
    over = round + 1 == kRounds || std::chrono::steady_clock::now() - begun > kLongest;
    meet(gone, round);
    left_behind += done.load() == round + 1 ? 0 : 1;
  }
  other.join();
  CHECK(left_behind == 0);
}
