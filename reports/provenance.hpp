// SPDX-License-Identifier: Apache-2.0
// Whose memory it was: the page lifetimes and the requests that a finding is about, with who began
// and ended each, when, and at which call.
#pragma once

#include <ostream>

#include "scenarios/run.hpp"

namespace orrery::reports {

/// Requires: the run has a finding.
void tell_provenance(const scenarios::Run& run, std::ostream& out);

/// The lifetime that ended when that of the frame which was really touched began: a frame that is
/// kept in place for its next page. 0 if there is none.
uint64_t lifetime_before(const scenarios::Run& run);

}  // namespace orrery::reports
