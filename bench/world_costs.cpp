// SPDX-License-Identifier: Apache-2.0
// What a world costs beside its points: a fault caught, and the reset between two runs.
#include <cstring>

#include "bench/player.hpp"
#include "bench/stopwatch.hpp"
#include "engine/runtime/sync.hpp"

namespace orrery::bench {
namespace {

volatile uintptr_t bad_address = 64;  // not to be seen by the compiler

/// A run of about 20,000 points that touches what the run of a small engine touches: 64 pages of
/// 4 KiB, 200 blocks, a device of 256 KiB.
void play_typically(sim::World& world) {
  const engine::Runtime runtime = world.runtime();
  run(world, [&] {
    engine::Device& device = **runtime.storage.open("bench/data", {});
    engine::Semaphore ended(runtime.tasks);
    engine::Io io[64];
    engine::Frame* frames[64];
    for (int64_t page = 0; page < 64; ++page) {
      engine::Frame* const frame = *runtime.frames.acquire(page, 4096);
      frames[page] = frame;
      std::memset(frame->base, 1, 4096);
      engine::Io& one = io[page];
      one.kind = engine::IoKind::write;
      one.offset = static_cast<uint64_t>(page) * 4096;
      one.length = 4096;
      one.buffer = frame->base;
      one.frame = frame;
      one.owner = &ended;
      one.done = [](engine::Io& done) { static_cast<engine::Semaphore*>(done.owner)->release(); };
      device.submit(one);
    }
    engine::Atomic<uint64_t> word{0};
    on_eight_tasks(runtime.tasks, 25, [&](uint64_t i) {
      const engine::Actor actor({"operation", i});
      void* const block = *runtime.memory.allocate(512, 8, "bench");
      std::memset(block, 1, 512);
      for (int k = 0; k < 100; ++k) word.fetch_add(1);
      runtime.memory.free(block);
    });
    for (int i = 0; i < 64; ++i) ended.acquire();
    for (engine::Frame* frame : frames) runtime.frames.retire(frame);
  });
}

/// Time in begin() and in all, over some runs.
struct Parts {
  double begin_ns = 0;
  double all_ns = 0;
  int runs = 200;
};
Parts measure_parts() {
  sim::World world;
  Parts parts;
  for (int i = -1; i < parts.runs; ++i) {
    const auto seed = static_cast<uint64_t>(i + 1);
    sim::Seeded source(seed, sim::Temper::drawn_from(seed));
    const Stopwatch all;
    const Stopwatch begin;
    world.begin(source, {}, {});
    const double begin_ns = begin.ns();
    play_typically(world);
    if (i < 0) continue;
    parts.begin_ns += begin_ns;
    parts.all_ns += all.ns();
  }
  return parts;
}

}  // namespace

double violation_caught() {
  constexpr int kFaults = 2'000;
  sim::World world;
  sim::Calm calm;
  double ns[2] = {};
  for (int i = 0; i < 2 * kFaults; ++i) {
    const bool faults = i % 2 == 0;
    world.begin(calm, {}, {});
    const Stopwatch stopwatch;
    run(world, [&] {
      if (faults) *reinterpret_cast<volatile int*>(bad_address) = 1;
    });
    ns[i % 2] += stopwatch.ns();
    CHECK((world.scheduler().failure() != nullptr) == faults, "run {} ended otherwise", i);
  }
  return (ns[0] - ns[1]) / kFaults / 1'000;
}

double begin_in_place() {
  const Parts parts = measure_parts();
  return parts.begin_ns / parts.runs / 1'000;
}

double begin_share() {
  const Parts parts = measure_parts();
  return 100 * parts.begin_ns / parts.all_ns;
}

}  // namespace orrery::bench
