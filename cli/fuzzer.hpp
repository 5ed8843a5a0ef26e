// SPDX-License-Identifier: Apache-2.0
// The process of a fuzz target: where its binary is, and one run of it with a log.
//
// The target may die of what it finds; that is an answer like any other. What it prints goes into
// the log, and what is known afterwards is read from there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/changes.hpp"

namespace orrery::cli {

/// The binary of a target beside `program`, which is this one; empty if it was not built.
std::string fuzzer_path(const std::string& program, const std::string& target);

/// The flags with which a target plays `scenario` with these changes.
std::vector<std::string> fuzzer_flags(const std::string& scenario, const fuzz::Changes& changes);

struct Fuzzed {
  int status = -1;                     // as wait() gives it
  uint64_t inputs = 0;                 // executed
  std::vector<std::string> artifacts;  // files with the inputs that it ended at
  std::string last_words;              // what it said when it died, in one line; empty if nothing
};

/// Runs the target to its end; all it prints is in `log` then.
Fuzzed run_fuzzer(const std::string& path, const std::vector<std::string>& arguments,
                  const std::string& log);

}  // namespace orrery::cli
