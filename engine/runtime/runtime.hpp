// SPDX-License-Identifier: Apache-2.0
// The boundary between a storage engine and the world it runs in: this bundle, given to
// constructors, and nothing else.
//
// The engine has no other clock, thread, lock, file, page or allocation. On the real side the
// bundle is made of threads, futexes, files and mapped memory; in simulation, of fibers, virtual
// time and a modelled device. One binary of the engine serves both, and it cannot tell which one it
// got.
//
//   Clock     now                                     clock.hpp
//   Tasks     self spawn join yield wait wake         tasks.hpp, sync.hpp above it
//   Storage   open remove list sync_names             device.hpp
//   Device    submit cancel try_complete truncate_until reset close size
//   Frames    acquire renew retire                    frames.hpp; PageRef is how bytes are touched
//   Memory    allocate free                           memory.hpp
//   Points    the hook behind Atomic and PageRef      points.hpp, atomic.hpp
#pragma once

#include "engine/runtime/clock.hpp"
#include "engine/runtime/device.hpp"
#include "engine/runtime/frames.hpp"
#include "engine/runtime/memory.hpp"
#include "engine/runtime/tasks.hpp"

namespace orrery::engine {

struct Runtime {
  Clock& clock;
  Tasks& tasks;
  Storage& storage;
  Frames& frames;
  Memory& memory;
};

}  // namespace orrery::engine
