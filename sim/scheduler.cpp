// SPDX-License-Identifier: Apache-2.0
#include "sim/scheduler.hpp"

#include "sim/scheduler_switch.hpp"

#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include <algorithm>

namespace orrery::sim {
namespace {

// ASan's frames are several times larger.
#if ORRERY_ASAN
constexpr size_t kStackSize = 512 * 1024;
#else
constexpr size_t kStackSize = 64 * 1024;
#endif

// Bounded spins count to a hundred and give up; only what still changes nothing after that is a
// livelock.
constexpr uint32_t kGraceRounds = 400;

// The file as it is called in this tree, without the way from the build folder.
std::string_view file_of(const Site& site) {
  std::string_view file = site.file_name();
  while (file.starts_with("../")) file.remove_prefix(3);
  return file;
}

}  // namespace

Scheduler::Scheduler(Trace& trace, Labels& labels)
    : trace_(trace), labels_(labels), stacks_(kStackSize) {}

Scheduler::~Scheduler() = default;

void Scheduler::begin(Source& source, const Pace& pace, std::span<Fault* const> faults,
                      bool detailed) {
  CHECK(current_ == nullptr, "a run cannot begin inside another");
#ifdef __SSE__
  // The control word is shared by all fibers, and sticky flags make every switch ten times as slow.
  _mm_setcsr(0x1f80);
#endif
  source_ = &source;
  faults_ = faults;
  pace_ = pace;
  incarnation_ = 0;
  detailed_ = detailed;
  digest = 0;
  changes = 0;
  touched = Site{};
  moving = UINT64_MAX;
  steps_ = points_ = switches_ = deliveries_ = run_length_ = serial_ = 0;
  queue_number_ = fair_number_ = wait_number_ = 0;
  budget_end_ = pace.step_budget;
  stop_step_ = UINT64_MAX;
  names_left_ = 0;
  last_progress_ = changes_at_switch_ = changes_at_grace_ = 0;
  grace_ = 0;
  base_ns_ = 0;
  fair_ = in_harness_ = failed_ = inconclusive_ = stopped_ = false;
  failure_ = Failure{};
  granted_ = left = 1;
}

void Scheduler::run_all(Name name, void (*run)(void*), void* argument) {
  make_task(name, run, argument);
  current_ = ready_.take(0);
  current_->state = State::running;
  engine::current_points = this;
  grant();
  switch_fiber(world_, current_->fiber);
  engine::current_points = nullptr;
  current_ = nullptr;
  in_harness_ = false;
  // What still has a stack is forgotten: a run's end runs no code.
  zombie_ = nullptr;
  unused_.clear();
  for (const auto& task : tasks_) {
    if (task->fiber.stack.bottom != nullptr) {
      trace_.tasks[task->index].points = task->points;
      stacks_.give_back(task->fiber.stack);
    }
    task->fiber = Fiber{};
    task->state = State::unused;
    unused_.push_back(task.get());
  }
  ready_.clear();
  waiting_.clear();
  parked_.clear();
  queue_.clear();
}

// Tasks.

Scheduler::Task& Scheduler::make_task(Name name, void (*run)(void*), void* argument) {
  release_zombie();
  if (unused_.empty()) {
    tasks_.push_back(std::make_unique<Task>());
    unused_.push_back(tasks_.back().get());
  }
  Task& task = *unused_.back();
  unused_.pop_back();
  task.name = labels_.identify(name, incarnation_, task.key);
  task.self = engine::Self{++serial_, 0, 0};
  task.index = static_cast<uint32_t>(trace_.tasks.size());
  task.started = task.delivered = task.timed_out = false;
  task.run = run;
  task.argument = argument;
  task.points = task.own_changes = 0;
  task.others_seen = UINT64_MAX;  // the first iteration of a spin is never parked
  task.deliveries_seen = 0;
  task.depth = 0;
  task.actors[0] = {task.name, task.key, 0, source_->next_preemption(task.key, 0)};
  task.fiber.stack = stacks_.take();
  prepare(task.fiber, &Scheduler::enter_task);
  task.state = State::ready;
  ready_.push_back(&task);
  trace_.tasks.push_back({task.name, steps()});
  record(Kind::task_spawned, task.index);
  return task;
}

void Scheduler::enter_task(Fiber& before) {
  auto& scheduler = static_cast<Scheduler&>(*engine::current_points);
  Task& task = *scheduler.current_;
  arrived(before, task.fiber);
  scheduler.resumed(task);
  scheduler.grant();
  task.started = true;
  scheduler.in_harness_ = false;
  task.run(task.argument);
  scheduler.end_task();
}

void Scheduler::end_task() {
  in_harness_ = true;
  settle();
  Task& task = *current_;
  record(Kind::task_ended, task.index);
  trace_.tasks[task.index].points = task.points;
  wake_waiters(&task, engine::kEverybody);  // those who join it
  stop_current(State::unused);
  zombie_ = &task;
  switch_to(*choose_next(), true);
  __builtin_unreachable();
}

void Scheduler::enter_actor(const Name& name) {
  settle();
  Task& task = *current_;
  CHECK(task.depth + 1 < kActorDepth, "actors are nested deeper than {}", kActorDepth);
  ActorFrame& actor = task.actors[++task.depth];
  actor.id = labels_.identify(name, incarnation_, actor.key);
  actor.points = 0;
  actor.preempt_at = source_->next_preemption(actor.key, 0);
  grant();
}

void Scheduler::leave_actor() {
  settle();
  CHECK(current_->depth > 0, "an actor was left that was never entered");
  --current_->depth;
  grant();
}

// Points.

[[gnu::always_inline]] inline std::span<const uint64_t> Scheduler::who_could_run() {
  if (parked_.empty()) return ready_.keys();
  const std::span<const uint64_t> ready = ready_.keys();
  candidates_.assign(ready.begin(), ready.end());
  for (const Task* task : parked_) {
    // Whoever spins for news that is there could run as well. He stays parked unless he is picked:
    // a look that changed the calm order could not be replayed.
    if (has_news(*task)) candidates_.push_back(task->key);
  }
  return candidates_;
}

[[gnu::always_inline]] inline bool Scheduler::preempt() {
  ActorFrame& actor = current_->actor();
  const uint64_t point = actor.preempt_at;
  actor.preempt_at = source_->next_preemption(actor.key, actor.points);
  if (fair_) return false;
  const std::span<const uint64_t> candidates = who_could_run();
  if (candidates.empty()) return false;
  const Address at{actor.key, Ask::preempt, point, actor.id};
  const int picked = source_->pick(at, candidates);
  if (picked < 0) return false;
  Task& next = take_candidate(static_cast<size_t>(picked));
  trace_.taken.push_back({at, next.key, next.name, steps_, now().ns});
  stop_current(State::ready);
  switch_to(next, false);
  return true;
}

[[gnu::always_inline]] inline void Scheduler::unpark() {
  if (parked_.empty()) return;
  size_t kept = 0;
  for (Task* const task : parked_) {
    if (has_news(*task)) {
      task->state = State::ready;
      ready_.push_back(task);
    } else {
      parked_[kept++] = task;
    }
  }
  parked_.resize(kept);
}

[[gnu::always_inline]] inline void Scheduler::rotate() {
  unpark();
  if (ready_.empty()) {
    run_length_ = 0;
    return;
  }
  stop_current(State::ready);
  switch_to(*ready_.take(0), false);
}

void Scheduler::changed_names() {
  if (names_left_ == 0 || --names_left_ > 0) return;
  settle();
  stop_step_ = std::min(stop_step_, steps_ + names_then_);
  grant();
}

void Scheduler::expired(Site site) {
  Harness harness(*this);
  settle();
  if (detailed_)
    record(Kind::point, static_cast<int64_t>(current_->actor().points) - 1,
           static_cast<int64_t>(digest), 0, site);
  if (steps_ >= stop_step_) stop();
  if (steps_ >= budget_end_) over_budget();
  deliver_due();
  const ActorFrame& actor = current_->actor();
  // A preemption that does not happen must not stand in the way of a turn that is due: a replay
  // knows nothing of it.
  const bool preempted = actor.points > actor.preempt_at && preempt();
  if (!preempted && run_length_ >= (fair_ ? kFairRunLength : pace_.run_length_max)) rotate();
  grant();
}

Scheduler::Task& Scheduler::take_candidate(size_t index) {
  if (index < ready_.size()) return *ready_.take(index);
  index -= ready_.size();
  for (size_t i = 0; i <= index; ++i) index += has_news(*parked_[i]) ? 0 : 1;
  Task& task = *parked_[index];
  parked_.erase(parked_.begin() + static_cast<std::ptrdiff_t>(index));
  return task;
}

void Scheduler::over_budget() {
  if (!fair_) {
    fair_ = true;
    budget_end_ = steps_ + std::max(pace_.step_budget, pace_.fair_steps);
    fair_number_ = queue_number_;
    return;
  }
  if (last_progress_ + pace_.patience > steps_ || is_something_held()) {
    inconclusive_ = true;
    stop();
  }
  Failure failure;
  failure.oracle = "progress";
  failure.label = "livelock in fair turns without faults";
  failure.text.format("no operation ended between step {} and step {}", last_progress_, steps_);
  describe_waiters(failure);
  fail(failure);
}

// A request from before the fair turns that is still on its way: whoever waits for it is patient.
// Retries that go on without an end do not count, nor does the end of somebody's own patience.
bool Scheduler::is_something_held() const {
  return std::any_of(queue_.begin(), queue_.end(), [&](const Queued& entry) {
    return entry.number <= fair_number_ && entry.happening != &timer_;
  });
}

// Who runs next.

Scheduler::Task* Scheduler::choose_next() {
  for (;;) {
    unpark();
    if (!ready_.empty()) break;
    if (!queue_.empty()) {
      base_ns_ += std::max<int64_t>(0, queue_.back().when_ns - now().ns);
      deliver_due();
      continue;
    }
    if (parked_.empty()) nothing_can_run();
    if (changes != changes_at_grace_) grace_ = 0;
    changes_at_grace_ = changes;
    if (++grace_ > kGraceRounds) nothing_can_run();
    for (Task* task : parked_) {
      task->state = State::ready;
      ready_.push_back(task);
    }
    parked_.clear();
  }
  size_t chosen = 0;
  if (ready_.size() > 1 && !fair_) {
    const ActorFrame& actor = current_->actor();
    const Address at{actor.key, Ask::next, actor.points, actor.id};
    const int picked = source_->pick(at, ready_.keys().subspan(1));
    if (picked >= 0) {
      chosen = static_cast<size_t>(picked) + 1;
      const Task& next = *ready_[chosen];
      trace_.taken.push_back({at, next.key, next.name, steps_, now().ns});
    }
  }
  return ready_.take(chosen);
}

void Scheduler::nothing_can_run() {
  if (waiting_.empty() && parked_.empty()) leave();  // all have ended: the run is over
  Failure failure;
  failure.oracle = "progress";
  failure.label = parked_.empty() ? "deadlock" : "livelock";
  failure.text.format("{}: nothing can run and nothing is on its way", failure.label.view());
  describe_waiters(failure);
  fail(failure);
  __builtin_unreachable();
}

// The roles go into the label, which names the failure; when and where into the text.
void Scheduler::describe_waiters(Failure& failure) {
  failure.of_world = true;
  std::vector<std::string_view> roles;
  for (const auto* list : {&waiting_, &parked_}) {
    const char* const does = list == &waiting_ ? "waits" : "spins";
    for (const Task* task : *list) {
      const std::string_view role = task->name.name.label;
      roles.push_back(role.substr(0, role.find(':')));
      FixedText<200> one;
      one.format("; {}/{} {} since step {} at {}:{}", role, task->name.name.number, does,
                 task->stopped_step, file_of(task->stopped_at), task->stopped_at.line());
      failure.text.append(one.view());
    }
  }
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  const char* before = ": ";
  for (const std::string_view role : roles) {
    failure.label.append(before);
    failure.label.append(role);
    before = ", ";
  }
}

void Scheduler::leave() {
  settle();  // a second run after a crash goes on from this moment
  switch_fiber(current_->fiber, world_, true);
  __builtin_unreachable();
}

void Scheduler::stop() {
  stopped_ = true;
  leave();
}

void Scheduler::fail(const Failure& failure) {
  if (!failed_) {
    failed_ = true;
    failure_ = failure;
    failure_.step = steps();
    failure_.now_ns = now().ns;
    if (failure_.task == kNobody && !failure.of_world) failure_.task = current_task();
    if (on_task() && !failure.of_world) {
      // A completion is one whatever the device's name.
      const std::string_view label = current_->actor().id.name.label;
      failure_.role.assign(label.substr(0, label.find(':')));
    }
  }
  if (on_task()) leave();
}

}  // namespace orrery::sim
