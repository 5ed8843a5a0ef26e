// SPDX-License-Identifier: Apache-2.0
// Whose memory it was: the page lifetimes and the requests that a finding is about, with who began
// and ended each, when, and at which call.
#pragma once

#include <ostream>

#include "scenarios/run.hpp"

namespace orrery::reports {

/// Requires: the run has a finding.
void tell_provenance(const scenarios::Run& run, std::ostream& out);

}  // namespace orrery::reports
