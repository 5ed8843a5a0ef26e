// SPDX-License-Identifier: Apache-2.0
// The process of a fuzz target: where its binary is, and one run of it with a log.
//
// The target may die of what it finds; that is an answer like any other. What it prints goes into
// the log, and what is known afterwards is read from there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "fuzz/changes.hpp"
#include "fuzz/interrupts.hpp"

namespace orrery::cli {

/// The binary of a target beside `program`, which is this one; empty if it was not built.
std::string fuzzer_path(const std::string& program, const std::string& target);

/// The flags with which a target plays `scenario` with these changes.
std::vector<std::string> fuzzer_flags(const std::string& scenario, const fuzz::Changes& changes);

/// The flag with which a target ends a run that stands still for half of that time. libFuzzer
/// knocks, and the world of the run answers (sim/signals.hpp): it is a broken promise like others.
std::string timeout_flag(int64_t hang_after_ms);

/// The files of a folder, with when each was last written: what a fuzzer leaves behind is what is
/// not in there beforehand. Slow inputs are left out: they are no failures.
using Files = std::map<std::string, std::filesystem::file_time_type>;
Files artifacts_in(const std::string& folder);
std::vector<std::string> left_behind(const Files& before, const Files& after);

struct Fuzzed {
  int status = -1;         // as wait() gives it; -1: there was no process, or nobody knows
  uint64_t inputs = 0;     // executed
  std::string last_words;  // what it said when it died, in one line; empty if nothing
  bool overdue = false;    // it did not stop, and was killed
};

struct FuzzerOrder {
  std::string path;  // the target's binary
  std::vector<std::string> arguments;
  std::string log;                               // all it prints is there afterwards
  int64_t patience_ms = 0;                       // it is killed then, whatever it does
  const fuzz::Interrupts* interrupts = nullptr;  // handed on to it, if they come
};

/// Runs the target to its end, in a process group of its own: what it has begun ends with it. It
/// ends with this process; of this process stopped (Ctrl-Z), or ended from outside, the group hears
/// nothing.
Fuzzed run_fuzzer(const FuzzerOrder& order);

}  // namespace orrery::cli
