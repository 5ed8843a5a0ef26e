// SPDX-License-Identifier: Apache-2.0
// What a campaign came to, in words, at its end: each failure with the commands that show it again,
// why runs came to no conclusion, what became of each planted bug, and what was never seen.
#pragma once

#include <cstdint>

#include "cli/campaign_story.hpp"

namespace orrery::cli {

/// Prints it as a result.
void tell_summary(const Invocation& invocation, const CampaignStory& story);

/// The failures alone, where progress goes: a full disk must not hide what was found.
void tell_without_output(const Invocation& invocation, const CampaignStory& story);

/// 0 where no time has gone by.
double per_second(uint64_t count, double seconds);

}  // namespace orrery::cli
