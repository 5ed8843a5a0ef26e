// SPDX-License-Identifier: Apache-2.0
// Starts a lambda as a task, in any world.
#pragma once

#include "engine/runtime/tasks.hpp"

namespace orrery::tests {

/// Starts a task that calls `body`, which must outlive it.
template <typename Body>
engine::TaskId start(engine::Tasks& tasks, engine::Name name, const Body& body) {
  const auto call = [](void* argument) { (*static_cast<const Body*>(argument))(); };
  return *tasks.spawn(name, call, const_cast<Body*>(&body));
}

}  // namespace orrery::tests
