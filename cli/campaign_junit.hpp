// SPDX-License-Identifier: Apache-2.0
// What a campaign found, sorted into the test cases of a JUnit report: one for each oracle that
// judged, one for determinism, one for the harness, and for a canary one that it must fail.
//
// A broken promise is a failure of its oracle's case, and an error as long as no fresh process has
// reproduced it. A run that was inconclusive fails no oracle: it is an error of a case of its own,
// and if no run came to a conclusion, all oracles are skipped. A defect of the harness is an error,
// of its own case alone.
#pragma once

#include <string>

#include "cli/campaign_story.hpp"

namespace orrery::cli {

/// The whole XML document.
std::string junit_of(const CampaignStory& story);

}  // namespace orrery::cli
