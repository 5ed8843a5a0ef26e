// SPDX-License-Identifier: Apache-2.0
// What a report is given: a run, and what is known about it besides.
#pragma once

#include <span>
#include <string>

#include "scenarios/run.hpp"

namespace orrery::reports {

/// What became of the run when one deviation alone was left out. In the order of the run's own.
struct Need {
  sim::Deviation deviation;
  std::string without;  // "the run is ok", "it fails differently: ..."
};

struct Telling {
  const scenarios::Run& run;
  std::span<const Need> needs = {};  // after a shrink; empty otherwise
};

/// What became of the run without the deviation; empty if nobody tried.
std::string without(const Telling& telling, const sim::Taken& taken);

}  // namespace orrery::reports
