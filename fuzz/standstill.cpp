// SPDX-License-Identifier: Apache-2.0
#include "fuzz/standstill.hpp"

#include <signal.h>
#include <sys/time.h>

#include "engine/base/check.hpp"
#include "sim/signals.hpp"

namespace orrery::fuzz {

void watch_for_standstill(int64_t limit_ms) {
  CHECK(limit_ms >= 0, "a limit of {} ms", limit_ms);
  struct sigaction now{};
  sigaction(SIGALRM, nullptr, &now);
  // Until a world listens, and after it has ended, a knock is nothing.
  if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL) signal(SIGALRM, SIG_IGN);
  const int64_t period_us = (limit_ms * 1000 + sim::kKnocks - 1) / sim::kKnocks;
  itimerval timer{};
  timer.it_value = {period_us / 1'000'000, period_us % 1'000'000};
  timer.it_interval = timer.it_value;
  CHECK(setitimer(ITIMER_REAL, &timer, nullptr) == 0, "the timer is refused");
}

}  // namespace orrery::fuzz
