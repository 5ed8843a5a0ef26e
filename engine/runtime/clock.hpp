// SPDX-License-Identifier: Apache-2.0
// Time as an engine sees it: monotonic, in nanoseconds, virtual in a simulated world.
#pragma once

#include "engine/base/units.hpp"

namespace orrery::engine {

class Clock {
 public:
  virtual Instant now() = 0;

 protected:
  ~Clock() = default;
};

}  // namespace orrery::engine
