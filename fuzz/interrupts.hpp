// SPDX-License-Identifier: Apache-2.0
// Ctrl-C, and SIGTERM which means the same: once is a wish to stop with what is known, twice is the
// end of this process at once, wherever it stands: what it has not yet written is lost.
//
// Twice must work while the supervisor waits for something (a fresh process that reproduces a
// failure, a slow disk), so a handler does it. Whatever was forked takes deaf_to_interrupts() and
// dies_with() its parent, so that nothing is left behind and nothing that is in flight is lost by
// the first Ctrl-C, which a terminal sends to all processes of the job.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace orrery::fuzz {

/// Listens for as long as it lives. One per process.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Whether Ctrl-C has come.
  bool came() const;

  /// What the first Ctrl-C writes to standard error, wherever this process stands then: nobody
  /// might come to it before the second. Cut off at 4,000 bytes. Nothing unless something was said.
  static void say(std::string_view text);

  /// Whom the second Ctrl-C takes along: all processes of the group. 0: nobody.
  static void take_along(pid_t group);
};

/// In a forked child: both signals are ignored from now on, also by what it executes.
void deaf_to_interrupts();

/// In a forked child: it is killed when `parent` ends. False if that has happened already.
bool dies_with(pid_t parent);

}  // namespace orrery::fuzz
