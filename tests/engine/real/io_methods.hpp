// SPDX-License-Identifier: Apache-2.0
// In which ways a machine can carry out requests here. Every promise holds in each of them.
#pragma once

#include <vector>

#include "engine/real/machine.hpp"

namespace orrery::tests {

struct IoWay {
  const char* name;
  engine::IoMethod method;
  bool direct;
};

/// All; without those of the ring where the kernel gives us none, which is said once.
std::vector<IoWay> io_ways();

}  // namespace orrery::tests
