// SPDX-License-Identifier: Apache-2.0
#include "fuzz/interrupts.hpp"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/base/check.hpp"

namespace orrery::fuzz {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};
constexpr int kEndedByInterrupt = 128 + SIGINT;

constexpr size_t kWordsMax = 4000;

struct Words {
  char text[kWordsMax];
  size_t size = 0;
};

// A handler can be told nothing but through statics.
struct HandlerState {
  Words words[2] = {};  // one is being written while the other counts
  volatile sig_atomic_t current = 0;
  volatile sig_atomic_t came = 0;
  bool listening = false;
  struct sigaction before[2] = {};
};
constinit HandlerState state;

void on_interrupt(int) {
  if (state.came != 0) _exit(kEndedByInterrupt);
  state.came = 1;
  const int errno_before = errno;
  const Words& words = state.words[state.current];
  if (words.size > 0 && write(STDERR_FILENO, words.text, words.size) < 0)
    errno = 0;  // nobody reads
  errno = errno_before;
}

}  // namespace

Interrupts::Interrupts() {
  CHECK(!state.listening, "a process listens once");
  state.listening = true;
  state.came = 0;
  struct sigaction action{};
  action.sa_handler = &on_interrupt;  // without SA_RESTART: a wait ends early
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) sigaddset(&action.sa_mask, number);
  for (int i = 0; i < 2; ++i) sigaction(kSignals[i], &action, &state.before[i]);
}

Interrupts::~Interrupts() {
  for (int i = 0; i < 2; ++i) sigaction(kSignals[i], &state.before[i], nullptr);
  state.listening = false;
}

bool Interrupts::came() const { return state.came != 0; }

void Interrupts::say(std::string_view text) {
  const int next = 1 - state.current;
  Words& words = state.words[next];
  words.size = text.copy(words.text, kWordsMax);
  state.current = next;
}

void deaf_to_interrupts() {
  for (const int number : kSignals) signal(number, SIG_IGN);
}

bool dies_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == parent;
}

}  // namespace orrery::fuzz
