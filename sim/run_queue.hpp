// SPDX-License-Identifier: Apache-2.0
// Tasks in the order in which they would run, and their keys beside them.
//
// A source is shown the keys of those who could run, at every switch: so they are kept as one
// array, and not gathered each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace orrery::sim {

/// A first-in first-out queue from which any element can be taken. `Task` has a member `key`.
template <typename Task>
class RunQueue {
 public:
  bool empty() const { return head_ == tasks_.size(); }
  size_t size() const { return tasks_.size() - head_; }
  /// Task i, 0 being the next in turn.
  Task* operator[](size_t i) const { return tasks_[head_ + i]; }
  /// The keys of all, in order. Valid until the queue changes.
  std::span<const uint64_t> keys() const { return std::span(keys_).subspan(head_); }
  auto begin() const { return tasks_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() const { return tasks_.end(); }

  [[gnu::always_inline]] void push_back(Task* task) {
    tasks_.push_back(task);
    keys_.push_back(task->key);
  }

  /// Removes task i and returns it. Those before it move up, so the next in turn costs nothing.
  [[gnu::always_inline]] Task* take(size_t i) {
    Task* const task = (*this)[i];
    for (size_t at = head_ + i; at > head_; --at) {
      tasks_[at] = tasks_[at - 1];
      keys_[at] = keys_[at - 1];
    }
    if (++head_ == kSpent) drop_spent();
    return task;
  }

  void clear() {
    tasks_.clear();
    keys_.clear();
    head_ = 0;
  }

 private:
  static constexpr size_t kSpent = 256;  // so much of the arrays may lie before the head

  void drop_spent() {
    const auto spent = static_cast<std::ptrdiff_t>(head_);
    tasks_.erase(tasks_.begin(), tasks_.begin() + spent);
    keys_.erase(keys_.begin(), keys_.begin() + spent);
    head_ = 0;
  }

  std::vector<Task*> tasks_;
  std::vector<uint64_t> keys_;
  size_t head_ = 0;
};

}  // namespace orrery::sim
