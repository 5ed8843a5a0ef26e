// SPDX-License-Identifier: Apache-2.0
// Turns a fatal signal on a task into a verdict: an access violation ends the run, not the process.
//
// The handler runs on an alternate stack, rewrites the saved program counter and stack pointer, and
// returns; the task then "continues" in a landing on a stack of its own, which reports the failure
// and never comes back. So the ten thousandth fault in a process is caught like the first. A signal
// in harness code, or outside a run, is left alone: the default action, and a core for the
// debugger. With `leave_alone` (--abort) all of them are.
#pragma once

namespace orrery::sim {

class Scheduler;

struct CaughtSignal {
  int number = 0;
  void* address = nullptr;  // for SIGSEGV and SIGBUS
};

/// Installs the handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT for as long as there is
/// one. All of a process share the handlers, the function and the setting.
class SignalCatcher {
 public:
  /// `landed` is called on the landing stack, with the run's scheduler; it must not return. The
  /// same for every catcher that is there at once.
  explicit SignalCatcher(void (*landed)(Scheduler&, const CaughtSignal&));
  ~SignalCatcher();
  SignalCatcher(const SignalCatcher&) = delete;
  SignalCatcher& operator=(const SignalCatcher&) = delete;

  void leave_alone(bool alone);
};

}  // namespace orrery::sim
