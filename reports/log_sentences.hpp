// SPDX-License-Identifier: Apache-2.0
// Sentences about an append log: what it says of itself, and what its clients asked and were told
// (scenarios/ledger.hpp).
#pragma once

#include <string>

#include "sim/trace.hpp"

namespace orrery::reports {

/// Empty for an event of another kind. Addresses are those of the log.
std::string log_sentence(const sim::Event& event);

}  // namespace orrery::reports
