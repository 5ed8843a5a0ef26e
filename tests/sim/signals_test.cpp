// SPDX-License-Identifier: Apache-2.0
// A run ends in a verdict, never in a dead process: signals, failed checks and full stacks.
#include "sim/signals.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <string>

#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Atomic;
using tests::TestWorld;

namespace {

const std::string kAnyViolation = "memory: access violation (SIGSEGV)";

// What a test does wrong must not be seen by the compiler or by UBSan.
volatile uintptr_t no_place = 64;
volatile int zero = 0;
volatile uint64_t sink = 0;

[[gnu::noinline]] void touch_nothing() { *reinterpret_cast<volatile int*>(no_place) = 1; }

__attribute__((noinline, no_sanitize("undefined"))) void divide() {
#if defined(__x86_64__)
  sink = static_cast<uint64_t>(7 / zero);
#else
  raise(SIGFPE);
#endif
}

// Not a tail call, and a frame that no compiler leaves out.
[[gnu::noinline]] uint64_t dig(uint64_t depth) {
  volatile uint64_t room[32];
  for (auto& word : room) word = depth;
  return depth == 0 ? room[0] : dig(depth - 1) + room[depth % 32];
}

void fail_check(int value) {
  if (value >= 0) orrery::engine::check_failed_with("value < 0", "here.cpp", 7, "{} it is", value);
}

/// A task that waits, one that has ended, one in the middle of something: then `wrong` happens.
template <typename Wrong>
void play_wrong(TestWorld& world, const Wrong& wrong) {
  engine::Tasks& tasks = world.runtime().tasks;
  world.play_calmly([&] {
    Atomic<uint32_t> word{0};
    const auto waits = [&] { (void)tasks.wait(word, 0); };
    const auto ends = [&] { word.load(); };
    const auto spins = [&] {
      while (word.load() == 0) tasks.yield();
    };
    tests::start(tasks, {"waits", 0}, waits);
    tasks.join(tests::start(tasks, {"ends", 0}, ends));
    tests::start(tasks, {"spins", 0}, spins);
    tasks.yield();
    const engine::Actor actor({"op", 1});
    wrong();
    (void)tasks.wait(word, 0);  // the others look at this stack
  });
}

void play_well(TestWorld& world) {
  uint64_t sum = 0;
  world.play_calmly([&] {
    const auto add = [&] { sum += 5; };
    world.runtime().tasks.join(tests::start(world.runtime().tasks, {"add", 0}, add));
  });
  REQUIRE(world.verdict() == "ok");
  REQUIRE(sum == 5);
}

}  // namespace

TEST_CASE("the ten-thousandth access violation is caught like the first", "[signals]") {
  TestWorld world;
  uint64_t bad = 0;
  size_t mapped = 0;
  for (int i = 0; i < 10'000; ++i) {
    play_wrong(world, touch_nothing);
    bad += world.verdict() == kAnyViolation ? 0 : 1;
    if (i == 0) mapped = world.scheduler().stacks().mapped();
  }
  REQUIRE(bad == 0);
  REQUIRE(world.scheduler().stacks().mapped() == mapped);
  play_well(world);
}

TEST_CASE("every way to die is a verdict, in any order", "[signals]") {
  TestWorld world;
  for (int i = 0; i < 100; ++i) {
    play_wrong(world, [] { std::abort(); });
    REQUIRE(world.verdict() == "memory: abort (SIGABRT)");
    play_wrong(world, divide);
    REQUIRE(world.verdict() == "memory: arithmetic error (SIGFPE)");
    play_wrong(world, touch_nothing);
    REQUIRE(world.verdict() == kAnyViolation);
    play_wrong(world, [] { std::terminate(); });
    REQUIRE(world.verdict() == "memory: abort (SIGABRT)");
    play_wrong(world, [] { raise(SIGILL); });
    REQUIRE(world.verdict() == "memory: illegal instruction (SIGILL)");
    play_wrong(world, [] { raise(SIGBUS); });
    REQUIRE(world.verdict() == "memory: access violation (SIGBUS)");
    play_well(world);
  }
}

TEST_CASE("a signal from another process says nothing of the run, and ends the process",
          "[signals]") {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t process = fork();
    if (process == 0) {
      const rlimit no_core{};
      setrlimit(RLIMIT_CORE, &no_core);
      TestWorld world;
      play_wrong(world, [&] {
        if (write(ready[1], "!", 1) != 1) _exit(8);
        for (;;) sink = sink + 1;
      });
      _exit(7);  // taken for what the run did
    }
    char sign = 0;
    REQUIRE(read(ready[0], &sign, 1) == 1);
    REQUIRE(kill(process, number) == 0);
    int status = 0;
    REQUIRE(waitpid(process, &status, 0) == process);
    INFO("signal " << number << ", status " << status);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == number);
    for (const int end : ready) close(end);
  }
}

TEST_CASE("a failed check on a task is a verdict with its reason", "[signals]") {
  TestWorld world;
  for (int i = 0; i < 1000; ++i) {
    play_wrong(world, [&] { fail_check(i); });
    REQUIRE(world.verdict() == "check: CHECK(value < 0)");
    REQUIRE_THAT(world.text(), Catch::Matchers::ContainsSubstring(std::to_string(i) + " it is"));
  }
  play_well(world);
}

TEST_CASE("a stack that overflows ends in its guard", "[signals]") {
  TestWorld world;
  for (int i = 0; i < 100; ++i) {
    play_wrong(world, [] { sink = dig(1'000'000); });
    REQUIRE(world.verdict() == kAnyViolation + ": a task's stack overflowed");
  }
  play_wrong(world, [] { sink = dig(50); });
  REQUIRE(world.verdict().rfind("progress: ", 0) == 0);  // who waits, waits for ever
  play_well(world);
}

TEST_CASE("a caught signal leaves nothing blocked", "[signals]") {
  TestWorld world;
  play_wrong(world, touch_nothing);
  play_wrong(world, [] { std::abort(); });
  sigset_t blocked;
  REQUIRE(sigprocmask(SIG_SETMASK, nullptr, &blocked) == 0);
  for (const int number : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) {
    REQUIRE(sigismember(&blocked, number) == 0);
  }
}

TEST_CASE("a task that does not come back is ended by knocks, at the step where it stood",
          "[signals]") {
  TestWorld world;
  for (const int extra : {0, 100}) {  // knocks at odds with one another
    uint64_t step = 0;
    uint64_t knocks = 0;
    play_wrong(world, [&] {
      step = world.scheduler().steps();
      for (int i = 0; i < extra; ++i) sink = sink + 1;
      for (;; ++knocks) raise(SIGALRM);
    });
    REQUIRE(world.verdict() == "progress: a task does not come back to the scheduler");
    REQUIRE(world.scheduler().failure()->step == step);
    REQUIRE(world.scheduler().failure()->role.view() == "op");
    REQUIRE(knocks >= sim::kKnocks - 1);
    play_well(world);
  }
}

TEST_CASE("knocks at a run that moves change nothing", "[signals]") {
  TestWorld world;
  uint64_t digests[2] = {};
  for (const bool knocked : {false, true}) {
    world.play_calmly([&] {
      Atomic<uint32_t> word{0};
      for (uint32_t i = 0; i < 100; ++i) {
        word.store(i);
        for (int k = 1; knocked && k < sim::kKnocks; ++k) raise(SIGALRM);
      }
    });
    REQUIRE(world.verdict() == "ok");
    digests[knocked ? 1 : 0] = world.world.digest();
  }
  REQUIRE(digests[0] == digests[1]);
}

TEST_CASE("a verdict says who, when and after what", "[signals]") {
  TestWorld world;
  uint64_t step = 0;
  int64_t now_ns = 0;
  play_wrong(world, [&] {
    step = world.scheduler().steps();
    now_ns = world.runtime().clock.now().ns;
    touch_nothing();
  });
  const sim::Failure& failure = *world.scheduler().failure();
  REQUIRE(failure.step == step);
  REQUIRE(failure.now_ns == now_ns);
  REQUIRE(failure.task == 0);
}

TEST_CASE("the handlers that were there before a world are there after it", "[signals]") {
  struct sigaction before{};
  struct sigaction after{};
  sigaction(SIGFPE, nullptr, &before);
  {
    TestWorld world;
    sigaction(SIGFPE, nullptr, &after);
    REQUIRE(after.sa_sigaction != before.sa_sigaction);
  }
  sigaction(SIGFPE, nullptr, &after);
  REQUIRE(after.sa_handler == before.sa_handler);
}
