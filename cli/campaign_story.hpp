// SPDX-License-Identifier: Apache-2.0
// All that is known of a campaign when it is over, for whoever tells it: the summary, JUnit.
#pragma once

#include <cstdint>
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
  std::string text;
  std::string again;  // what is typed behind the program's name to see it
};

struct CampaignStory {
  const Hunted& hunted;
  const fuzz::CampaignOrder& order;
  const fuzz::Campaign& campaign;
  std::vector<ToldFailure> failures;  // in order of their first run
  const std::vector<Differing>& nondeterminism;
  const std::vector<std::string>& harness_failures;
  uint64_t elsewhere = 0;            // of the runs that were played twice: in a fresh process, too
  uint64_t elsewhere_identical = 0;  // of these
};

}  // namespace orrery::cli
