// SPDX-License-Identifier: Apache-2.0
// The contracts of Clock and Tasks.
#include "tests/engine/runtime/contract.hpp"
#include "tests/start.hpp"

namespace orrery::tests {

using engine::Atomic;
using engine::Runtime;

void waits_for_deadline(const Runtime& runtime, Expect& expect) {
  Atomic<uint32_t> never{0};
  for (const int64_t length : {int64_t{0}, engine::kMicrosecond, engine::kMillisecond}) {
    const engine::Instant start = runtime.clock.now();
    const engine::Instant end = start + engine::Duration{length};
    while (runtime.tasks.wait(never, 0, end)) {
    }
    const engine::Instant now = runtime.clock.now();
    expect(now >= end, "a wait ended before its deadline");
    expect(runtime.clock.now() >= now, "time went back");
  }
}

void runs_and_joins(const Runtime& runtime, Expect& expect) {
  int before = 0;  // plain, because spawn and join order them
  int runs = 0;
  before = 7;
  const auto body = [&] {
    expect(before == 7, "a task does not see what was before its start");
    ++runs;
  };
  const engine::TaskId first = start(runtime.tasks, {"first", 0}, body);
  runtime.tasks.join(first);
  expect(runs == 1, "a task did not run once");
  const engine::TaskId second = start(runtime.tasks, {"second", 0}, body);
  runtime.tasks.yield();
  runtime.tasks.join(second);
  expect(runs == 2, "a second task did not run once");
}

void knows_itself(const Runtime& runtime, Expect& expect) {
  constexpr int kStarted = 4;
  uint64_t ids[kStarted + 1] = {};
  ids[kStarted] = runtime.tasks.self().id;
  Atomic<uint32_t> next{0};
  const auto body = [&] {
    engine::Self& self = runtime.tasks.self();
    ids[next.fetch_add(1)] = self.id;
    expect(self.epoch_slot == 0, "a new task is in an epoch");
    runtime.tasks.yield();
    expect(&runtime.tasks.self() == &self, "a task became another");
  };
  engine::TaskId started[kStarted];
  for (engine::TaskId& task : started) task = start(runtime.tasks, {"task", 0}, body);
  for (const engine::TaskId task : started) runtime.tasks.join(task);
  expect(runtime.tasks.self().id == ids[kStarted], "the first task became another");
  for (int i = 0; i <= kStarted; ++i) {
    expect(ids[i] != 0, "a task has no identity");
    for (int k = 0; k < i; ++k) expect(ids[i] != ids[k], "two tasks have one identity");
  }
}

void looks_before_it_waits(const Runtime& runtime, Expect& expect) {
  Atomic<uint32_t> word{3};
  expect(runtime.tasks.wait(word, 2), "a wait without a deadline missed it");
  const engine::Instant later = runtime.clock.now() + engine::Duration{3600'000 * 1'000'000LL};
  expect(runtime.tasks.wait(word, 2, later), "a wait on another value missed its deadline");
  const engine::Instant past = runtime.clock.now();
  for (int tries = 0; runtime.tasks.wait(word, 3, past); ++tries) {
    if (tries < 1000) continue;
    return expect(false, "a deadline that has passed does not end a wait");
  }
}

void wakes_who_waits(const Runtime& runtime, Expect& expect) {
  constexpr uint32_t kTurns = 20;
  engine::Tasks& tasks = runtime.tasks;
  Atomic<uint32_t> turn{0};
  uint32_t plain = 0;  // belongs to whose turn it is
  const auto play = [&](uint32_t own) {
    for (uint32_t i = own; i < kTurns; i += 2) {
      for (uint32_t seen = turn.load(); seen != i; seen = turn.load()) tasks.wait(turn, seen);
      expect(plain++ == i, "a turn was taken twice");
      turn.store(i + 1);
      tasks.wake(turn, 1);
    }
  };
  const auto other = [&] { play(1); };
  const engine::TaskId task = start(tasks, {"other", 0}, other);
  play(0);
  tasks.join(task);
  expect(plain == kTurns, "a turn is missing");
}

void wakes_everybody(const Runtime& runtime, Expect& expect) {
  constexpr int kStarted = 4;
  engine::Tasks& tasks = runtime.tasks;
  Atomic<uint32_t> gate{0};
  Atomic<uint32_t> passed{0};
  const auto body = [&] {
    while (gate.load() == 0) tasks.wait(gate, 0);
    passed.fetch_add(1);
  };
  engine::TaskId started[kStarted];
  for (engine::TaskId& task : started) task = start(tasks, {"waiter", 0}, body);
  tasks.yield();
  gate.store(1);
  tasks.wake(gate, engine::kEverybody);
  for (const engine::TaskId task : started) tasks.join(task);
  expect(passed.load() == kStarted, "somebody did not pass");
}

void yields_to_others(const Runtime& runtime, Expect& expect) {
  Atomic<uint32_t> flag{0};
  int plain = 0;
  const auto body = [&] {
    plain = 5;
    flag.store(1);
  };
  const engine::TaskId task = start(runtime.tasks, {"setter", 0}, body);
  while (flag.load() == 0) runtime.tasks.yield();
  expect(plain == 5, "a store was seen before what came first");
  runtime.tasks.join(task);
}

}  // namespace orrery::tests
