// SPDX-License-Identifier: Apache-2.0
// Sentences about what a store says of itself (engine/store/events.hpp).
#pragma once

#include <string>

#include "scenarios/run.hpp"

namespace orrery::reports {

/// Empty for an event of another kind.
std::string engine_sentence(const scenarios::Run& run, const sim::Event& event);

}  // namespace orrery::reports
