// SPDX-License-Identifier: Apache-2.0
#include "sim/signals.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iterator>

#include "sim/scheduler.hpp"

namespace orrery::sim {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
constexpr size_t kSignalStackSize = 256 * 1024;

// A signal handler can be told nothing but through statics. Written before a signal can come, or by
// the handler.
struct HandlerState {
  void (*landed)(Scheduler&, const CaughtSignal&) = nullptr;
  bool alone = false;
  CaughtSignal caught;
  struct sigaction before[std::size(kSignals)] = {};  // what to give back
  stack_t stack_before = {};
  std::terminate_handler terminate_before = nullptr;
  std::byte* alternate = nullptr;
  std::byte* landing = nullptr;
  int catchers = 0;
  // Where the run stood at the last knock, and how many knocks it has stood there.
  uint64_t points = 0;
  uint64_t digest = 0;
  int knocks = 0;
};
constinit HandlerState state;

void on_signal(int number, siginfo_t* info, void* context);
bool sent_by_another(int number, const siginfo_t& info);
bool stands_still(Scheduler* scheduler);
void go_to_landing(void* context);
void land();
[[noreturn]] void on_terminate();
void give_back(int number);

}  // namespace

SignalCatcher::SignalCatcher(void (*landed)(Scheduler&, const CaughtSignal&)) {
  CHECK(state.landed == nullptr || state.landed == landed, "signals would land in two places");
  if (++state.catchers > 1) return;
  state.landed = landed;
  for (std::byte** stack : {&state.alternate, &state.landing}) {
    void* const block =
        mmap(nullptr, kSignalStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(block != MAP_FAILED, "no memory for a signal stack");
    *stack = static_cast<std::byte*>(block);
  }
  stack_t alternate{};
  alternate.ss_sp = state.alternate;
  alternate.ss_size = kSignalStackSize;
  CHECK(sigaltstack(&alternate, &state.stack_before) == 0, "the alternate signal stack is refused");
  struct sigaction action{};
  action.sa_sigaction = &on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGALRM);  // one thing at a time
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &action, &state.before[i]);
  }
  state.terminate_before = std::set_terminate(&on_terminate);
}

SignalCatcher::~SignalCatcher() {
  if (--state.catchers > 0) return;
  for (const int number : kSignals) give_back(number);
  std::set_terminate(state.terminate_before);
  sigaltstack(&state.stack_before, nullptr);
  for (std::byte* const stack : {state.alternate, state.landing}) {
    forget_frames({stack, kSignalStackSize});
    munmap(stack, kSignalStackSize);
  }
  state = HandlerState{};
}

void SignalCatcher::leave_alone(bool alone) { state.alone = alone; }

namespace {

void on_signal(int number, siginfo_t* info, void* context) {
  if (sent_by_another(number, *info)) {
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  auto* const scheduler = static_cast<Scheduler*>(engine::current_points);
  if (number == SIGALRM) {
    if (!stands_still(scheduler)) return;
  } else if (state.alone || scheduler == nullptr || scheduler->in_harness()) {
    // Not ours: with the action from before in place the same instruction faults again, or the
    // abort goes on.
    give_back(number);
    if (number == SIGABRT || info->si_code <= 0) raise(number);
    return;
  }
  state.caught = {number, number == SIGALRM ? nullptr : info->si_addr};
  go_to_landing(context);
}

// Whoever ends this process from outside says nothing of the run. What an instruction did has a
// code above 0, and raise() and abort() are sent by this very process.
bool sent_by_another(int number, const siginfo_t& info) {
  return number != SIGALRM && info.si_code <= 0 && info.si_pid != getpid();
}

// The steps of harness code are none of the run's, and a knock there says nothing.
bool stands_still(Scheduler* scheduler) {
  const bool on_engine = !state.alone && scheduler != nullptr && !scheduler->in_harness();
  const bool moved =
      !on_engine || state.points != scheduler->points() || state.digest != scheduler->digest;
  if (on_engine) {
    state.points = scheduler->points();
    state.digest = scheduler->digest;
  }
  state.knocks = moved ? 0 : state.knocks + 1;
  if (state.knocks < kKnocks) return false;
  state.knocks = 0;
  return true;
}

void go_to_landing(void* context) {
  forget_frames({state.landing, kSignalStackSize});  // nobody ever returned from the landing before
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext;
  const auto top = reinterpret_cast<uintptr_t>(state.landing) + kSignalStackSize - 64;
#if defined(__x86_64__)
  registers.gregs[REG_RIP] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(&land));
  registers.gregs[REG_RSP] = static_cast<greg_t>(top - 8);  // as after a call
#elif defined(__aarch64__)
  registers.pc = reinterpret_cast<uintptr_t>(&land);
  registers.sp = top;
#else
#error "this machine's registers are not known here"
#endif
}

void give_back(int number) {
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    if (kSignals[i] == number) sigaction(number, &state.before[i], nullptr);
  }
}

// The usual handler prints, which a task must not do, and remembers that it did.
void on_terminate() {
  if (state.alone || engine::current_points == nullptr) state.terminate_before();
  std::abort();
}

void land() {
  jumped_to({state.landing, kSignalStackSize});
  state.landed(static_cast<Scheduler&>(*engine::current_points), state.caught);
  __builtin_unreachable();
}

}  // namespace
}  // namespace orrery::sim
