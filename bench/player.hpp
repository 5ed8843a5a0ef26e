// SPDX-License-Identifier: Apache-2.0
// Plays lambdas as tasks of a world, and makes sure that a measured run was a good one.
#pragma once

#include <cstdint>

#include "engine/base/check.hpp"
#include "sim/sources.hpp"
#include "sim/world.hpp"

namespace orrery::bench {

/// Requires: `body` outlives the task.
template <typename Body>
engine::TaskId start(engine::Tasks& tasks, engine::Name name, const Body& body) {
  const auto call = [](void* argument) { (*static_cast<const Body*>(argument))(); };
  return *tasks.spawn(name, call, const_cast<Body*>(&body));
}

/// Runs `body` as the first task of a run that has begun.
template <typename Body>
void run(sim::World& world, const Body& body) {
  const auto call = [](void* argument) { (*static_cast<const Body*>(argument))(); };
  world.run({"main", 0}, call, const_cast<Body*>(&body));
}

template <typename Body>
void play(sim::World& world, sim::Source& source, const Body& body) {
  world.begin(source, {}, {});
  run(world, body);
  VERIFY(world.scheduler().failure() == nullptr, "a measured run failed: {}",
         world.scheduler().failure()->text.view());
}

/// Eight tasks that call `one_step(i)` so many times each.
template <typename Step>
void on_eight_tasks(engine::Tasks& tasks, uint64_t steps, const Step& one_step) {
  const auto body = [&] {
    for (uint64_t i = 0; i < steps; ++i) one_step(i);
  };
  engine::TaskId started[8];
  for (uint64_t i = 0; i < 8; ++i) started[i] = start(tasks, {"task", i}, body);
  for (const engine::TaskId task : started) tasks.join(task);
}

}  // namespace orrery::bench
