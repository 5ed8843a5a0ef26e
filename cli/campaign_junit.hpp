// SPDX-License-Identifier: Apache-2.0
// What a campaign found, sorted into the test cases of a JUnit report: one for each oracle that
// judged, one for determinism, one for the harness, and for a canary one that it must fail.
//
// A broken promise is a failure of its oracle's case. A run that was inconclusive fails nothing: it
// is counted in a property of the suite, and if no run came to a conclusion, all oracles are
// skipped. A defect of the harness is an error, of its own case alone.
#pragma once

#include <string>
#include <vector>

#include "cli/confirm.hpp"
#include "cli/hunt.hpp"

namespace orrery::cli {

/// A failure with what a fresh process said of it, if it was asked.
struct ToldFailure {
  fuzz::SignatureCount found;
  std::optional<Confirmation> confirmed;
};

struct CampaignStory {
  const Hunted& hunted;
  const fuzz::CampaignOrder& order;
  const fuzz::Campaign& campaign;
  std::vector<ToldFailure> failures;  // in order of their first run
  const std::vector<std::string>& nondeterminism;
  const std::vector<std::string>& harness_failures;
};

/// The whole XML document.
std::string junit_of(const CampaignStory& story);

}  // namespace orrery::cli
