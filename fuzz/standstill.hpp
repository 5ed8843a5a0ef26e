// SPDX-License-Identifier: Apache-2.0
// A clock on the wall for runs that no longer move: engine code that loops without a point never
// comes back to the scheduler, and no budget of steps ends it.
//
// The world of this process is knocked at from time to time by SIGALRM. If nothing has moved
// between several knocks, the run ends as a broken promise (oracle `progress`), at a step that does
// not depend on the clock: no point has passed since the loop began. See sim/signals.hpp.
#pragma once

#include <cstdint>

namespace orrery::fuzz {

/// Starts to knock, so that a run which stands still for `limit_ms` is ended. Without a world
/// nothing happens, if it began before there was one. 0: stops knocking.
void watch_for_standstill(int64_t limit_ms);

}  // namespace orrery::fuzz
