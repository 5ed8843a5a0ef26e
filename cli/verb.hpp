// SPDX-License-Identifier: Apache-2.0
// A verb: what one command line asks for. Words in, exit code out.
//
// Results go to `out`, progress and chatter to `err`. A verb never asks a question. Wrong usage is
// one line on `err` with the nearest valid name, exit code 2, and nothing written anywhere. One
// file a verb; main.cpp holds the table.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::cli {

/// 77 and 99 mean "skipped" and "hard error" to meson, 124 to 127 belong to shells: not ours.
enum ExitCode : int {
  kOk = 0,              // nothing violated; the recorded failure did not occur
  kFound = 1,           // a promise was broken; a replay reproduced it
  kUsage = 2,           // wrong usage
  kNondeterminism = 3,  // the same run gave two digests
  kMisfit = 4,        // nothing concluded: the tape does not fit this build, or nothing failed and
                      // a run was inconclusive
  kHarness = 5,       // a defect of the harness, a full disk
  kGoalNotMet = 6,    // a canary was not found, there was nothing to shrink
  kInterrupted = 75,  // stopped early by Ctrl-C, whatever had failed by then: that is told
};

struct Invocation {
  std::vector<std::string> arguments;  // after the verb
  std::string program;                 // a path that runs this very binary again
  std::string called;                  // the word that runs it again in the caller's own shell
  std::ostream& out;
  std::ostream& err;
};

/// A word as a shell wants it: quoted if it has to be.
std::string shell_word(std::string_view word);

/// Says what is wrong and returns the exit code for it.
int usage_error(const Invocation& invocation, std::string_view wrong);

int run_list(const Invocation& invocation);
int run_run(const Invocation& invocation);
int run_replay(const Invocation& invocation);
int run_shrink(const Invocation& invocation);
int run_fuzz(const Invocation& invocation);
int run_doctor(const Invocation& invocation);

}  // namespace orrery::cli
