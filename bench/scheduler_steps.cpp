// SPDX-License-Identifier: Apache-2.0
// What the scheduler costs: a step that switches, and a point that does not.
//
// Eight tasks do nothing but visible operations, with the digest on, and the run's own begin is in
// the time. A *step* ends in a switch to another task; a *point* nearly never does.
#include <vector>

#include "bench/player.hpp"
#include "bench/stopwatch.hpp"
#include "sim/tape.hpp"

namespace orrery::bench {
namespace {

constexpr uint64_t kSteps = 2'500;    // of each task, where every step switches
constexpr uint64_t kPoints = 20'000;  // of each task, where few do
constexpr int kRuns = 20;             // a sample

using engine::Atomic;

/// Preempts at every point; who runs instead is drawn.
class EveryPoint final : public sim::Source {
 public:
  explicit EveryPoint(uint64_t seed) : seed_(sim::scramble(seed)) {}
  uint64_t next_preemption(uint64_t, uint64_t from) override { return from; }
  int pick(const sim::Address& at, std::span<const uint64_t> candidates) override {
    const uint64_t drawn = sim::mix(seed_, at.key, at.occurrence);
    return static_cast<int>(sim::below(drawn, candidates.size()));
  }
  uint64_t choose(const sim::Address&, uint64_t) override { return 0; }

 private:
  uint64_t seed_;
};

/// Nanoseconds per point of kRuns runs; `source_of(i)` answers in the i-th.
template <typename SourceOf>
double ns_per_point(const SourceOf& source_of) {
  sim::World world;
  uint64_t points = 0;
  double ns = 0;
  for (int i = 0; i <= kRuns; ++i) {
    auto source = source_of(static_cast<uint64_t>(i));
    const Stopwatch stopwatch;
    play(world, source, [&] {
      Atomic<uint64_t> words[8];
      on_eight_tasks(world.runtime().tasks, kPoints, [&](uint64_t k) {
        const engine::Name name{"operation", k};
        if (k % 64 == 0) {
          const engine::Actor actor(name);
          words[k % 8].fetch_add(1);
        } else {
          words[k % 8].fetch_add(1);
        }
      });
    });
    if (i == 0) continue;  // warms up
    ns += stopwatch.ns();
    points += world.scheduler().points();
  }
  return ns / static_cast<double>(points);
}

template <typename SourceOf, typename Step>
double ns_per_switch(const SourceOf& source_of, const Step& step) {
  sim::World world;
  uint64_t switches = 0;
  double ns = 0;
  for (int i = 0; i <= kRuns; ++i) {
    auto source = source_of(static_cast<uint64_t>(i));
    const Stopwatch stopwatch;
    play(world, source, [&] {
      Atomic<uint64_t> word{0};
      engine::Tasks& tasks = world.runtime().tasks;
      on_eight_tasks(tasks, kSteps, [&](uint64_t) { step(tasks, word); });
    });
    if (i == 0) continue;
    ns += stopwatch.ns();
    switches += world.scheduler().switches();
  }
  CHECK(switches > kRuns * kSteps * 7, "only {} steps switched", switches);
  return ns / static_cast<double>(switches);
}

constexpr auto kCalm = [](uint64_t) { return sim::Calm(); };

}  // namespace

double bare_step_rotating() {
  return ns_per_switch(kCalm, [](engine::Tasks& tasks, Atomic<uint64_t>& word) {
    word.fetch_add(1);
    tasks.yield();
  });
}

double bare_step_drawn() {
  return ns_per_switch([](uint64_t i) { return EveryPoint(i); },
                       [](engine::Tasks&, Atomic<uint64_t>& word) { word.fetch_add(1); });
}

double point_seeded() {
  return ns_per_point([](uint64_t i) { return sim::Seeded(i, sim::Temper::drawn_from(i)); });
}

double point_calm() { return ns_per_point(kCalm); }

double point_replayed() {
  // Twenty switches, spread over the actors of the run.
  std::vector<sim::Deviation> tape;
  for (uint64_t i = 0; i < 20; ++i) {
    sim::Deviation one{{"task", i % 8, 0, 0}, sim::Ask::preempt, 700 * i, 0, {}};
    one.task = {"task", (i + 3) % 8, 0, 0};
    tape.push_back(one);
  }
  const std::vector<sim::Deviated> plain = deviated(tape);
  return ns_per_point([&](uint64_t) { return sim::Replayed(plain); });
}

}  // namespace orrery::bench
