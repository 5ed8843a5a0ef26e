// SPDX-License-Identifier: Apache-2.0
// The contracts of Mutex, CondVar, Event, Latch and Semaphore: in the simulated world a lost
// wake-up is a deadlock, on the machine it is a test that hangs.
#include "engine/runtime/sync.hpp"

#include <algorithm>
#include <new>

#include "tests/engine/runtime/contract.hpp"
#include "tests/start.hpp"

namespace orrery::tests {

using engine::Atomic;
using engine::Runtime;

namespace {

constexpr int kTasks = 4;

template <typename Body>
void on_four_tasks(engine::Tasks& tasks, const Body& body) {
  engine::TaskId started[kTasks];
  for (int i = 0; i < kTasks; ++i) {
    started[i] = start(tasks, {"worker", static_cast<uint64_t>(i)}, body);
  }
  for (const engine::TaskId task : started) tasks.join(task);
}

}  // namespace

void mutex_excludes(const Runtime& runtime, Expect& expect) {
  engine::Mutex mutex(runtime.tasks);
  Atomic<uint64_t> counter{0};
  uint64_t plain = 0;
  on_four_tasks(runtime.tasks, [&] {
    for (int i = 0; i < 10; ++i) {
      const engine::Lock lock(mutex);
      // As everybody knows it should not be done without a lock.
      const uint64_t before = counter.load();
      counter.store(before + 1);
      ++plain;
    }
  });
  expect(counter.load() == 10 * kTasks, "two tasks were inside a mutex");
  expect(plain == 10 * kTasks, "two tasks were inside a mutex, and changed a plain variable");
}

void condition_passes_on(const Runtime& runtime, Expect& expect) {
  constexpr int kRoom = 2;
  engine::Mutex mutex(runtime.tasks);
  engine::CondVar filled(runtime.tasks);
  engine::CondVar emptied(runtime.tasks);
  Atomic<uint32_t> role{0};
  int inside = 0;
  int taken = 0;
  on_four_tasks(runtime.tasks, [&] {
    const bool produces = role.fetch_add(1) % 2 == 0;
    for (int i = 0; i < 6; ++i) {
      const engine::Lock lock(mutex);
      while (produces ? inside == kRoom : inside == 0) {
        (produces ? emptied : filled).wait(mutex);
      }
      inside += produces ? 1 : -1;
      taken += produces ? 0 : 1;
      (produces ? filled : emptied).notify_one();
    }
  });
  expect(taken == 12, "an item was lost or taken twice");
  expect(inside == 0, "an item was left");
}

void condition_wakes_all(const Runtime& runtime, Expect& expect) {
  engine::Mutex mutex(runtime.tasks);
  engine::CondVar opened(runtime.tasks);
  bool is_open = false;
  int passed = 0;
  const auto opener = [&] {
    const engine::Lock lock(mutex);
    is_open = true;
    opened.notify_all();
  };
  const engine::TaskId task = start(runtime.tasks, {"opener", 0}, opener);
  on_four_tasks(runtime.tasks, [&] {
    const engine::Lock lock(mutex);
    while (!is_open) opened.wait(mutex);
    ++passed;
  });
  runtime.tasks.join(task);
  expect(passed == kTasks, "somebody did not pass");
}

void condition_has_deadline(const Runtime& runtime, Expect& expect) {
  engine::Mutex mutex(runtime.tasks);
  engine::CondVar never(runtime.tasks);
  bool inside = false;
  const auto other = [&] {
    const engine::Lock lock(mutex);
    expect(!inside, "two tasks hold one mutex");
  };
  engine::TaskId task;
  {
    const engine::Lock lock(mutex);
    const engine::Instant end = runtime.clock.now() + engine::Duration{engine::kMillisecond};
    while (never.wait(mutex, end)) {
    }
    expect(runtime.clock.now() >= end, "a condition gave up before its deadline");
    inside = true;
    task = start(runtime.tasks, {"other", 0}, other);
    runtime.tasks.yield();
    inside = false;
  }
  runtime.tasks.join(task);
}

void event_releases_tickets(const Runtime& runtime, Expect& expect) {
  engine::Event moved(runtime.tasks);
  Atomic<uint32_t> place{0};
  const auto mover = [&] {
    for (int i = 0; i < 5; ++i) {
      place.fetch_add(1);
      moved.set();
    }
  };
  const engine::TaskId task = start(runtime.tasks, {"mover", 0}, mover);
  on_four_tasks(runtime.tasks, [&] {
    for (;;) {
      const uint32_t ticket = moved.ticket();
      if (place.load() == 5) return;
      moved.wait(ticket);
    }
  });
  runtime.tasks.join(task);
  expect(place.load() == 5, "an event moved too often");
}

void latch_opens(const Runtime& runtime, Expect& expect) {
  engine::Latch latch(runtime.tasks);
  int plain = 0;
  expect(!latch.is_open(), "a new latch is open");
  const auto opener = [&] {
    plain = 9;
    latch.open();
  };
  const engine::TaskId task = start(runtime.tasks, {"opener", 0}, opener);
  on_four_tasks(runtime.tasks, [&] {
    latch.wait();
    expect(plain == 9, "a latch opened before what came first was seen");
  });
  runtime.tasks.join(task);
  latch.wait();
  expect(latch.is_open(), "a latch closed again");
}

void semaphore_counts(const Runtime& runtime, Expect& expect) {
  engine::Semaphore places(runtime.tasks, 2);
  Atomic<uint32_t> inside{0};
  on_four_tasks(runtime.tasks, [&] {
    for (int i = 0; i < 6; ++i) {
      places.acquire();
      expect(inside.fetch_add(1) < 2, "a semaphore let in too many");
      inside.fetch_sub(1);
      places.release();
    }
  });
  expect(places.count() == 2, "a semaphore lost count");
}

// A request's latch lies on the stack or in the block of the one who waits for it.
void released_may_destroy(const Runtime& runtime, Expect& expect) {
  auto block = runtime.memory.allocate(sizeof(engine::Semaphore), 8, "semaphore");
  auto latched = runtime.memory.allocate(sizeof(engine::Latch), 8, "latch");
  if (!block || !latched) return expect(false, "there is no memory");
  auto* const semaphore = new (*block) engine::Semaphore(runtime.tasks);
  auto* const latch = new (*latched) engine::Latch(runtime.tasks);
  const auto releaser = [&] {
    semaphore->release();
    latch->open();
  };
  const engine::TaskId task = start(runtime.tasks, {"releaser", 0}, releaser);
  semaphore->acquire();
  runtime.memory.free(semaphore);
  latch->wait();
  runtime.memory.free(latch);
  runtime.tasks.join(task);
}

}  // namespace orrery::tests
