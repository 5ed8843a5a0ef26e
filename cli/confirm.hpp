// SPDX-License-Identifier: Apache-2.0
// No failure is announced before a fresh process has reproduced it.
//
// The run is replayed by this binary, started anew: from its seed, guarded, and then from the
// deviations that it took, which must give the same digest; the tape is saved on the way. What
// comes back is compared with what the worker saw.
#pragma once

#include <string>

#include "cli/verb.hpp"
#include "fuzz/changes.hpp"
#include "reports/run_row.hpp"

namespace orrery::cli {

enum class Outcome : uint8_t {
  reproduced,
  differs,  // another verdict, signature or digest: nondeterminism
  harness,  // the process could not say
};

struct Confirmation {
  Outcome outcome = Outcome::harness;
  std::string signature;  // as the guarded replay gives it
  std::string tape;       // the file; empty if none could be saved
  bool died = false;      // it took the fresh process along, so there is no tape
  std::string text;       // what differs, or what went wrong
};

/// `folder` is where the tape goes.
Confirmation confirm(const Invocation& invocation, const scenarios::Scenario& scenario,
                     const reports::RunRow& row, const fuzz::Changes& changes,
                     const std::string& folder);

/// The name of the tape file of a run.
std::string tape_path(const std::string& folder, const char* scenario, uint64_t seed);

/// Runs a program to its end. `status` is as wait() gives it; what it prints is returned.
std::string output_of(const std::string& program, const std::vector<std::string>& arguments,
                      int& status);

}  // namespace orrery::cli
