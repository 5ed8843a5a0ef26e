// SPDX-License-Identifier: Apache-2.0
// The calls of engine::Tasks, the queue of happenings, and what a scheduler reports of itself.
#include <algorithm>

#include "engine/runtime/frames.hpp"
#include "sim/scheduler_switch.hpp"

namespace orrery::sim {

engine::Result<engine::TaskId> Scheduler::spawn(Name name, void (*run)(void*), void* argument) {
  point(Site::current());
  Harness harness(*this);
  settle();
  if (refuses_allocation()) {
    record(Kind::allocation_failed, static_cast<int64_t>(sizeof(Task)));
    grant();
    return engine::Error{engine::Errc::no_memory, "no task can be started"};
  }
  const Task& task = make_task(name, run, argument);
  grant();
  return engine::TaskId{task.self.id};
}

void Scheduler::spawn_task(Name name, void (*run)(void*), void* argument) {
  make_task(name, run, argument).delivered = true;
  ++deliveries_;
}

Scheduler::Task* Scheduler::find(uint64_t id) {
  for (const auto& task : tasks_) {
    if (task->state != State::unused && task->self.id == id) return task.get();
  }
  return nullptr;
}

void Scheduler::join(engine::TaskId id, Site site) {
  point(site);
  Harness harness(*this);
  settle();
  while (Task* const task = find(id.id)) {
    CHECK(task != current_, "a task waits for its own end");
    current_->word = task;
    current_->deadline = engine::kNever;
    current_->wait_number = ++wait_number_;
    stop_current(State::waiting, site);
    switch_to(*choose_next(), false);
  }
  grant();
}

void Scheduler::yield(Site site) {
  point(site);
  Harness harness(*this);
  settle();
  Task& task = *current_;
  count_changes(task);
  stop_current(has_news(task) ? State::ready : State::parked, site);
  switch_to(*choose_next(), false);
  task.others_seen = others_changes(task);
  task.deliveries_seen = deliveries_;
  grant();
}

bool Scheduler::wait(engine::Atomic<uint32_t>& word, uint32_t seen, Instant deadline, Site site) {
  point(site);
  Harness harness(*this);
  settle();
  Task& task = *current_;
  const uint32_t value = word.peek();
  saw(value);
  if (value != seen || choose(here(Ask::spurious), 2) != 0) {
    grant();
    return true;
  }
  task.word = &word;
  task.deadline = deadline;
  task.wait_number = ++wait_number_;
  task.timed_out = false;
  if (deadline != engine::kNever) at(deadline, timer_, task.wait_number);
  stop_current(State::waiting, site);
  switch_to(*choose_next(), false);
  grant();
  return !task.timed_out;
}

void Scheduler::wake(engine::Atomic<uint32_t>& word, uint32_t count, Site site) {
  point(site);
  Harness harness(*this);
  settle();
  if (count > 0) wake_waiters(&word, count);
  grant();
}

// The longest waiter is woken first, unless the source names another.
void Scheduler::wake_waiters(const void* word, uint32_t count) {
  candidates_.clear();
  for (const Task* task : waiting_) {
    if (task->word == word) candidates_.push_back(task->key);
  }
  if (candidates_.size() > count && !fair_) {
    const Address at = here(Ask::wake);
    const int picked = source_->pick(at, std::span(candidates_).subspan(1));
    if (picked >= 0) {
      const uint64_t key = candidates_[static_cast<size_t>(picked) + 1];
      const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                      [&](const Task* task) { return task->key == key; });
      Task& task = **found;
      trace_.taken.push_back({at, task.key, task.name, steps_, now().ns});
      waiting_.erase(found);
      make_ready(task);
      --count;
    }
  }
  std::erase_if(waiting_, [&](Task* task) {
    if (count == 0 || task->word != word) return false;
    --count;
    make_ready(*task);
    return true;
  });
}

void Scheduler::make_ready(Task& task) {
  task.state = State::ready;
  task.word = nullptr;
  ready_.push_back(&task);
}

void Scheduler::timer_due(uint64_t wait_number) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Task* task) {
    return task->wait_number == wait_number;
  });
  if (found == waiting_.end()) return;  // woken before its deadline
  Task& task = **found;
  waiting_.erase(found);
  task.timed_out = true;
  make_ready(task);
}

bool Scheduler::run_undelivered() {
  const auto found = std::find_if(ready_.begin(), ready_.end(), [](const Task* task) {
    return task->delivered && !task->started;
  });
  if (found == ready_.end()) return false;
  Task& task = *ready_.take(static_cast<size_t>(found - ready_.begin()));
  void (*const run)(void*) = task.run;
  void* const argument = task.argument;
  record(Kind::task_ended, task.index);
  task.state = State::unused;
  stacks_.give_back(task.fiber.stack);
  task.fiber = Fiber{};
  unused_.push_back(&task);
  const bool before = in_harness_;
  in_harness_ = false;
  run(argument);
  in_harness_ = before;
  return true;
}

// Happenings.

void Scheduler::at(Instant when, Happening& happening, uint64_t what) {
  const Queued entry{when.ns, ++queue_number_, &happening, what};
  // Latest first; among equals the one that was queued first is the nearest to the back.
  auto place = queue_.end();
  while (place != queue_.begin() && (place - 1)->when_ns <= entry.when_ns) --place;
  queue_.insert(place, entry);
  if (current_ != nullptr) {
    settle();
    grant();
  }
}

void Scheduler::deliver_due() {
  while (!queue_.empty() && queue_.back().when_ns <= now().ns) {
    const Queued entry = queue_.back();
    queue_.pop_back();
    ++steps_;
    entry.happening->due(entry.what);
  }
}

// Choices and reports.

Address Scheduler::here(Ask ask) {
  const ActorFrame& actor = current_->actor();
  return {actor.key, ask, actor.points, actor.id};
}

uint64_t Scheduler::choose(const Address& address, uint64_t bound) {
  if (fair_ || bound < 2) return 0;
  const uint64_t value = source_->choose(address, bound);
  CHECK(value < bound, "a source answered {} to a choice below {}", value, bound);
  if (value != 0) trace_.taken.push_back({address, value, {}, steps(), now().ns});
  return value;
}

class Scheduler::AskerHere final : public Asker {
 public:
  explicit AskerHere(Scheduler& scheduler) : scheduler_(scheduler) {
    scheduler.settle();  // or the address would depend on when somebody last counted the points
  }
  uint64_t choose(Ask ask, uint64_t bound) override {
    return scheduler_.choose(scheduler_.here(ask), bound);
  }

 private:
  Scheduler& scheduler_;
};

bool Scheduler::refuses_allocation() {
  if (faults_.empty() || current_ == nullptr || fair_) return false;
  AskerHere asker(*this);
  for (Fault* fault : faults_) {
    if (fault->on_allocate(asker)) return true;
  }
  return false;
}

NameFate Scheduler::fate_of_name() {
  if (faults_.empty() || current_ == nullptr || fair_) return NameFate::normal;
  AskerHere asker(*this);
  for (Fault* fault : faults_) {
    const NameFate fate = fault->on_name(asker);
    if (fate != NameFate::normal) return fate;
  }
  return NameFate::normal;
}

void Scheduler::copy_large(std::byte* target, const std::byte* source, size_t length) {
  // Not marked as harness code: a source that is gone is the engine's fault.
  sparse_.copy(target, source, length);
  saw(sparse_.hash(target, length));
}

void Scheduler::record(Kind kind, int64_t a, int64_t b, int64_t c, Site site) {
  // What only detailed runs have must not be in the digest.
  if (kind != Kind::point && kind != Kind::task_switched) {
    saw(static_cast<uint64_t>(kind) ^ (static_cast<uint64_t>(a) << 16));
    saw(static_cast<uint64_t>(b) * 31 + static_cast<uint64_t>(c));
  }
  trace_.events.push_back({steps(), now().ns, current_task(), static_cast<uint16_t>(kind), a, b, c,
                           site, own_points()});
}

void Scheduler::note(const Note& note, Site site) {
  saw(note.kind ^ (static_cast<uint64_t>(note.a) << 16));
  saw(static_cast<uint64_t>(note.b) * 31 + static_cast<uint64_t>(note.c));
  trace_.events.push_back(
      {steps(), now().ns, current_task(), note.kind, note.a, note.b, note.c, site, own_points()});
}

void Scheduler::bad_access(const engine::Frame* frame, uint64_t generation, int64_t page,
                           int64_t offset, int64_t length, Site site) {
  Failure failure;
  failure.oracle = "lifetimes";
  failure.site = site;
  failure.generation = generation;
  failure.touching = frame != nullptr ? frame->generation : 0;
  if (frame == nullptr) {
    failure.label = "a page was used that has no frame";
    failure.text.format("page {} has no frame, offset {} of it was used", page, offset);
  } else if (generation == 0) {
    failure.label = frame->live ? "a frame was used that holds another page"
                                : "a frame was used whose lifetime has ended";
    failure.text.format("page {} was looked for in the frame of page {} (offset {})", page,
                        frame->page, offset);
  } else if (frame->generation != generation) {
    failure.label = "a page was used after its lifetime ended";
    const Lifetime& ended = trace_.lifetimes[generation - 1];
    if (offset >= 0 && static_cast<uint64_t>(offset) < ended.size) {
      failure.text.format("page {} was used at offset {} after its lifetime ended at step {}",
                          ended.page, offset, ended.retired_step);
    } else {
      // The frame has other memory by now: that was not touched, and says nothing of the place.
      failure.touching = 0;
      failure.text.format("page {} was used after its lifetime ended at step {}", ended.page,
                          ended.retired_step);
    }
  } else {
    failure.oracle = "frames";
    failure.label = "an access left its frame";
    failure.text.format("{} bytes at offset {} of page {}, whose frame has {} bytes", length,
                        offset, page, frame->size);
  }
  fail(failure);
  __builtin_unreachable();
}

}  // namespace orrery::sim
