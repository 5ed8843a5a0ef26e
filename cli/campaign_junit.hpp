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
#include <vector>

#include "cli/confirmations.hpp"
#include "cli/hunt.hpp"

namespace orrery::cli {

/// A failure, and the run of it that a fresh process has reproduced; null if none has.
struct ToldFailure {
  fuzz::SignatureCount found;
  const Confirmed* confirmed = nullptr;
};

/// A run that gave two results.
struct Differing {
  uint64_t seed = 0;
  std::string text;
  std::string again;  // the command that shows it; empty: a replay does
};

struct CampaignStory {
  const Hunted& hunted;
  const fuzz::CampaignOrder& order;
  const fuzz::Campaign& campaign;
  std::vector<ToldFailure> failures;  // in order of their first run
  const std::vector<Differing>& nondeterminism;
  const std::vector<std::string>& harness_failures;
};

/// The whole XML document.
std::string junit_of(const CampaignStory& story);

}  // namespace orrery::cli
