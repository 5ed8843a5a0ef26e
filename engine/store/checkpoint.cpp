// SPDX-License-Identifier: Apache-2.0
#include "engine/store/checkpoint.hpp"

#include <algorithm>

#include "engine/store/events.hpp"

namespace orrery::engine {
CheckpointDriver::CheckpointDriver(const Runtime& runtime, EpochTable& epoch, HybridLog& log,
                                   SnapshotWriter& snapshot, IndexWriter& index,
                                   OperationLog& operations, const Bugs& bugs)
    : runtime_(runtime),
      epoch_(epoch),
      log_(log),
      snapshot_(snapshot),
      index_(index),
      operations_(operations),
      bugs_(bugs),
      changed_(runtime.tasks),
      state_(SystemState{}.pack()),
      outstanding_(runtime.tasks),
      mutex_(runtime.tasks),
      sessions_(runtime.memory) {}

Result<void> CheckpointDriver::initialise(const StoreOptions& options) {
  CHECK(options.prefix.size() <= prefix_.size(), "a prefix of {} characters",
        options.prefix.size());
  options_ = options;
  std::copy(options.prefix.begin(), options.prefix.end(), prefix_.begin());
  options_.prefix = {prefix_.data(), options.prefix.size()};
  next_token_ = options.first_token;
  return skip_used_tokens();
}

// No later checkpoint may name the index that was recovered: it may hold entries of records that
// recovery has undone, and the next one to load it would not know them for that.
Result<void> CheckpointDriver::recover_to(const CheckpointInfo& info,
                                          std::span<const SessionPoint> sessions) {
  for (const SessionPoint& point : sessions) TRY(replayed(point.id, point.serial));
  {
    const Lock lock(mutex_);
    for (KnownSession& known : sessions_.all()) known.committed = known.serial;
  }
  kept_.add({info.token, info.index_token, info.begin, info.log_start});
  go_on_in(info.next_version);
  return {};
}

Result<void> CheckpointDriver::replayed(uint64_t session, uint64_t serial) {
  const Lock lock(mutex_);
  TRY_ASSIGN(KnownSession* const known, sessions_.find_or_add(session));
  CHECK(known->open == nullptr, "session {} is recovered while it works", session);
  known->serial = std::max(known->serial, serial);
  return {};
}

void CheckpointDriver::go_on_in(uint64_t version) {
  CHECK(!has_sessions(), "a store is recovered under its sessions");
  if (version <= state().version) return;
  state_.store(SystemState{Phase::rest, version, false}.pack());
  note(events::kCheckpointPhase, static_cast<int64_t>(Phase::rest), static_cast<int64_t>(version));
}

Result<CheckpointTicket> CheckpointDriver::start(const CheckpointRequest& request) {
  TRY(check(request));
  uint32_t idle = 0;
  if (!active_.compare_exchange(idle, 1)) {
    return Error{Errc::exists, "a checkpoint is already running"};
  }
  const SystemState now = state();
  CHECK(now.phase == Phase::rest, "no checkpoint runs, in phase {}", static_cast<int>(now.phase));
  machine_ = request;
  info_ = {};
  info_.token = next_token_++;
  failed_ = false;
  const CheckpointTicket ticket{info_.token, now.version};
  note(events::kCheckpointStarted, static_cast<int64_t>(ticket.token),
       static_cast<int64_t>(ticket.version));
  Self& self = runtime_.tasks.self();
  epoch_.resume(self);
  step(self, now, false);
  epoch_.suspend(self);
  return ticket;
}

Result<CheckpointResult> CheckpointDriver::wait(CheckpointTicket ticket) {
  Self& self = runtime_.tasks.self();
  CHECK(!epoch_.protected_here(self), "a wait for a checkpoint from inside the store");
  for (;;) {
    const uint32_t turn = changed_.ticket();
    Ended found;
    if (find_ended(ticket.token, found)) {
      if (found.token != ticket.token) {
        return Error{Errc::not_found, "the outcome of that checkpoint is forgotten"};
      }
      if (found.code != Errc::ok) return Error{found.code, found.what};
      return CheckpointResult{found.token, found.info, found.index};
    }
    help(self, turn);
  }
}

bool CheckpointDriver::ended(CheckpointTicket ticket) {
  Ended found;
  return find_ended(ticket.token, found);
}

void CheckpointDriver::finish_running() {
  Self& self = runtime_.tasks.self();
  for (;;) {
    const uint32_t turn = changed_.ticket();
    if (active_.load() == 0) return;
    help(self, turn);
  }
}

// True if the checkpoint has ended. `found` is then its outcome, or that of a later one.
bool CheckpointDriver::find_ended(uint64_t token, Ended& found) {
  const Lock lock(mutex_);
  found = ended_[token % kResults];
  return found.token >= token;
}

// One step on behalf of somebody without a session. Blocks if there is nothing to do before
// something changes; `turn` was taken before the caller looked.
void CheckpointDriver::help(Self& self, uint32_t turn) {
  const uint32_t flush = log_.flusher().ticket();
  epoch_.resume(self);
  const Wait wait = on_thread(self, state());
  epoch_.suspend(self);
  // Marks are set, and tasks leave, without a word to anybody.
  if (wait == Wait::marks) runtime_.tasks.yield();
  if (wait == Wait::change) changed_.wait(turn);
  if (wait == Wait::flush) log_.flusher().wait(flush);
}

void CheckpointDriver::begin_reset() {
  for (;;) {
    finish_running();
    uint32_t idle = 0;
    if (active_.compare_exchange(idle, 1)) break;
  }
  const SystemState now = state();
  CHECK(now.phase == Phase::rest, "a reset begins in phase {}", static_cast<int>(now.phase));
  state_.store(SystemState{Phase::reset, now.version, false}.pack());
  note(events::kCheckpointPhase, static_cast<int64_t>(Phase::reset),
       static_cast<int64_t>(now.version));
}

void CheckpointDriver::end_reset() {
  const SystemState now = state();
  CHECK(now.phase == Phase::reset, "a reset ends in phase {}", static_cast<int>(now.phase));
  state_.store(SystemState{Phase::rest, now.version, false}.pack());
  note(events::kCheckpointPhase, static_cast<int64_t>(Phase::rest),
       static_cast<int64_t>(now.version));
  active_.store(0);
  changed_.set();
}

// A reset that begins after the look waits for this task, which is protected.
void CheckpointDriver::leave_for_reset(Self& self, uint32_t turn) {
  SOMETIMES(true, "a session waits for a reset");
  epoch_.suspend(self);
  changed_.wait(turn);
  epoch_.resume(self);
}

Result<void> CheckpointDriver::add_session(SessionView& view) {
  const Lock lock(mutex_);
  TRY_ASSIGN(KnownSession* const known, sessions_.find_or_add(view.id));
  CHECK(known->open == nullptr, "two sessions have the id {}", view.id);
  const SystemState now = state();
  view.phase = now.phase;
  view.version = now.version;
  view.entered_version.store(now.version);
  view.serial.store(known->serial);
  // It may have been closed and come back while one checkpoint goes on.
  const bool same = known->version == now.version;
  view.commit_serial.store(same ? known->commit_serial : known->serial);
  known->open = &view;
  note(events::kSessionStarted, static_cast<int64_t>(view.id), static_cast<int64_t>(now.version),
       static_cast<int64_t>(known->serial));
  return {};
}

void CheckpointDriver::remove_session(SessionView& view) {
  const Lock lock(mutex_);
  KnownSession* const known = sessions_.find(view.id);
  CHECK(known != nullptr && known->open == &view, "session {} is not open", view.id);
  known->version = view.version;
  known->serial = view.serial.load();
  known->commit_serial = view.commit_serial.load();
  known->open = nullptr;
}

bool CheckpointDriver::has_sessions() {
  const Lock lock(mutex_);
  const auto all = sessions_.all();
  return std::any_of(all.begin(), all.end(),
                     [](const KnownSession& one) { return one.open != nullptr; });
}

uint64_t CheckpointDriver::serial_of(uint64_t session) {
  const Lock lock(mutex_);
  const KnownSession* const known = sessions_.find(session);
  return known == nullptr ? 0 : present_of(*known).serial;
}

uint64_t CheckpointDriver::committed_of(uint64_t session) {
  const Lock lock(mutex_);
  const KnownSession* const known = sessions_.find(session);
  return known == nullptr ? 0 : known->committed;
}

Result<void> CheckpointDriver::forget_session(uint64_t session) {
  const Lock lock(mutex_);
  const KnownSession* const known = sessions_.find(session);
  if (known == nullptr) return {};
  if (known->open != nullptr)
    return Error{Errc::invalid, "a session that is open is not forgotten"};
  sessions_.forget(session);
  return {};
}

void CheckpointDriver::follow(Self& self, SessionView& view) {
  CHECK(epoch_.protected_here(self), "session {} refreshes outside the epoch", view.id);
  SystemState target = enter_unless_reset(self);
  walk(view, target);
  if (target.phase == Phase::rest) return;
  on_thread(self, target);
  if (!options_.version_barrier) return;
  // The next version begins when everybody who is inside spins here.
  while (view.phase == Phase::prepare) {
    SOMETIMES(true, "a session spins at the version barrier");
    epoch_.protect_and_drain(self);
    target = state();
    if (target.phase == Phase::prepare) {
      runtime_.tasks.yield();
      on_thread(self, state());
    } else if (target.phase == Phase::reset) {
      return follow(self, view);  // a whole cycle has ended, and a reset has begun
    } else {
      walk(view, target);
    }
  }
}

// Takes the session to the target. Of the phases on the way only the change of the version matters.
void CheckpointDriver::walk(SessionView& view, SystemState target) {
  const SystemState own{view.phase, view.version};
  if (own.pack() == target.pack()) return;  // the ordinary case while a phase lasts
  CHECK(own.base() <= target.base(), "session {} is ahead of the store", view.id);
  CHECK(own.version <= target.version, "session {} is ahead of the store", view.id);
  if (own.base() != target.base() && target.phase != Phase::rest) {
    SOMETIMES(true, "a session slept through a checkpoint");
    enter(view, {Phase::rest, target.base(), false});
  }
  enter(view, target);
}

void CheckpointDriver::enter(SessionView& view, SystemState now) {
  if (view.version != now.version) enter_version(view, now.version);
  view.phase = now.phase;
}

void CheckpointDriver::enter_version(SessionView& view, uint64_t version) {
  CHECK(version > view.version, "session {} goes back to version {}", view.id, version);
  const uint64_t serial = view.serial.load();
  view.commit_serial.store(serial);
  view.entered_version.store(version);
  note(events::kSessionVersion, static_cast<int64_t>(view.id), static_cast<int64_t>(version));
  view.version = version;
}

CheckpointDriver::Wait CheckpointDriver::on_thread(Self& self, SystemState now) {
  if (now.intermediate) return Wait::change;
  switch (now.phase) {
    case Phase::rest:
    case Phase::reset: return Wait::change;
    case Phase::prep_index_checkpoint: step(self, now, false); return Wait::nothing;
    case Phase::wait_index_checkpoint:
    case Phase::wait_index_only_checkpoint:
      if (!index_.finished()) return Wait::change;
      step(self, now, false);
      return Wait::nothing;
    case Phase::prepare:
      return step_if_marked(self, now, Marker::prepare, options_.version_barrier);
    case Phase::in_progress: return step_if_marked(self, now, Marker::in_progress, false);
    case Phase::wait_flush:
      if (!snapshot_.finished()) return Wait::change;
      if (!log_is_written()) return Wait::flush;
      return step_if_marked(self, now, Marker::wait_flush, false);
    case Phase::persistence_callback:
      return step_if_marked(self, now, Marker::persistence_callback, false);
  }
  CHECK(false, "no phase has the number {}", static_cast<int>(now.phase));
  return Wait::nothing;
}

CheckpointDriver::Wait CheckpointDriver::step_if_marked(Self& self, SystemState now, Marker marker,
                                                        bool barrier) {
  epoch_.mark(self, marker, now.version);
  if (!epoch_.check_complete(marker, now.version)) return Wait::marks;
  step(self, now, barrier);
  return Wait::nothing;
}

void CheckpointDriver::step(Self& self, SystemState expected, bool barrier) {
  CHECK(!expected.intermediate, "a transition out of a transition");
  uint64_t word = expected.pack();
  SystemState marked = expected;
  marked.intermediate = true;
  if (!state_.compare_exchange(word, marked.pack())) return;  // somebody else is at it
  if (expected.phase == Phase::wait_index_only_checkpoint && !index_.finished()) {
    // The word is the same in every index checkpoint of a version: this is not the one that was
    // looked at.
    SOMETIMES(true, "a step was meant for an index checkpoint that had ended");
    state_.store(expected.pack());
    return changed_.set();
  }
  if (!barrier) return transition(self, expected);
  epoch_.bump(self, {&CheckpointDriver::step_action,
                     this,
                     static_cast<int64_t>(expected.pack()),
                     {"version-switch", expected.version}});
}

void CheckpointDriver::step_action(void* driver, int64_t word, Self& self) {
  static_cast<CheckpointDriver*>(driver)->transition(
      self, SystemState::unpack(static_cast<uint64_t>(word)));
}

void CheckpointDriver::transition(Self& self, SystemState from) {
  const SystemState next = from.next(machine_);
  // What is committed is not given up any more.
  const bool committed = from.phase == Phase::persistence_callback;
  if (may_fail(next) && !committed && !failed_ && given_up_.load() != 0) {
    SOMETIMES(true, "a checkpoint was given up");
    failed_ = true;
    failure_ = {Errc::cancelled, "the store was given up"};
  }
  if (failed_) return arrive(self, next, failure_);
  const Work work = work_before(next);
  if (work == nullptr) return arrive(self, next, before(self, next));
  if (start_work(work, next)) return;
  SOMETIMES(true, "no task to commit a checkpoint");
  // Nobody else should have to wait for this task meanwhile.
  epoch_.suspend(self);
  const Result<void> done = (this->*work)();
  epoch_.resume(self);
  arrive(self, next, done);
}

bool CheckpointDriver::may_fail(SystemState next) {
  return next.phase != Phase::prepare && next.phase != Phase::in_progress;
}

// What a transition to `next` has to do that takes as long as the devices take: the task of a
// session, which happens to make the transition, has other things to do. Null: nothing.
CheckpointDriver::Work CheckpointDriver::work_before(SystemState next) const {
  if (next.phase == Phase::persistence_callback) return &CheckpointDriver::commit;
  const bool index_alone = next.phase == Phase::rest && machine_.log == LogCheckpoint::none;
  return index_alone ? &CheckpointDriver::commit_index : nullptr;
}

// The word stays marked as intermediate until the work is done. False: there is nobody to do it.
bool CheckpointDriver::start_work(Work work, SystemState next) {
  work_ = work;
  next_ = next;
  outstanding_.add();
  const Name name{"checkpoint-committer", info_.token};
  const bool started = runtime_.tasks.spawn(name, &CheckpointDriver::run_work, this).has_value();
  if (!started) outstanding_.remove();
  return started;
}

void CheckpointDriver::run_work(void* context) {
  auto& driver = *static_cast<CheckpointDriver*>(context);
  Self& self = driver.runtime_.tasks.self();
  const Result<void> done = (driver.*driver.work_)();
  driver.epoch_.resume(self);
  driver.arrive(self, driver.next_, done);
  driver.epoch_.suspend(self);
  driver.outstanding_.remove();
}

void CheckpointDriver::arrive(Self& self, SystemState next, const Result<void>& prepared) {
  if (!prepared) {
    CHECK(may_fail(next), "a version cannot be refused");
    SOMETIMES(true, "a checkpoint failed");
    failed_ = true;
    failure_ = prepared.error();
    // On to WAIT_FLUSH: nobody may still mark his records as new when the next cycle begins. And
    // the writer of an index that is under way is waited for.
    const bool goes_on = next.phase == Phase::wait_index_checkpoint ||
                         next.phase == Phase::wait_index_only_checkpoint ||
                         next.phase == Phase::wait_flush;
    if (!goes_on) next.phase = Phase::rest;
  }
  if (next.phase == Phase::rest) return end_cycle(next);
  state_.store(next.pack());
  note(events::kCheckpointPhase, static_cast<int64_t>(next.phase),
       static_cast<int64_t>(next.version), info_.start);
  if (next.phase == Phase::prep_index_checkpoint) index_.start(self);
  changed_.set();
}

// What is done at once before the state word says `next`. Errors end the checkpoint.
Result<void> CheckpointDriver::before(Self& self, SystemState next) {
  switch (next.phase) {
    case Phase::prep_index_checkpoint: return index_.open(info_.token, next.version, log_.tail());
    case Phase::prepare:
      info_.version = next.version;
      info_.next_version = next.version + 1;
      info_.start = log_.tail();
      fuzzy_start_.store(info_.start);
      info_.begin = log_.load(Boundary::begin);
      return {};
    case Phase::wait_flush: return capture(self);
    case Phase::in_progress:
      // Nobody is in the next version yet: what is logged below is of this one, or older.
      if (operations_.is_open()) info_.log_start = operations_.tail();
      return {};
    case Phase::wait_index_checkpoint:
    case Phase::wait_index_only_checkpoint:
    case Phase::persistence_callback:
    case Phase::rest:
    case Phase::reset: return {};
  }
  return {};
}

// Of a checkpoint that folds over, as far as it must be; of others always. Others than the one who
// makes the transition look, too, so this looks at nothing that is his.
bool CheckpointDriver::log_is_written() {
  if (folding_.load() == 0 || given_up_.load() != 0) return true;
  if (log_.flusher().failed()) return true;
  const LogAddr end = fuzzy_end_.load();
  if (log_.load(Boundary::flushed) >= end) return true;
  log_.flusher().try_complete();  // sessions may drive a checkpoint for which nobody waits
  return false;
}

void CheckpointDriver::end_cycle(SystemState rest) {
  close_files();
  if (failed_) remove_failed();
  // Once the machine is idle the next one may start, and all of this is its own.
  const Ended ended{info_.token, failed_ ? failure_.code : Errc::ok, failed_ ? failure_.what : "",
                    info_, machine_.index ? index_.info() : IndexInfo{}};
  CHECK(!failed_ || ended.code != Errc::ok, "a checkpoint failed for no reason");
  state_.store(rest.pack());
  note(events::kCheckpointPhase, static_cast<int64_t>(rest.phase),
       static_cast<int64_t>(rest.version));
  active_.store(0);
  {
    const Lock lock(mutex_);
    Ended& place = ended_[ended.token % kResults];
    if (place.token < ended.token) place = ended;
    note(events::kCheckpointDone, static_cast<int64_t>(ended.info.version),
         static_cast<int64_t>(ended.code), static_cast<int64_t>(ended.token));
  }
  changed_.set();
}

}  // namespace orrery::engine
