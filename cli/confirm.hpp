// SPDX-License-Identifier: Apache-2.0
// No failure is announced before a fresh process has reproduced it.
//
// The run is replayed by this binary, started anew: from its seed, guarded, and then from the
// deviations that it took, which must give the same digest; the tape is saved on the way. What
// comes back is compared with what the worker saw.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/verb.hpp"
#include "fuzz/changes.hpp"
#include "fuzz/interrupts.hpp"
#include "reports/run_row.hpp"

namespace orrery::cli {

enum class Outcome : uint8_t {
  reproduced,
  differs,  // another verdict, signature or digest: nondeterminism
  harness,  // the process could not say
};

/// What a program printed, and how it ended.
struct Output {
  std::string out;
  std::string err;
  int status = -1;           // as wait() gives it
  bool started = false;      // else there was no process to be had, and `err` says why
  bool overdue = false;      // it was killed because it took too long: how it ended says nothing
  bool interrupted = false;  // it was killed because Ctrl-C came: the same
  bool heard = false;        // else nobody knows how it ended: `status` says nothing
};

struct Confirmation {
  Outcome outcome = Outcome::harness;
  std::string signature;       // as the guarded replay gives it
  std::string digest;          // of who played it elsewhere, as he gives it; empty if nobody did
  std::string tape;            // the file; empty if none could be saved
  std::string unsaved;         // why not, as who was to save it says; empty if he does not
  bool differs_alone = false;  // whoever replays it sees that it differs
  bool died = false;           // it took the fresh process along, so there is no tape
  std::string text;            // what differs, or what went wrong
  std::string words;           // the file of what a process said before it died; empty if none
};

/// `folder` is where the tape goes.
Confirmation confirm(const Invocation& invocation, const scenarios::Scenario& scenario,
                     const reports::RunRow& row, const fuzz::Changes& changes,
                     const std::string& folder, int64_t hang_after_ms);

/// What a fresh process says of a run that came out differently the second time: where the two
/// plays part, in words, and as reports::divergence_place() has it; empty if it does not see it.
struct ToldDivergence {
  std::string text;
  std::string place;
  bool shown = false;  // by a replay
};
/// If the fresh process sees a broken promise, there is nothing to tell: the row is that failure
/// then.
ToldDivergence divergence_told(const Invocation& invocation, const scenarios::Scenario& scenario,
                               reports::RunRow& row, const fuzz::Changes& changes,
                               int64_t hang_after_ms);

/// Makes the row of a run, in which its worker saw nothing wrong, the failure that a fresh process
/// sees behind guards. Foreign memory may be touched without a trap; what is read there depends on
/// where memory lies, and nothing after the first broken promise counts. False: it saw none, or
/// only after the end of what the worker saw, where it must have come another way.
bool becomes_failure(const Output& fresh, reports::RunRow& row);

/// The answer of `replay --json`: its first line.
std::string first_line(const std::string& text);

/// The name of the tape file of a run.
std::string tape_path(const std::string& folder, const char* scenario, uint64_t seed);

/// Runs a program to its end, or for as long as it may take. It is deaf to Ctrl-C itself, and dies
/// with this process; with `interrupts` it is killed when Ctrl-C has come.
Output output_of(const std::string& program, const std::vector<std::string>& arguments,
                 int64_t patience_ms = INT64_MAX, const fuzz::Interrupts* interrupts = nullptr);

/// The words that have this binary replay a run, and the milliseconds that it may take for it: it
/// plays the run a few times.
std::vector<std::string> replay_of(const scenarios::Scenario& scenario, const reports::RunRow& row,
                                   const fuzz::Changes& changes, int64_t hang_after_ms);
int64_t patience_of(int64_t hang_after_ms);

/// Nobody knows what a process would have said that gave no answer.
Confirmation without_answer(const reports::RunRow& row, const Output& fresh);

/// The exit code of a process that has answered by a row; -1 if it ended in another way than one
/// that has answered does, or nobody knows how.
int code_of_answer(const Output& fresh);

/// How a program ended that gave no answer, in words: "it was ended by signal 9 (Killed)".
std::string end_text(const Output& output);

}  // namespace orrery::cli
