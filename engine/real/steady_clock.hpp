// SPDX-License-Identifier: Apache-2.0
// The machine's monotonic clock. Instants count from the start of the machine, as futexes do.
#pragma once

#include "engine/runtime/clock.hpp"

namespace orrery::engine {

class SteadyClock final : public Clock {
 public:
  Instant now() override;
};

}  // namespace orrery::engine
