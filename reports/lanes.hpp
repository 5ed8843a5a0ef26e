// SPDX-License-Identifier: Apache-2.0
// Lanes around the failure: a column for each of the few tasks that it is about, one more for all
// others, and rows that are events in order, with a mark where the run left the calm one (">", "<-
// deviation 2") and where the promise broke ("!").
#pragma once

#include <ostream>

#include "reports/telling.hpp"

namespace orrery::reports {

/// The deviations of a run that are worth telling: all of a shrunk one, else the last before the
/// end.
inline constexpr size_t kDeviationsTold = 12;
size_t first_deviation_told(const Telling& telling);

/// Requires: the run has a finding.
void tell_lanes(const Telling& telling, std::ostream& out);

}  // namespace orrery::reports
