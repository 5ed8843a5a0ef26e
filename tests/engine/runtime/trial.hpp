// SPDX-License-Identifier: Apache-2.0
// What the boundary of an engine promises where the world goes wrong, as bodies for any world.
//
// A trial has three parts: before, during and after the trouble. Each may be another life of the
// process: it opens what it needs, and closes it. They judge as contracts do (contract.hpp), and
// where a world is free, they allow all that it may do: bytes of a failed write are the old or the
// new ones, sector by sector. Which error it is does not matter to an engine, and not here.
//
// trials_test.cpp plays them in the simulated world, which makes the trouble of its faults, and
// tests/engine/real/trials_test.cpp on the machine, where it is the kernel's.
#pragma once

#include <cstdint>
#include <span>

#include "tests/engine/runtime/contract.hpp"

namespace orrery::tests {

enum class Trouble : uint8_t {
  full_disk,        // no write succeeds, unless it replaces something
  small_files,      // nor does one that ends beyond kFileMax
  broken_disk,      // no read, write or sync succeeds
  read_only,        // nothing can be made, changed or removed
  broken_names,     // names cannot be listed, removed or synced
  short_transfers,  // a transfer may end early
  no_memory,        // sooner or later no block and no frame is given
  kill,             // the process is killed when `during` returns
};

inline constexpr uint64_t kFileMax = 4096;  // bytes

struct Trial {
  using Part = void (*)(const engine::Runtime& runtime, Expect& expect);
  const char* name;
  Trouble trouble;
  Part before;
  Part during;  // in each world its trouble must have been seen, by it or by who made it
  Part after;
};

std::span<const Trial> all_trials();

}  // namespace orrery::tests
