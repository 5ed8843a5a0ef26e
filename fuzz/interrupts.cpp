// SPDX-License-Identifier: Apache-2.0
#include "fuzz/interrupts.hpp"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "engine/base/check.hpp"

namespace orrery::fuzz {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};
constexpr int kEndedByInterrupt = 128 + SIGINT;

// Two that come closer together than this are one: timeout(1) tells the process, and then its
// group.
constexpr int64_t kTogetherMs = 10;

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
  std::atomic<int64_t> came_ms = 0;  // the first
  bool listening = false;
  pid_t listener = 0;
  std::atomic<pid_t> group = 0;  // to be taken along
  struct sigaction before[2] = {};
};
constinit HandlerState handler_state;

// What a handler may do: nobody reads, or nobody reads on. Then the second Ctrl-C comes in between.
void write_words() {
  std::atomic_signal_fence(std::memory_order_acquire);
  const Words& words = handler_state.words[handler_state.current];
  struct sigaction ignored{};
  struct sigaction before{};
  ignored.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignored, &before);
  const ssize_t written = write(STDERR_FILENO, words.text, words.size);
  (void)written;
  sigaction(SIGPIPE, &before, nullptr);
}

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void on_interrupt(int) {
  if (handler_state.came != 0) {
    if (now_ms() - handler_state.came_ms < kTogetherMs) return;
    if (const pid_t group = handler_state.group; group > 0 && getpid() == handler_state.listener) {
      kill(-group, SIGKILL);
    }
    _exit(kEndedByInterrupt);
  }
  handler_state.came_ms = now_ms();
  handler_state.came = 1;
  if (getpid() != handler_state.listener) return;  // a child that was forked just now
  const int errno_before = errno;
  write_words();
  errno = errno_before;
}

}  // namespace

Interrupts::Interrupts() {
  CHECK(!handler_state.listening, "a process listens once");
  handler_state.listening = true;
  handler_state.came = 0;
  handler_state.listener = getpid();
  struct sigaction action{};
  action.sa_handler = &on_interrupt;
  // Without SA_RESTART: a wait ends early. The second may come while the first still writes.
  action.sa_flags = SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < 2; ++i) sigaction(kSignals[i], &action, &handler_state.before[i]);
}

Interrupts::~Interrupts() {
  for (int i = 0; i < 2; ++i) sigaction(kSignals[i], &handler_state.before[i], nullptr);
  handler_state.listening = false;
}

bool Interrupts::came() const { return handler_state.came != 0; }

void Interrupts::say(std::string_view text) {
  const int next = 1 - handler_state.current;
  Words& words = handler_state.words[next];
  words.size = text.copy(words.text, kWordsMax);
  std::atomic_signal_fence(std::memory_order_release);
  handler_state.current = next;
}

void Interrupts::take_along(pid_t group) { handler_state.group = group; }

void deaf_to_interrupts() {
  for (const int number : kSignals) signal(number, SIG_IGN);
}

bool dies_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == parent;
}

}  // namespace orrery::fuzz
