// SPDX-License-Identifier: Apache-2.0
// Tasks, points and virtual time of one world. Every task is a fiber; one runs at a time; who runs
// is a choice.
//
// The calm order: the current task goes on until it stops; then the one that has been ready
// longest. A Source deviates from it, by actor and point. Virtual time is the count of points times
// the cost of a point; when every task waits, it jumps to the next event. A task that spins is
// parked until another task changed a value or something was delivered after its iteration began.
// When nothing can ever run again, that is a deadlock or a livelock, and the run's verdict.
//
// An ordinary point costs one countdown (engine::Points::left): the scheduler computes beforehand
// at how many points from now something happens, whether a preemption, an event, or the forced
// switch that is only a safety net.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/runtime/clock.hpp"
#include "engine/runtime/tasks.hpp"
#include "sim/choices.hpp"
#include "sim/failure.hpp"
#include "sim/fault.hpp"
#include "sim/fiber.hpp"
#include "sim/labels.hpp"
#include "sim/run_queue.hpp"
#include "sim/sparse.hpp"
#include "sim/trace.hpp"

namespace orrery::sim {

using engine::Instant;

class World;

/// Something that happens at a virtual moment, on the stack of whichever task is being stopped.
class Happening {
 public:
  virtual void due(uint64_t what) = 0;

 protected:
  ~Happening() = default;
};

/// The laws of one world that are not choices. All of them are in the tape, as sizes or by the
/// scenario.
struct Pace {
  int64_t point_ns = 20;             // what a point costs
  uint64_t step_budget = 4'000'000;  // then faults stop and scheduling turns fair
  uint64_t fair_steps = 4'000'000;   // for so many steps, or as many again if those are more
  // Fair steps without progress that are a livelock; who ends his budget sooner is inconclusive.
  uint64_t patience = 1'000'000;
  uint64_t run_length_max = 1000;  // points without a stop before the safety net switches
};

class Scheduler final : public engine::Points, public engine::Tasks, public engine::Clock {
 public:
  Scheduler(Trace& trace, Labels& labels);
  ~Scheduler();

  /// Forgets everything of the run before. `detailed` records every point.
  void begin(Source& source, const Pace& pace, std::span<Fault* const> faults, bool detailed);

  /// Runs `run(argument)` as the first task, and everything it starts, until all have ended or a
  /// promise was broken.
  void run_all(Name name, void (*run)(void*), void* argument);

  /// The verdict so far. The first failure stands.
  const Failure* failure() const { return failed_ ? &failure_ : nullptr; }
  bool inconclusive() const { return inconclusive_; }
  /// True if the run was ended where it stood, at stop_at() or by stop().
  bool stopped() const { return stopped_; }
  /// Ends the run with a failure. Called on a task, it does not return; on the world's stack, it
  /// does.
  void fail(const Failure& failure);
  /// Stops the run where it stands, without a verdict: a crash, or --until.
  [[noreturn]] void stop();
  /// The names of actors and tasks from now on are those of this incarnation.
  void set_incarnation(uint32_t incarnation) {
    incarnation_ = incarnation;
    stopped_ = false;
    names_left_ = 0;
  }
  uint32_t incarnation() const { return incarnation_; }
  void stop_at(uint64_t step) { stop_step_ = step; }
  /// The same, so many steps after names of devices were made, removed or synced so many times.
  void stop_after_names(uint64_t count, uint64_t then) {
    names_left_ = count;
    names_then_ = then;
  }
  /// For the disk: a name was made or removed, or the names were synced.
  void changed_names();
  /// The world that this is a part of; null where a test has none.
  void set_owner(World* owner) { owner_ = owner; }
  World* owner() const { return owner_; }

  // What the rest of the world needs.
  void at(Instant when, Happening& happening, uint64_t what);
  uint64_t steps() const { return steps_ + used(); }
  uint64_t points() const { return points_ + used(); }
  uint64_t switches() const { return switches_; }
  uint32_t current_task() const { return current_ != nullptr ? current_->index : kNobody; }
  bool on_task() const { return current_ != nullptr; }
  /// True while harness code runs: what goes wrong then is the harness's own defect.
  bool in_harness() const { return in_harness_; }
  bool calm_only() const { return fair_; }
  void made_progress() { last_progress_ = steps(); }
  void record(Kind kind, int64_t a = 0, int64_t b = 0, int64_t c = 0, Site site = {});
  uint64_t choose(const Address& at, uint64_t bound);
  /// Whether an enabled fault refuses what the current actor allocates at its current point.
  bool refuses_allocation();
  /// What becomes of a call that concerns names.
  NameFate fate_of_name();
  /// The address of a choice by the current actor, at its current point.
  Address here(Ask ask);
  /// Spawns a task that no engine call asked for: a completion.
  void spawn_task(Name name, void (*run)(void*), void* argument);
  /// Runs a task that was delivered but has not started on the caller's stack. False if there is
  /// none.
  bool run_undelivered();
  const StackPool& stacks() const { return stacks_; }
  /// Between runs: tasks get their stacks in another order. Nothing of a run may depend on it.
  void turn_stacks_over() { stacks_.turn_over(); }
  /// The request whose bytes the device moves right now, on the stack of whoever runs: a fault in
  /// there is not that task's. UINT64_MAX = none.
  uint64_t moving = UINT64_MAX;

  // engine::Points
  void expired(Site site) override;
  void copy_large(std::byte* target, const std::byte* source, size_t length) override;
  void note(const Note& note, Site site) override;
  void enter_actor(const Name& name) override;
  void leave_actor() override;
  [[noreturn]] void bad_access(const engine::Frame* frame, uint64_t generation, int64_t page,
                               int64_t offset, int64_t length, Site site) override;

  // engine::Tasks
  engine::Self& self() override { return current_->self; }
  engine::Result<engine::TaskId> spawn(Name name, void (*run)(void*), void* argument) override;
  void join(engine::TaskId task, Site site) override;
  void yield(Site site) override;
  bool wait(engine::Atomic<uint32_t>& word, uint32_t seen, Instant deadline, Site site) override;
  void wake(engine::Atomic<uint32_t>& word, uint32_t count, Site site) override;

  // engine::Clock
  Instant now() override { return {base_ns_ + static_cast<int64_t>(steps()) * pace_.point_ns}; }

  /// Marks harness code on a task's stack for the length of its life; or, with false, code that
  /// works for the engine there: a fault in it is the engine's.
  class Harness {
   public:
    explicit Harness(Scheduler& scheduler, bool inside = true)
        : scheduler_(scheduler), before_(scheduler.in_harness_) {
      scheduler_.in_harness_ = inside;
    }
    ~Harness() { scheduler_.in_harness_ = before_; }
    Harness(const Harness&) = delete;
    Harness& operator=(const Harness&) = delete;

   private:
    Scheduler& scheduler_;
    bool before_;
  };

 private:
  class AskerHere;
  enum class State : uint8_t { unused, ready, running, waiting, parked };
  struct ActorFrame {
    ActorId id;
    uint64_t key = 0;
    uint64_t points = 0;
    uint64_t preempt_at = Source::kNowhere;
  };
  static constexpr int kActorDepth = 24;
  struct Task {
    Fiber fiber;
    engine::Self self;
    ActorId name;
    uint64_t key = 0;
    uint32_t index = 0;
    State state = State::unused;
    bool started = false;
    bool delivered = false;  // a completion, which try_complete may run early
    bool timed_out = false;
    void (*run)(void*) = nullptr;
    void* argument = nullptr;
    const void* word = nullptr;
    Instant deadline = engine::kNever;
    uint64_t wait_number = 0;
    uint64_t stopped_step = 0;  // when and where it began to wait or spin
    Site stopped_at;
    uint64_t points = 0;       // of all its actors
    uint64_t own_changes = 0;  // value-changing stores of this task
    uint64_t others_seen = 0;  // those of all others when its iteration began
    uint64_t deliveries_seen = 0;
    int depth = 0;
    ActorFrame actors[kActorDepth];

    ActorFrame& actor() { return actors[depth]; }
  };
  struct Timer final : Happening {
    explicit Timer(Scheduler& owner) : scheduler(owner) {}
    void due(uint64_t what) override { scheduler.timer_due(what); }
    Scheduler& scheduler;
  };
  struct Queued {
    int64_t when_ns;
    uint64_t number;
    Happening* happening;
    uint64_t what;
  };

  static void enter_task(Fiber& before);
  [[noreturn]] void end_task();
  Task& make_task(Name name, void (*run)(void*), void* argument);

  uint64_t used() const { return granted_ > left ? static_cast<uint64_t>(granted_ - left) : 0; }
  void settle();
  void grant();
  void deliver_due();
  void timer_due(uint64_t wait_number);
  void wake_waiters(const void* word, uint32_t count);
  void make_ready(Task& task);
  void over_budget();
  bool is_something_held() const;
  std::span<const uint64_t> who_could_run();
  bool preempt();
  void rotate();
  Task* choose_next();
  Task& take_candidate(size_t index);
  void unpark();
  uint64_t others_changes(const Task& task) const { return changes - task.own_changes; }
  bool has_news(const Task& task) const {
    return others_changes(task) != task.others_seen || deliveries_ != task.deliveries_seen;
  }
  void count_changes(Task& task);
  void stop_current(State state, Site site = {});
  void switch_to(Task& next, bool dying);
  void resumed(Task& task);
  [[noreturn]] void leave();
  [[noreturn]] void nothing_can_run();
  void describe_waiters(Failure& failure);
  uint64_t own_points() const { return current_ != nullptr ? current_->points + used() : 0; }
  Task* find(uint64_t id);
  void release_zombie();

  World* owner_ = nullptr;
  Trace& trace_;
  Labels& labels_;
  Source* source_ = nullptr;
  std::span<Fault* const> faults_;
  Pace pace_;
  bool detailed_ = false;
  StackPool stacks_;
  Fiber world_;
  Timer timer_{*this};
  Sparse sparse_;

  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<Task*> unused_;
  RunQueue<Task> ready_;        // in calm order
  std::vector<Task*> waiting_;  // the longest waiter first
  std::vector<Task*> parked_;
  std::vector<Queued> queue_;         // latest first, so that the next one is at the back
  std::vector<uint64_t> candidates_;  // keys of tasks, where those of ready_ are not all
  Task* current_ = nullptr;
  Task* zombie_ = nullptr;  // ended, still on its stack

  int64_t granted_ = 0;
  uint64_t steps_ = 0;
  uint64_t points_ = 0;
  uint64_t switches_ = 0;
  uint64_t deliveries_ = 0;
  uint64_t run_length_ = 0;
  uint64_t serial_ = 0;
  uint64_t queue_number_ = 0;
  uint64_t fair_number_ = 0;  // queue_number_ when turns became fair
  uint64_t wait_number_ = 0;
  uint64_t budget_end_ = 0;
  uint64_t stop_step_ = UINT64_MAX;
  uint64_t names_left_ = 0;  // 0: names stop nothing
  uint64_t names_then_ = 0;
  uint64_t last_progress_ = 0;
  uint64_t changes_at_switch_ = 0;
  uint64_t changes_at_grace_ = 0;
  uint32_t grace_ = 0;
  uint32_t incarnation_ = 0;
  int64_t base_ns_ = 0;
  bool fair_ = false;
  bool in_harness_ = false;
  bool failed_ = false;
  bool inconclusive_ = false;
  bool stopped_ = false;
  Failure failure_;
};

}  // namespace orrery::sim
