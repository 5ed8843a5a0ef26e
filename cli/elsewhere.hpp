// SPDX-License-Identifier: Apache-2.0
// The same run in a process that was executed anew.
//
// All workers of a campaign are forks of one image: what is static (a function, a constant, a
// virtual table) lies at one address in all of them, and in both plays of a run that is played
// twice. A process of its own has its program and its libraries elsewhere, so that what depends on
// their addresses shows. It costs as much as starting a program does, so few runs are played there.
#pragma once

#include <string>

#include "cli/confirm.hpp"

namespace orrery::cli {

/// Plays the run there and compares. `text` of what differs says how, and names the first event in
/// which two such processes part, if it can be found. If a broken promise is seen there, the row is
/// that failure afterwards, and `outcome` says nothing. Requires: the run did not fail.
Confirmation play_elsewhere(const Invocation& invocation, const scenarios::Scenario& scenario,
                            reports::RunRow& row, const fuzz::Changes& changes,
                            int64_t hang_after_ms);

}  // namespace orrery::cli
