// SPDX-License-Identifier: Apache-2.0
// A subject for tests of the world: a few tasks that use every part of the boundary, in every way
// an engine may, and that survive every fault. Its runs always end well.
#pragma once

#include <cstring>
#include <optional>

#include "tests/sim/request.hpp"
#include "tests/sim/test_world.hpp"

namespace orrery::tests {

class Bustle {
 public:
  Bustle(TestWorld& world, uint64_t tasks, uint64_t operations)
      : world_(world), tasks_(tasks), operations_(operations) {}

  /// The first task of the run.
  void operator()() const {
    const engine::Runtime runtime = world_.runtime();
    auto opened = runtime.storage.open("bustle/data", {size_t{1} << 20, 512});
    if (!opened) return;
    Shared shared(runtime, **opened);
    const auto session = [&] {
      const uint64_t self = shared.next_session.fetch_add(1);
      for (uint64_t i = 0; i < operations_; ++i) {
        const engine::Actor actor({"op", self * 1000 + i});
        operate(shared, self, i);
      }
    };
    std::optional<engine::TaskId> started[16];
    const auto call = [](void* argument) { (*static_cast<decltype(session)*>(argument))(); };
    for (uint64_t t = 0; t < tasks_; ++t) {
      auto task = runtime.tasks.spawn({"session", t}, call,
                                      const_cast<void*>(static_cast<const void*>(&session)));
      if (task) started[t] = *task;
    }
    for (const auto& task : started) {
      if (task) runtime.tasks.join(*task);
    }
    engine::note(1, static_cast<int64_t>(shared.plain));
  }

 private:
  struct Shared {
    Shared(const engine::Runtime& with, engine::Device& on)
        : runtime(with), device(on), mutex(with.tasks), places(with.tasks, 2) {}
    engine::Runtime runtime;
    engine::Device& device;
    engine::Mutex mutex;
    engine::Semaphore places;
    engine::Atomic<uint64_t> next_session{0};
    engine::Atomic<uint64_t> counter{0};
    uint64_t plain = 0;  // under the mutex
  };

  static void operate(Shared& shared, uint64_t self, uint64_t i) {
    switch ((self + i) % 5) {
      case 0: return use_page(shared, self, i);
      case 1: return use_block(shared, self);
      case 2: return use_lock(shared);
      case 3: return use_spin(shared);
      default: return use_counter(shared);
    }
  }

  // A page is filled, written while it changes, and given back.
  static void use_page(Shared& shared, uint64_t self, uint64_t i) {
    const auto page = static_cast<int64_t>(self * 100 + i);
    auto frame = shared.runtime.frames.acquire(page, 2048);
    if (!frame) return;
    const engine::PageRef start = engine::PageRef::at(*frame, page, 0);
    start.store_word(shared.counter.load());
    start.plus(8).store<uint32_t>(static_cast<uint32_t>(i));
    Request request(shared.runtime.tasks);
    request.submit(shared.device, engine::IoKind::write, self * 2048, {(*frame)->base, 2048},
                   *frame);
    start.plus(64).store_word(i);
    (void)request.wait();
    shared.runtime.frames.renew(*frame, page + 50);
    shared.runtime.frames.retire(*frame);
  }

  static void use_block(Shared& shared, uint64_t self) {
    auto block = shared.runtime.memory.allocate(1024, 512, "bustle");
    if (!block) return;
    auto* const bytes = static_cast<std::byte*>(*block);
    if (transact(shared.runtime.tasks, shared.device, engine::IoKind::read, self * 2048,
                 {bytes, 1024}) == engine::Errc::ok) {
      shared.counter.fetch_add(static_cast<uint64_t>(bytes[0]));
    }
    shared.runtime.memory.free(*block);
  }

  static void use_lock(Shared& shared) {
    shared.places.acquire();
    {
      const engine::Lock lock(shared.mutex);
      const uint64_t before = shared.plain;
      shared.counter.fetch_add(1);
      shared.plain = before + 1;
    }
    shared.places.release();
  }

  static void use_spin(Shared& shared) {
    Request request(shared.runtime.tasks);
    request.submit(shared.device, engine::IoKind::sync, 0, {});
    while (!request.has_ended()) {
      if (!shared.device.try_complete()) shared.runtime.tasks.yield();
    }
    (void)request.wait();
  }

  static void use_counter(Shared& shared) {
    uint64_t seen = shared.counter.load();
    while (!shared.counter.compare_exchange(seen, seen * 3 + 1)) {
    }
  }

  TestWorld& world_;
  uint64_t tasks_;
  uint64_t operations_;
};

}  // namespace orrery::tests
