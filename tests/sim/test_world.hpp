// SPDX-License-Identifier: Apache-2.0
// A world for tests: plays lambdas as tasks, and says in one line how a run ended.
//
// Assertions stand on the test's own stack, after the run: an exception must not leave a task, and
// a task may be dropped at any point. What a task finds out it leaves in plain variables of the
// test. A test makes its own TestWorld inside the test case: Catch2 installs signal handlers around
// each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/runtime/sync.hpp"
#include "sim/sources.hpp"
#include "sim/tape.hpp"
#include "sim/world.hpp"
#include "tests/start.hpp"

namespace orrery::tests {

struct TestWorld {
  // Sources live as long as a run that may go on after a crash.
  sim::Calm calm;
  std::optional<sim::Seeded> seeded;
  std::optional<sim::Replayed> replayed;
  sim::World world;
  sim::Laws laws;
  std::vector<sim::Fault*> faults;

  engine::Runtime runtime() { return world.runtime(); }
  sim::Scheduler& scheduler() { return world.scheduler(); }

  /// Begins a run and plays `body` as its first task.
  template <typename Body>
  void play(sim::Source& source, const Body& body) {
    world.begin(source, laws, faults);
    go_on(body);
  }
  template <typename Body>
  void play_calmly(const Body& body) {
    play(calm, body);
  }
  template <typename Body>
  void play_seed(uint64_t seed, const Body& body) {
    seeded.emplace(seed, sim::Temper::drawn_from(seed));
    play(*seeded, body);
  }
  /// Another incarnation, after a crash. The source goes on answering.
  template <typename Body>
  void go_on(const Body& body) {
    const auto call = [](void* argument) { (*static_cast<const Body*>(argument))(); };
    world.run({"main", 0}, call, const_cast<Body*>(&body));
  }

  /// Plays the deviations that the run before took. They are copied first.
  template <typename Body>
  void replay(const Body& body) {
    replayed.emplace(deviated(deviations_of(world.trace().taken)));
    play(*replayed, body);
  }

  /// "ok", or the oracle and the label of what went wrong.
  std::string verdict() const {
    if (world.scheduler().inconclusive()) return "inconclusive";
    const sim::Failure* const failure = world.scheduler().failure();
    if (failure == nullptr) return "ok";
    return std::string(failure->oracle.view()) + ": " + std::string(failure->label.view());
  }
  std::string text() const {
    const sim::Failure* const failure = world.scheduler().failure();
    return failure == nullptr ? std::string() : std::string(failure->text.view());
  }
};

}  // namespace orrery::tests
