// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/points.hpp"

namespace orrery::engine {

#if !defined(ORRERY_NO_HOOKS)
constinit thread_local Points* current_points = nullptr;
#endif

}  // namespace orrery::engine
