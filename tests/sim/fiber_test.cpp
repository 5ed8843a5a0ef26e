// SPDX-License-Identifier: Apache-2.0
#include "sim/fiber.hpp"

#include <cstring>

#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using tests::TestWorld;

namespace {

struct PingPong {
  sim::Fiber home;
  sim::Fiber away;
  uint64_t turns = 0;
};
PingPong* the_game = nullptr;

void away(sim::Fiber& before) {
  sim::arrived(before, the_game->away);
  for (;;) {
    ++the_game->turns;
    sim::switch_fiber(the_game->away, the_game->home);
  }
}

}  // namespace

TEST_CASE("a fiber goes on where it left off, as often as one likes", "[fiber]") {
  sim::StackPool pool(64 * 1024);
  PingPong game;
  the_game = &game;
  game.away.stack = pool.take();
  sim::prepare(game.away, &away);
  for (int i = 0; i < 10'000; ++i) sim::switch_fiber(game.home, game.away);
  REQUIRE(game.turns == 10'000);
}

TEST_CASE("stacks are used again, and mapped only when none is free", "[fiber]") {
  sim::StackPool pool(16 * 1024);
  const sim::Stack first = pool.take();
  const sim::Stack second = pool.take();
  REQUIRE(first.bottom != second.bottom);
  pool.give_back(first);
  REQUIRE(pool.take().bottom == first.bottom);
  REQUIRE(pool.mapped() == 2);
}

TEST_CASE("the page below a stack is its guard, and nothing else is", "[fiber]") {
  sim::StackPool pool(16 * 1024);
  const sim::Stack stack = pool.take();
  REQUIRE(pool.in_guard(stack.bottom - 1));
  REQUIRE(pool.in_guard(stack.bottom - 4096));
  REQUIRE_FALSE(pool.in_guard(stack.bottom));
  REQUIRE_FALSE(pool.in_guard(&pool));
  std::memset(stack.bottom, 1, stack.size);
}

TEST_CASE("a thousand tasks at once need a thousand stacks, and the next run none", "[fiber]") {
  TestWorld world;
  engine::Tasks& tasks = world.runtime().tasks;
  constexpr uint64_t kMany = 1000;
  uint64_t ran = 0;
  const auto body = [&] {
    const auto one = [&] {
      tasks.yield();
      ++ran;
    };
    engine::TaskId last;
    for (uint64_t i = 0; i < kMany; ++i) last = tests::start(tasks, {"one", i}, one);
    tasks.join(last);
  };
  world.play_calmly(body);
  const size_t mapped = world.scheduler().stacks().mapped();
  REQUIRE(mapped == kMany + 1);
  world.play_calmly(body);
  REQUIRE(world.scheduler().stacks().mapped() == mapped);
  REQUIRE(ran == 2 * kMany);
}

namespace {

// Keeps more values alive across a switch than there are registers, and checks them after it.
template <typename Switch>
[[gnu::noinline]] bool registers_survive(uint64_t salt, const Switch& go) {
  uint64_t whole[12];
  double broken[12];
  alignas(32) uint64_t aligned[4] = {salt, salt + 1, salt + 2, salt + 3};
  for (uint64_t i = 0; i < 12; ++i) {
    whole[i] = salt * 31 + i;
    broken[i] = static_cast<double>(salt) / static_cast<double>(i + 3);
  }
  bool good = reinterpret_cast<uintptr_t>(aligned) % 32 == 0;
  for (int turn = 0; turn < 100; ++turn) {
    go();
    for (uint64_t i = 0; i < 12; ++i) {
      good = good && whole[i] == salt * 31 + i;
      good = good && broken[i] == static_cast<double>(salt) / static_cast<double>(i + 3);
      whole[i] += 1;
      whole[i] -= 1;
    }
    good = good && aligned[0] == salt && aligned[3] == salt + 3;
  }
  return good;
}

PingPong* the_rival = nullptr;
bool rival_kept = true;

void rival(sim::Fiber& before) {
  sim::arrived(before, the_rival->away);
  for (uint64_t salt = 7;; salt += 11) {
    const auto go = [] { sim::switch_fiber(the_rival->away, the_rival->home); };
    rival_kept = registers_survive(salt, go) && rival_kept;
  }
}

}  // namespace

TEST_CASE("what a fiber holds in registers survives the others' use of them", "[fiber]") {
  sim::StackPool pool(64 * 1024);
  PingPong game;
  the_rival = &game;
  game.away.stack = pool.take();
  sim::prepare(game.away, &rival);
  for (uint64_t salt = 1; salt < 50; ++salt) {
    const auto go = [&] { sim::switch_fiber(game.home, game.away); };
    REQUIRE(registers_survive(salt, go));
  }
  REQUIRE(rival_kept);
}
