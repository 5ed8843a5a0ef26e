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
#include "fuzz/interrupts.hpp"

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
  bool overdue = false;                // it did not stop, and was killed
};

struct FuzzerOrder {
  std::string path;  // the target's binary
  std::vector<std::string> arguments;
  std::string log;  // all it prints is there afterwards
  int64_t patience_ms =
      0;  // it is killed then, whatever it does: a run may have lost its own clock
  const fuzz::Interrupts* interrupts = nullptr;  // handed on to it, if they come
};

/// Runs the target to its end. It ends with this process.
Fuzzed run_fuzzer(const FuzzerOrder& order);

}  // namespace orrery::cli
