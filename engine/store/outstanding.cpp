// SPDX-License-Identifier: Apache-2.0
#include "engine/store/outstanding.hpp"

#include "engine/base/check.hpp"

namespace orrery::engine {

void Outstanding::remove() {
  Tasks& tasks = tasks_;  // After the subtraction this object may be gone.
  Atomic<uint32_t>& word = count_;
  const uint32_t before = word.fetch_sub(1);
  CHECK(before > 0, "something was finished that was never begun");
  if (before == 1) tasks.wake(word, kEverybody);
}

void Outstanding::wait_for_none() {
  for (;;) {
    const uint32_t count = count_.load();
    if (count == 0) return;
    tasks_.wait(count_, count);
  }
}

void Signal::set() {
  Tasks& tasks = tasks_;
  Atomic<uint32_t>& word = set_;
  const uint32_t before = word.exchange(1);
  CHECK(before == 0, "a signal was given twice");
  tasks.wake(word, kEverybody);
}

void Signal::wait() {
  while (set_.load() == 0) tasks_.wait(set_, 0);
}

}  // namespace orrery::engine
