// SPDX-License-Identifier: Apache-2.0
// Turns a fatal signal on a task into a verdict: an access violation ends the run, not the process.
//
// The handler runs on an alternate stack, rewrites the saved program counter and stack pointer, and
// returns; the task then "continues" in a landing on a stack of its own, which reports the failure
// and never comes back. So the ten thousandth fault in a process is caught like the first. A signal
// in harness code, or outside a run, is left alone: the default action, and a core for the
// debugger. With `leave_alone` (--abort) all of them are. One that another process has sent ends
// this one, wherever it stands.
//
// SIGALRM is a knock at the door by whoever has a clock: kKnocks of them without a point in
// between, and the task that runs is ended in the same way, because nothing else would end it. When
// the knocks came makes no difference to the step at which it is found.
#pragma once

namespace orrery::sim {

class Scheduler;

inline constexpr int kKnocks = 4;

struct CaughtSignal {
  int number = 0;
  void* address = nullptr;  // for SIGSEGV and SIGBUS
};

/// Installs the handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT and SIGALRM for as long as
/// there is one. All of a process share the handlers, the function and the setting.
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
