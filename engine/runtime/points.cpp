// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/points.hpp"

namespace orrery::engine {

constinit thread_local Points* current_points = nullptr;

}  // namespace orrery::engine
