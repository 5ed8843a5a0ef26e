// SPDX-License-Identifier: Apache-2.0
#include "engine/real/steady_clock.hpp"

#include <time.h>

#include "engine/base/check.hpp"

namespace orrery::engine {

Instant SteadyClock::now() {
  timespec now{};
  const int failed = clock_gettime(CLOCK_MONOTONIC, &now);
  CHECK(failed == 0, "this machine has no monotonic clock");
  return {static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec};
}

}  // namespace orrery::engine
