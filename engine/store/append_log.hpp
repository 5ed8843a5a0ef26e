// SPDX-License-Identifier: Apache-2.0
// An append-only log of entries: bytes go in at the tail, a commit makes them durable, an iterator
// reads them in order, and the oldest are given up.
//
//   AppendLog
//    |- HybridLog     the ring, its flushes and evictions; no index
//    |- main device   the entries (append_log_entry.hpp)
//    '- CommitFiles   what is durable of them (append_log_files.hpp)
//
// A commit says nothing before all of it is on the device and synced. In the regular mode a file
// then names the new end; in the fast mode a record among the entries does, and a file only now and
// then. There is no thread behind it: of those who wait for a commit one leads a round for all.
//
// What cannot be written ends a log: everybody is told, nobody waits for ever. A tolerant log gives
// the range up, tells those whose entries were in it, and goes on. A commit that fails for another
// reason may be tried again.
//
// A crash takes what no commit had made durable. Each life of a log has an incarnation of its own,
// whose number is durable before the first entry: what an earlier life left behind the end is never
// taken for an entry of this one.
#pragma once

#include <optional>

#include "engine/runtime/null_device.hpp"
#include "engine/store/append_log_entry.hpp"
#include "engine/store/append_log_files.hpp"
#include "engine/store/blocking_io.hpp"
#include "engine/store/epoch.hpp"
#include "engine/store/hybrid_log.hpp"
#include "engine/store/options.hpp"

namespace orrery::engine {

struct AppendLogOptions {
  /// The ring, the device and the prefix. What concerns an index or a snapshot does not count.
  StoreOptions ring;
  bool fast_commit = false;
  uint32_t file_interval = 1000;  // in the fast mode every so many commits get a file; from 1
  bool tolerant = false;
  EpochSlots* slots = nullptr;  // of an owner with an epoch of his own; null: the log has its own
  const Bugs* bugs = nullptr;   // outlive the log; null: none
  uint16_t notes = 0;           // added to the kind of every event: see events::kOfOperationLog
};

/// Where an entry stands.
struct Written {
  LogAddr address = kInvalidAddr;
  LogAddr end = kInvalidAddr;
};

class AppendLog {
 public:
  /// A new, empty log. Its first commit file is durable when it returns. Errors: exists if there is
  /// a log already, corrupt if there was one and it is damaged, invalid, also if there is a commit
  /// file of another format, no_memory, and those of the devices.
  static Result<Owned<AppendLog>> open(const Runtime& runtime, const AppendLogOptions& options);

  /// The log as its last durable commit left it. What it finds is durable when it returns, so that
  /// the next recovery finds it as well. Errors: not_found if no log was ever opened, or nothing is
  /// left of it, or it has no device; invalid if it is one of another geometry or format, or has
  /// had too many lives; corrupt, also if its device is missing or was cut short, or no commit is
  /// there or whole; no_memory, and those of the devices.
  static Result<Owned<AppendLog>> recover(const Runtime& runtime, const AppendLogOptions& options);

  /// For open and recover only.
  AppendLog(const Runtime& runtime, const AppendLogOptions& options);
  ~AppendLog();
  AppendLog(const AppendLog&) = delete;
  AppendLog& operator=(const AppendLog&) = delete;

  /// Appends an entry; waits for flushes and evictions. Requires: not protected. Errors: invalid if
  /// it has no bytes, too_large if it does not fit on a page, no_memory, and those of the device.
  Result<Written> enqueue(Bytes payload);
  /// The same without a wait; nothing if it would have to.
  Result<std::optional<Written>> try_enqueue(Bytes payload);

  /// The same in two halves, for an owner who decides in between what the entry is to say. Room for
  /// so many bytes, without a wait; with it the caller is inside the log's epoch until fill(),
  /// which is to follow at once: nothing from there on becomes durable before. Errors: as enqueue.
  Allocation reserve(size_t length);
  /// The parts follow each other, and have the length that was reserved.
  Written fill(LogAddr address, std::span<const Bytes> parts);
  /// For a reservation that got no room: until there may be some. Requires: not protected.
  void wait_for_room(const Allocation& refused);

  /// Makes everything durable that was appended and given up before the call. `from` is the lowest
  /// address that the caller cares about. Returns the end of what is durable. Errors: io, with the
  /// address, if a tolerant log lost something above `from`; otherwise what made the commit fail.
  Result<LogAddr> commit(LogAddr from);
  /// Waits until commits of others have made the entry durable. Errors: as commit.
  Result<void> wait_commit(const Written& entry);

  /// What every later commit makes durable besides, and a recovery finds: see CommitMarks. A commit
  /// that begins after the call covers it, also if nothing was appended. Errors: those of
  /// CommitMarks; invalid for a position that the log has not reached.
  Result<void> set_cookie(Bytes cookie);
  Result<void> set_position(std::string_view name, LogAddr address);
  void drop_position(std::string_view name);
  /// As they were set, or recovered.
  CommitMarks marks();

  /// Gives up what lies below `address`, which is that of an entry or the end of one. Readers pass
  /// over it from now on; the next commit makes that durable and gives the room back. Errors:
  /// invalid if the log has not come so far.
  Result<void> truncate_until(LogAddr address);

  /// What is below it is not read any more.
  LogAddr begin() const;
  LogAddr tail() const { return log_.tail(); }
  /// What is below it is durable, without the holes.
  LogAddr committed_until() const { return committed_until_.load(); }
  /// All entries below it are complete. Takes a look around first.
  LogAddr refresh_safe_tail();
  LogAddr safe_tail() const { return safe_tail_.load(); }

  /// No reader waits for more from now on: whoever does is told that nothing will come.
  void end_waits();

  /// Waits until nothing is under way and frees everything. Requires: no call is under way but that
  /// of a reader who waits for more; it is ended. No iterator is used afterwards. Nothing but the
  /// destructor may follow.
  void close();

  uint32_t incarnation() const { return incarnation_; }
  const HybridLog& log() const { return log_; }

 private:
  friend class AppendLogIterator;
  friend class AppendLogRecovery;

  /// What a caller waits for, and since when.
  struct Goal {
    LogAddr until = 0;
    LogAddr begin = 0;
    uint32_t marks = 0;   // marks_turn_
    uint32_t rounds = 0;  // that had begun before
  };

  static Result<Owned<AppendLog>> make(const Runtime& runtime, const AppendLogOptions& options,
                                       bool recovers);
  static uint64_t page_end(const void* log, LogAddr address);
  Result<void> open_device(bool needed);
  PatientIo main_io() { return PatientIo(runtime_, *main_, options_.ring.main_io); }
  Result<void> start(LogAddr first);
  Result<void> begin_new();
  Result<uint64_t> first_number() const;

  Result<Written> append(EntryKind kind, Bytes payload);
  void write(EntryKind kind, LogAddr address, std::span<const Bytes> parts);
  Result<void> check_size(size_t length) const;
  void wake_readers();

  // append_log_commit.cpp
  Goal goal(LogAddr until) const;
  bool reached(const Goal& goal) const;
  Result<void> wait_for(const Goal& goal, bool may_lead);
  std::optional<Error> failure_after(uint32_t rounds);
  void lead();
  Result<void> run_round();
  Result<void> write_file(const CommitInfo& info);
  void publish(const CommitInfo& info, uint32_t marks);
  uint32_t take_marks(CommitMarks& marks);
  void adopt_marks(const CommitMarks& marks);
  void give_up_below(LogAddr begin);
  Result<void> look_for_loss(LogAddr from, LogAddr until);

  Runtime runtime_;
  AppendLogOptions options_;
  std::array<char, 100> prefix_{};  // the caller's text may be gone tomorrow
  const Bugs no_bugs_{};
  const Bugs& bugs_;
  bool open_ = false;
  uint32_t incarnation_ = 1;
  NullDevice null_device_;
  Device* main_ = nullptr;
  EpochSlots own_slots_;
  EpochTable epoch_;
  HybridLog log_;
  CommitFiles files_;

  Atomic<LogAddr> soft_begin_{0};  // what truncate_until asked for
  Atomic<LogAddr> safe_tail_{0};
  Outstanding waiting_readers_;
  Atomic<uint32_t> ended_{0};  // 1: no reader waits any more
  Atomic<LogAddr> committed_begin_{0};
  Atomic<LogAddr> committed_until_{0};
  Atomic<uint32_t> marks_turn_{0};       // changes with every mark that is set
  Atomic<uint32_t> committed_marks_{0};  // what it was for the marks that are durable
  Atomic<uint32_t> rounds_{0};           // commit rounds that have begun
  Atomic<uint32_t> leading_{0};          // 1 while somebody leads a round

  // Only who leads a round looks at these.
  uint64_t last_number_ = 0;
  uint32_t since_file_ = 0;   // commits without a file of their own
  CommitInfo last_file_;      // the newest durable one
  uint32_t filed_holes_ = 0;  // Flusher::hole_turn() of it
  uint32_t filed_marks_ = 0;  // marks_turn_ of it

  Mutex mutex_;
  uint32_t failed_round_ ORRERY_GUARDED_BY(mutex_) = 0;
  Error failure_ ORRERY_GUARDED_BY(mutex_);
  CommitMarks marks_ ORRERY_GUARDED_BY(mutex_);
};

}  // namespace orrery::engine
