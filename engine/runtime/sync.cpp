// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/sync.hpp"

namespace orrery::engine {

// The one who is released may destroy the object at once. So everything below that releases
// somebody reads `tasks_` first, and wakes by the address of the word, whatever lies there by then.

void Mutex::lock() ORRERY_NO_ANALYSIS {
  uint32_t seen = 0;
  if (state_.compare_exchange(seen, 1)) return;
  while (state_.exchange(2) != 0) tasks_.wait(state_, 2);
}

void Mutex::unlock() ORRERY_NO_ANALYSIS {
  Tasks& tasks = tasks_;
  const uint32_t before = state_.exchange(0);
  CHECK(before != 0, "a mutex was released that nobody held");
  if (before == 2) tasks.wake(state_, 1);
}

bool CondVar::wait(Mutex& mutex, Instant deadline) {
  const uint32_t turn = turn_.load();
  mutex.unlock();
  const bool in_time = tasks_.wait(turn_, turn, deadline);
  mutex.lock();
  return in_time;
}

void CondVar::notify_one() {
  Tasks& tasks = tasks_;
  turn_.fetch_add(1);
  tasks.wake(turn_, 1);
}

void CondVar::notify_all() {
  Tasks& tasks = tasks_;
  turn_.fetch_add(1);
  tasks.wake(turn_, kEverybody);
}

void Event::set() {
  Tasks& tasks = tasks_;
  turn_.fetch_add(1);
  tasks.wake(turn_, kEverybody);
}

bool Event::wait(uint32_t ticket, Instant deadline) {
  while (turn_.load() == ticket) {
    if (!tasks_.wait(turn_, ticket, deadline)) return false;
  }
  return true;
}

void Latch::open() {
  Tasks& tasks = tasks_;
  open_.store(1);
  tasks.wake(open_, kEverybody);
}

void Latch::wait() {
  while (open_.load() == 0) tasks_.wait(open_, 0);
}

void Semaphore::release(uint32_t count) {
  Tasks& tasks = tasks_;
  count_.fetch_add(count);
  tasks.wake(count_, count);
}

bool Semaphore::try_acquire() {
  uint32_t seen = count_.load();
  while (seen > 0) {
    if (count_.compare_exchange(seen, seen - 1)) return true;
  }
  return false;
}

void Semaphore::acquire() {
  while (!try_acquire()) tasks_.wait(count_, 0);
}

}  // namespace orrery::engine
