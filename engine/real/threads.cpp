// SPDX-License-Identifier: Apache-2.0
#include "engine/real/threads.hpp"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <memory>
#include <new>

namespace orrery::engine {
namespace {

std::atomic<uint64_t> last_id{0};

uint64_t next_id() { return last_id.fetch_add(1, std::memory_order_relaxed) + 1; }

// What belongs to one thread and to nobody else needs no world and no lock.
constinit thread_local Self this_thread;

// The kernel looks at the value itself.
uint32_t* word_in(Atomic<uint32_t>& word) { return reinterpret_cast<uint32_t*>(&word); }
static_assert(sizeof(Atomic<uint32_t>) == 4 && std::is_standard_layout_v<Atomic<uint32_t>>);

timespec timespec_of(Instant at) {
  const int64_t ns = std::max<int64_t>(at.ns, 0);
  timespec time{};
  time.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
  time.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  return time;
}

}  // namespace

struct Threads::Start {
  Threads* threads = nullptr;
  uint64_t id = 0;
  char label[16] = {};  // as much of a name as the kernel keeps
  void (*run)(void*) = nullptr;
  void* argument = nullptr;
};

Threads::~Threads() { wait_for_all(); }

void Threads::wait_for_all() {
  std::unique_lock lock(mutex_);
  somebody_ended_.wait(lock, [this] { return running_.empty(); });
}

Self& Threads::self() {
  if (this_thread.id == 0) [[unlikely]]
    this_thread.id = next_id();
  return this_thread;
}

Result<TaskId> Threads::spawn(Name name, void (*run)(void*), void* argument) {
  CHECK(run != nullptr, "a task {} that runs nothing", name.label);
  const Error refused{Errc::no_memory, "no thread can be started"};
  std::unique_ptr<Start> made(new (std::nothrow) Start());
  if (made == nullptr) return refused;
  made->threads = this;
  const uint64_t id = made->id = next_id();
  std::snprintf(made->label, sizeof made->label, "%s/%llu", name.label,
                static_cast<unsigned long long>(name.number));
  made->run = run;
  made->argument = argument;
  const std::lock_guard lock(mutex_);
  try {
    running_.insert(id);
  } catch (const std::bad_alloc&) {
    return refused;
  }
  pthread_t thread{};
  if (pthread_create(&thread, nullptr, &Threads::begin, made.get()) != 0) {
    running_.erase(id);
    return refused;
  }
  const int failed = pthread_detach(thread);
  CHECK(failed == 0, "thread {} cannot be detached", id);
  (void)made.release();  // the new thread frees it, and has perhaps
  return TaskId{id};
}

void* Threads::begin(void* start) {
  Start own;
  {
    const std::unique_ptr<Start> given(static_cast<Start*>(start));
    own = *given;
  }
  (void)pthread_setname_np(pthread_self(), own.label);
  this_thread.id = own.id;
  own.run(own.argument);
  CHECK(this_thread.epoch_slot == 0, "task {} ended inside an epoch", own.id);
  own.threads->ended(own.id);
  return nullptr;
}

// Under the lock to the last: once it is released, this object may be gone.
void Threads::ended(uint64_t id) {
  const std::lock_guard lock(mutex_);
  running_.erase(id);
  somebody_ended_.notify_all();
}

void Threads::join(TaskId task, Site) {
  CHECK(task.id != self().id, "task {} waits for its own end", task.id);
  std::unique_lock lock(mutex_);
  somebody_ended_.wait(lock, [this, task] { return !running_.contains(task.id); });
}

void Threads::yield(Site) { sched_yield(); }

bool Threads::wait(Atomic<uint32_t>& word, uint32_t seen, Instant deadline, Site) {
  // An absolute deadline on the clock that SteadyClock reads: a signal does not prolong the wait.
  const timespec until = timespec_of(deadline);
  const timespec* const limit = deadline == kNever ? nullptr : &until;
  const long result = syscall(SYS_futex, word_in(word), FUTEX_WAIT_BITSET_PRIVATE, seen, limit,
                              nullptr, FUTEX_BITSET_MATCH_ANY);
  if (result == 0) return true;
  CHECK(errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT, "a wait failed with errno {}",
        errno);
  return errno != ETIMEDOUT;
}

// The word may be gone: whoever waited for it may have seen its value and freed it. The kernel only
// compares addresses, and a waiter that is woken for no reason looks again.
void Threads::wake(Atomic<uint32_t>& word, uint32_t count, Site) {
  const int most = static_cast<int>(std::min<uint32_t>(count, INT_MAX));
  const long result = syscall(SYS_futex, word_in(word), FUTEX_WAKE_PRIVATE, most);
  CHECK(result >= 0, "a wake failed with errno {}", errno);
}

}  // namespace orrery::engine
