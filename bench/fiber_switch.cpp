// SPDX-License-Identifier: Apache-2.0
// Boost's switch beside our own: bare, and inside a loop that does what the scheduler's does.
//
// Bare: a loop resumes eight fibers in turn and each yields back at once, two switches a step.
// In a loop: each fiber counts a point down, takes a value into a digest and appends an event, and
// at every point switches straight to a drawn neighbour, one switch a step. With `depth`, the yield
// lies under that many calls, as in an engine: their returns are predicted wrong after each switch.
#include <boost/context/detail/fcontext.hpp>
#include <vector>

#include "bench/stopwatch.hpp"
#include "engine/base/check.hpp"
#include "sim/fiber.hpp"
#include "sim/hash.hpp"

namespace orrery::bench {
namespace {

namespace context = boost::context::detail;

constexpr size_t kFibers = 8;
constexpr uint64_t kSwitches = 400'000;

struct Boost {
  context::fcontext_t place = nullptr;
  void prepare(sim::Stack stack, void (*)(sim::Fiber&), void (*entry)(context::transfer_t)) {
    place = context::make_fcontext(stack.bottom + stack.size, stack.size, entry);
  }
  [[gnu::always_inline]] static void go(Boost& self, Boost& target) {
    const context::transfer_t transfer = context::jump_fcontext(target.place, &self);
    static_cast<Boost*>(transfer.data)->place = transfer.fctx;
  }
};

struct Own {  // of x86-64; elsewhere it is Boost's, and the ratio says so
  sim::Fiber fiber;
  void prepare(sim::Stack stack, void (*entry)(sim::Fiber&), void (*)(context::transfer_t)) {
    fiber.stack = stack;
    sim::prepare(fiber, entry);
  }
  [[gnu::always_inline]] static void go(Own& self, Own& target) {
    sim::switch_fiber(self.fiber, target.fiber);
  }
};

template <typename Switch>
struct Ring {
  struct Event {
    uint64_t step;
    int64_t now_ns;
    uint64_t kind;
    uint64_t a;
  };
  Switch home;
  Switch fibers[kFibers];
  size_t current = 0;
  uint64_t steps = 0;
  uint64_t limit = 0;
  uint64_t digest = 0;
  int64_t now_ns = 0;
  uint64_t drawn = 0;
  std::vector<Event> events;
};
template <typename Switch>
Ring<Switch>* the_ring = nullptr;

// What a fiber does between two switches; always at the same depth of calls.
template <typename Switch, int kDepth>
[[gnu::noinline]] void work(Ring<Switch>& ring) {
  if constexpr (kDepth > 0) {
    work<Switch, kDepth - 1>(ring);
    ring.digest ^= 1;  // keeps this from being a tail call
  } else {
    const size_t self = ring.current;
    ring.now_ns += 20;
    ring.digest =
        (((ring.digest << 23) | (ring.digest >> 41)) ^ ring.steps) * 0x9E37'79B9'7F4A'7C15ULL;
    ring.events.push_back({ring.steps, ring.now_ns, 1002, self});
    if (++ring.steps >= ring.limit) {
      Switch::go(ring.fibers[self], ring.home);
      return;
    }
    ring.drawn = sim::scramble(ring.drawn);
    const size_t next = (self + 1 + sim::below(ring.drawn, kFibers - 1)) % kFibers;
    ring.current = next;
    Switch::go(ring.fibers[self], ring.fibers[next]);
  }
}

template <typename Switch, int kDepth>
void loop_entry() {
  for (;;) work<Switch, kDepth>(*the_ring<Switch>);
}
template <typename Switch>
void bare_entry() {
  Ring<Switch>& ring = *the_ring<Switch>;
  for (;;) Switch::go(ring.fibers[ring.current], ring.home);
}
template <void (*kEntry)()>
void own_entry(sim::Fiber&) {
  kEntry();
}
template <void (*kEntry)()>
void boost_entry(context::transfer_t transfer) {
  static_cast<Boost*>(transfer.data)->place = transfer.fctx;
  kEntry();
}

template <typename Switch, void (*kEntry)(), typename Drive>
double measure(const Drive& drive) {
  sim::StackPool stacks(64 * 1024);
  Ring<Switch> ring;
  ring.events.reserve(kSwitches + 1);
  the_ring<Switch> = &ring;
  for (Switch& fiber : ring.fibers) {
    fiber.prepare(stacks.take(), &own_entry<kEntry>, &boost_entry<kEntry>);
  }
  drive(ring, kSwitches / 10);  // warms up
  ring.events.clear();
  ring.steps = 0;
  const Stopwatch stopwatch;
  drive(ring, kSwitches);
  const double ns = stopwatch.ns() / static_cast<double>(kSwitches);
  CHECK(ring.steps == kSwitches, "{} switches were made instead of {}", ring.steps, kSwitches);
  return ns;
}

template <typename Switch>
double bare() {
  return measure<Switch, &bare_entry<Switch>>([](Ring<Switch>& ring, uint64_t steps) {
    for (; ring.steps < steps; ++ring.steps) {
      ring.current = ring.steps % kFibers;
      Switch::go(ring.home, ring.fibers[ring.current]);
    }
  });
}

template <typename Switch, int kDepth>
double looped() {
  return measure<Switch, &loop_entry<Switch, kDepth>>([](Ring<Switch>& ring, uint64_t steps) {
    ring.limit = steps;
    Switch::go(ring.home, ring.fibers[ring.current]);
  });
}

}  // namespace

double bare_boost() { return bare<Boost>(); }
double bare_own() { return bare<Own>(); }
double loop_boost() { return looped<Boost, 0>(); }
double loop_own() { return looped<Own, 0>(); }
double deep_boost() { return looped<Boost, 3>(); }
double deep_own() { return looped<Own, 3>(); }
double bare_ratio() { return bare<Own>() / bare<Boost>(); }
double loop_ratio() { return looped<Own, 0>() / looped<Boost, 0>(); }
double deep_ratio() { return looped<Own, 3>() / looped<Boost, 3>(); }

}  // namespace orrery::bench
