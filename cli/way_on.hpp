// SPDX-License-Identifier: Apache-2.0
// How to go on with a campaign that was stopped early.
#pragma once

#include <cstdint>
#include <string>

#include "cli/hunt.hpp"

namespace orrery::cli {

/// The command that plays what is left from run `next` on when `seconds` have gone by. Empty: no
/// run is left.
///
/// A campaign is a pure function of its seed and the number of a run, so all that is needed to go
/// on is a number.
std::string way_on(const Invocation& invocation, const Hunted& hunted,
                   const fuzz::CampaignOrder& order, uint64_t next, double seconds);

/// What the first Ctrl-C says from now on: a second one leaves no time for it.
void say_on_interrupt(const std::string& command);

}  // namespace orrery::cli
