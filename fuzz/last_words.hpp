// SPDX-License-Identifier: Apache-2.0
// What a process wrote to its standard error before it died: a sanitizer's report, an assertion of
// a library, a defect of the harness.
//
// The words go into memory that outlives the writer. A worker passes on what a run that ended well
// has written, so nothing that an engine prints is swallowed; what is left belongs to the run that
// was its last. Of that the first 4 KiB and the last 60 are returned: a report comes last. Where
// the machine has no such memory to give, nothing is kept: what is said goes to the true standard
// error at once.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace orrery::fuzz {

class LastWords {
 public:
  LastWords();
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

  /// In the process that may die: its standard error goes here from now on.
  void listen();
  /// In the same process: writes to its true standard error what has come, and forgets it.
  void pass_on();

  /// In the process that outlives it.
  std::string text() const;
  void clear();

 private:
  off_t size() const;

  int file_ = -1;
  int true_stderr_ = -1;
};

/// How a process died, in words without numbers where a sanitizer has named it: "AddressSanitizer:
/// heap-buffer-overflow"; otherwise "the process was ended by signal 9 (Killed)". `status` is as
/// wait() gives it.
std::string death_label(int status, std::string_view last_words);

/// In place of a wait status: what its supervisor knows of it instead.
inline constexpr int kHung = -1;     // it was killed because its time was over
inline constexpr int kUnheard = -2;  // nobody could say how it ended
inline constexpr int kMute = -3;     // it closed its pipe and lived on, and was killed

/// "was ended by signal 9 (Killed)", "ended with exit code 1".
std::string death_text(int status);

/// The lines that say most of the report of a sanitizer: its headline and the first frames; of
/// other words the first lines. At most `lines_max`.
std::string heart_of(std::string_view last_words, size_t lines_max);

}  // namespace orrery::fuzz
