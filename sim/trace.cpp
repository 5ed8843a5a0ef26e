// SPDX-License-Identifier: Apache-2.0
#include "sim/trace.hpp"

namespace orrery::sim {

void Trace::clear() {
  events.clear();
  tasks.clear();
  lifetimes.clear();
  requests.clear();
  taken.clear();
}

}  // namespace orrery::sim
