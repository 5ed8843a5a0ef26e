// SPDX-License-Identifier: Apache-2.0
// A figure: one number that we promise something about, or that an ADR was decided by.
//
// It is one function, which takes one sample, and one row in catalogue.cpp. `./dev bench` takes
// nine samples of each, in turns so that a disturbance of the machine hits all alike, and prints
// the medians. A sample measures CPU time of its thread, unless its sentence says otherwise: other
// work on the machine costs little.
#pragma once

#include <span>
#include <string_view>

namespace orrery::bench {

enum class Wanted {
  at_most,
  at_least,
  nothing,  // there for comparison only
};

struct Figure {
  const char* name;
  const char* sentence;
  const char* unit;
  Wanted wanted;
  double goal;
  double (*sample)();  // in the unit
};

/// All figures, in the order in which they are printed.
std::span<const Figure> all_figures();

}  // namespace orrery::bench
