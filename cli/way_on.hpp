// SPDX-License-Identifier: Apache-2.0
// Why a campaign was stopped early, how to go on with it, and how to play one of its runs again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/hunt.hpp"

namespace orrery::cli {

/// Why not all was played that was asked for, in one word for machines: "interrupted" (Ctrl-C),
/// "harness" (too much went wrong in it), "output" (no row could be written any more). Empty: all
/// was, or a finding ended it.
std::string_view why_early(const fuzz::Campaign& campaign, const fuzz::CampaignOrder& order);

/// The command that plays what is left from run `next` on when `seconds` have gone by. Empty: no
/// run is left.
///
/// A campaign is a pure function of its seed and the number of a run, so all that is needed to go
/// on is a number.
std::string way_on(const Invocation& invocation, const Hunted& hunted,
                   const fuzz::CampaignOrder& order, uint64_t next, double seconds);

/// What is typed behind the program's name to play one run again, and to wait for it as long.
std::string replay_words(const Hunted& hunted, uint64_t seed);
/// The same to have it played by a campaign once more, and twice: of what its replay does not show.
std::string run_again_words(const Hunted& hunted, uint64_t index);

/// What the first Ctrl-C says from now on: a second one leaves no time for it.
void say_on_interrupt(const std::string& command);

}  // namespace orrery::cli
