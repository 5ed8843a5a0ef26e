// SPDX-License-Identifier: Apache-2.0
// The checkpoint driver: one state word, a phase and a version, and who may change it when. The
// phases and their order are in system_state.hpp.
//
// No thread drives it. Sessions step it along when they refresh, and so does whoever waits
// for the checkpoint. A transition is made by the one who marks the word as intermediate first; it
// happens once every task inside has marked that it has seen the phase before. What takes as long
// as the devices take (making all durable, and reading it back) is left to a task that lives as
// long. A session copies phase and version when it refreshes and works by its copy, never by the
// word.
// Whatever fails makes the checkpoint fail: its files are removed, the word goes on to REST, and
// the store works on; a version that was begun is used up.
#pragma once

#include <array>

#include "engine/runtime/runtime.hpp"
#include "engine/runtime/sync.hpp"
#include "engine/store/checkpoint_files.hpp"
#include "engine/store/hybrid_log.hpp"
#include "engine/store/index_writer.hpp"
#include "engine/store/names.hpp"
#include "engine/store/operation_log.hpp"
#include "engine/store/outstanding.hpp"
#include "engine/store/session_points.hpp"
#include "engine/store/snapshot.hpp"
#include "engine/store/system_state.hpp"

namespace orrery::engine {

struct CheckpointTicket {
  uint64_t token = 0;
  uint64_t version = 0;  // what it captures; of the index alone, the version that it began in
};

struct CheckpointResult {
  uint64_t token = 0;
  CheckpointInfo info;  // of the log, if it was captured
  IndexInfo index;      // of the index, if it was captured
};

class CheckpointDriver {
 public:
  CheckpointDriver(const Runtime& runtime, EpochTable& epoch, HybridLog& log,
                   SnapshotWriter& snapshot, IndexWriter& index, OperationLog& operations,
                   const Bugs& bugs);

  Result<void> initialise(const StoreOptions& options);
  /// The store was recovered from this checkpoint and goes on in its next version; sessions go on
  /// from their points. Requires: nothing has begun. Errors: no_memory.
  Result<void> recover_to(const CheckpointInfo& info, std::span<const SessionPoint> sessions);
  /// An operation of a session was done again; `serial` is its number. Requires and errors as
  /// above.
  Result<void> replayed(uint64_t session, uint64_t serial);
  /// The store goes on in this version, unless it is in a later one. Requires: nothing has begun.
  void go_on_in(uint64_t version);
  Event& changed() { return changed_; }
  std::string_view prefix() const { return options_.prefix; }

  /// Requires: not protected. Errors: exists; invalid.
  Result<CheckpointTicket> start(const CheckpointRequest& request);
  /// Requires: not protected. See Store::wait_checkpoint.
  Result<CheckpointResult> wait(CheckpointTicket ticket);
  bool ended(CheckpointTicket ticket);
  /// Ends a running checkpoint, well or not.
  void finish_running();
  /// Waits for the task that has ended the last one. Requires: none runs, and none may start.
  void wait_until_idle() { outstanding_.wait_for_none(); }
  /// Has a running checkpoint fail as soon as it can. Nobody may start another.
  void give_up() { given_up_.store(1); }

  /// Ends a running checkpoint, keeps others from starting, and has every session that looks around
  /// wait outside the epoch, until end_reset(). Requires: not protected; one caller at a time.
  void begin_reset();
  /// True while a reset has begun and has not ended.
  bool resetting() const { return state().phase == Phase::reset; }
  /// Removes every checkpoint, durably; or has the log of operations say that they are none, and
  /// returns where. Requires: resetting. Errors: io; then some may be left. Those of
  /// OperationLog::empty; then all are.
  Result<LogAddr> remove_all();
  void end_reset();

  /// Leaves the epoch and comes back while a reset goes on. Requires: protected, and holding
  /// nothing that was read under the epoch. Here, because every operation does it while a
  /// checkpoint lasts.
  SystemState enter_unless_reset(Self& self) {
    for (;;) {
      const uint32_t turn = changed_.ticket();
      const SystemState now = state();
      if (now.phase != Phase::reset) [[likely]]
        return now;
      leave_for_reset(self, turn);
    }
  }

  /// A session opens, and goes on from what is known of it. Errors: no_memory.
  Result<void> add_session(SessionView& view);
  /// It is closed, and remembered.
  void remove_session(SessionView& view);
  bool has_sessions();
  /// See Store::session_serial, Store::session_committed, Store::forget_session.
  uint64_t serial_of(uint64_t session);
  uint64_t committed_of(uint64_t session);
  Result<void> forget_session(uint64_t session);
  /// Brings a session up to the present state. Requires: protected, and holding nothing that was
  /// read under the epoch: this may leave it for a while.
  [[gnu::always_inline]] void refresh(Self& self, SessionView& view) {
    const uint64_t word = state_.load();
    if (word == SystemState{view.phase, view.version}.pack() && view.phase == Phase::rest) return;
    follow(self, view);
  }

  /// Every record that a session of version v + 1 makes lies at or above this.
  LogAddr fuzzy_start() const { return fuzzy_start_.load(); }
  /// Everything at or above this was made in version v + 1. Meaningful from WAIT_FLUSH on.
  LogAddr fuzzy_end() const { return fuzzy_end_.load(); }
  uint64_t version() const { return SystemState::unpack(state_.load()).version; }
  /// No index checkpoint of this life has an entry at or above this.
  LogAddr index_end() const { return index_end_.load(); }

 private:
  static constexpr size_t kResults = 16;

  /// What the caller of a step may do until the next one.
  enum class Wait : uint8_t { nothing, marks, change, flush };

  struct Ended {
    uint64_t token = 0;
    Errc code = Errc::ok;
    const char* what = "";
    CheckpointInfo info;
    IndexInfo index;
  };

  SystemState state() const { return SystemState::unpack(state_.load()); }
  bool find_ended(uint64_t token, Ended& found);
  void help(Self& self, uint32_t turn);
  void leave_for_reset(Self& self, uint32_t turn);
  void follow(Self& self, SessionView& view);
  void walk(SessionView& view, SystemState target);
  void enter(SessionView& view, SystemState state);
  void enter_version(SessionView& view, uint64_t version);
  Wait on_thread(Self& self, SystemState now);
  Wait step_if_marked(Self& self, SystemState now, Marker marker, bool barrier);
  void step(Self& self, SystemState expected, bool barrier);
  static void step_action(void* driver, int64_t word, Self& self);
  void transition(Self& self, SystemState from);
  static bool may_fail(SystemState next);
  using Work = Result<void> (CheckpointDriver::*)();
  Work work_before(SystemState next) const;
  bool start_work(Work work, SystemState next);
  static void run_work(void* driver);
  void arrive(Self& self, SystemState next, const Result<void>& prepared);
  Result<void> before(Self& self, SystemState next);
  bool log_is_written();
  void end_cycle(SystemState rest);

  // checkpoint_commit.cpp
  Result<void> check(const CheckpointRequest& request) const;
  Result<void> capture(Self& self);
  Result<void> begin_snapshot(Self& self);
  Result<void> commit();
  Result<void> sync_log();
  Result<void> commit_operations();
  Result<void> commit_index();
  Result<void> verify();
  Result<void> verify_index();
  Result<void> write_page_table();
  Result<void> describe();
  Result<void> write_metadata();
  Result<LogAddr> void_all();
  using PointOf = SessionPoint (CheckpointDriver::*)(const KnownSession& session) const;
  Result<size_t> collect_sessions(Array<SessionPoint>& points, PointOf of);
  void commit_sessions();
  void forget_committed();
  SessionPoint point_of(const KnownSession& session) const;    // for the checkpoint under way
  SessionPoint present_of(const KnownSession& session) const;  // all that it has finished
  void close_files();
  void remove_failed();
  Result<void> remove_outdated();
  void truncate_logs();
  Result<void> skip_used_tokens();

  Runtime runtime_;
  EpochTable& epoch_;
  HybridLog& log_;
  SnapshotWriter& snapshot_;
  IndexWriter& index_;
  OperationLog& operations_;
  const Bugs& bugs_;
  StoreOptions options_;
  std::array<char, 128> prefix_{};  // what options_.prefix points to
  Event changed_;
  Atomic<uint64_t> state_;
  Atomic<uint32_t> active_{0};  // a machine runs
  Atomic<LogAddr> fuzzy_start_{0};
  Atomic<LogAddr> fuzzy_end_{0};
  Atomic<LogAddr> index_end_{0};
  Atomic<uint32_t> given_up_{0};
  Atomic<uint32_t> folding_{0};  // the running checkpoint folds over, and has begun to

  // The running checkpoint. Belongs to whoever makes the transition.
  CheckpointRequest machine_;
  CheckpointInfo info_;
  Work work_ = nullptr;  // of the task that commits
  SystemState next_;     // after it
  LogAddr index_final_ = 0;
  bool failed_ = false;
  Error failure_;  // if failed_
  Device* snapshot_device_ = nullptr;
  uint64_t next_token_ = 1;
  KeptCheckpoints kept_;
  Outstanding outstanding_;  // the task that works

  Mutex mutex_;
  SessionPoints sessions_ ORRERY_GUARDED_BY(mutex_);
  std::array<Ended, kResults> ended_ ORRERY_GUARDED_BY(mutex_){};
};

}  // namespace orrery::engine
