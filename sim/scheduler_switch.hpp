// SPDX-License-Identifier: Apache-2.0
// The parts of the scheduler that lie between two tasks, for its two sources and nobody else.
//
// After a switch every return is predicted wrong, because the processor remembers the calls of the
// other task; each costs as much as the switch. So all of this is inlined into the calls that an
// engine makes, and one return is left.
#pragma once

#include <algorithm>

#include "sim/scheduler.hpp"

namespace orrery::sim {

// Once the budget is used up, everybody gets a turn this often.
inline constexpr uint64_t kFairRunLength = 50;

[[gnu::always_inline]] inline void Scheduler::settle() {
  const uint64_t count = used();
  current_->actor().points += count;
  current_->points += count;
  steps_ += count;
  points_ += count;
  run_length_ += count;
  granted_ = left;
}

[[gnu::always_inline]] inline void Scheduler::grant() {
  uint64_t most = fair_ ? kFairRunLength : pace_.run_length_max;
  most = most > run_length_ ? most - run_length_ : 1;
  const ActorFrame& actor = current_->actor();
  if (actor.preempt_at != Source::kNowhere) {
    most = std::min(most, actor.preempt_at - actor.points + 1);
  }
  if (!queue_.empty()) {
    const int64_t gap = queue_.back().when_ns - now().ns;
    const int64_t until = gap <= 0 ? 1 : (gap + pace_.point_ns - 1) / pace_.point_ns;
    most = std::min(most, static_cast<uint64_t>(until));
  }
  most = std::min(most, budget_end_ > steps_ ? budget_end_ - steps_ : 1);
  if (stop_step_ != UINT64_MAX) {
    most = std::min(most, stop_step_ > steps_ ? stop_step_ - steps_ : 1);
  }
  granted_ = left = detailed_ ? 1 : static_cast<int64_t>(std::max<uint64_t>(most, 1));
}

[[gnu::always_inline]] inline void Scheduler::count_changes(Task& task) {
  task.own_changes += changes - changes_at_switch_;
  changes_at_switch_ = changes;
}

[[gnu::always_inline]] inline void Scheduler::stop_current(State state, Site site) {
  Task& task = *current_;
  task.stopped_at = site;
  task.stopped_step = steps();
  count_changes(task);
  task.state = state;
  switch (state) {
    case State::ready: ready_.push_back(&task); break;
    case State::waiting: waiting_.push_back(&task); break;
    case State::parked: parked_.push_back(&task); break;
    case State::unused:
    case State::running: break;
  }
}

[[gnu::always_inline]] inline void Scheduler::release_zombie() {
  if (zombie_ == nullptr || zombie_ == current_) return;
  stacks_.give_back(zombie_->fiber.stack);
  zombie_->fiber = Fiber{};
  unused_.push_back(zombie_);
  zombie_ = nullptr;
}

[[gnu::always_inline]] inline void Scheduler::resumed(Task& task) {
  VERIFY(current_ == &task, "the scheduler lost track of who runs");
  release_zombie();
  changes_at_switch_ = changes;
}

[[gnu::always_inline]] inline void Scheduler::switch_to(Task& next, bool dying) {
  Task& self = *current_;
  run_length_ = 0;
  next.state = State::running;
  if (&next == &self) return;
  ++switches_;
  saw(next.key);
  if (detailed_) record(Kind::task_switched, next.index, self.index);
  current_ = &next;
  switch_fiber(self.fiber, next.fiber, dying);
  resumed(self);
}

}  // namespace orrery::sim
