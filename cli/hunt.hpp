// SPDX-License-Identifier: Apache-2.0
// A campaign as the command line shows it: rows as JSON or a summary at the end, each new failure
// reproduced in a fresh process and saved as a tape before a word is said about it. A campaign that
// keeps going tells each at once as well, beside the progress, for it may not come to its summary.
#pragma once

#include <string>

#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "fuzz/campaign.hpp"
#include "fuzz/changes.hpp"

namespace orrery::cli {

struct Hunted {
  const scenarios::Scenario* scenario = nullptr;
  uint64_t seed = 0;  // of the campaign
  fuzz::Changes changes;
  std::string folder;
  std::string colour;
  std::string junit;  // a file; empty: none is wanted
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool guarded = false;                  // every run
  bool unchecked = false;                // no run is to be played twice, as was asked for
  double plain_every_s = kPlainSeconds;  // a line of progress where there is no terminal
  std::string options;                   // as they were given, for the command that goes on
  std::string hang_after;                // the same for one that replays: hang_after_again()
};

/// Returns the exit code.
int hunt(const Invocation& invocation, const Hunted& hunted, const fuzz::CampaignOrder& order);

}  // namespace orrery::cli
