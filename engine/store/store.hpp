// SPDX-License-Identifier: Apache-2.0
// The store: a hash index over a log of records, part of it in memory; and its checkpoints.
//
//   Store
//    |- EpochTable       who may still look at what
//    |- HashIndex        key hash -> newest record of a chain
//    |- HybridLog        records; Flusher and the main device below it
//    |- SnapshotWriter   pages of a snapshot on their way to its device
//    |- OperationLog     what was done, if it is logged: an AppendLog
//    '- CheckpointDriver the state word; which version the store is in
//
// Everything it does is against the Runtime it was opened with. Sessions, and whoever waits for a
// checkpoint, drive it; there is no thread in the background but tasks that write a checkpoint, and
// make it durable, and end with it.
#pragma once

#include "engine/base/result.hpp"
#include "engine/runtime/memory.hpp"
#include "engine/runtime/null_device.hpp"
#include "engine/runtime/runtime.hpp"
#include "engine/store/bugs.hpp"
#include "engine/store/checkpoint.hpp"
#include "engine/store/checkpoint_files.hpp"
#include "engine/store/epoch.hpp"
#include "engine/store/hash_index.hpp"
#include "engine/store/hybrid_log.hpp"
#include "engine/store/operation_log.hpp"
#include "engine/store/options.hpp"
#include "engine/store/session.hpp"
#include "engine/store/snapshot.hpp"

namespace orrery::engine {

class Store {
 public:
  /// A new, empty store. `bugs` outlives it. Where a store has been, it begins only if nothing can
  /// be recovered: what a life left behind that died before its first checkpoint of the log is
  /// written over. Errors: exists if there is a checkpoint of the log that is valid, or a log of
  /// operations, whether the options ask for one or not; invalid, also if there is metadata of
  /// another format; no_memory, and those of the devices. Nothing is changed then.
  static Result<Owned<Store>> open(const Runtime& runtime, const StoreOptions& options,
                                   const Bugs& bugs);

  /// The store as a checkpoint captured it: everything of its version and nothing of the next. It
  /// goes on in the next version. The memory may be of another size than it was then.
  /// `options.first_address` does not count before a reset. Errors: not_found if there is no valid
  /// checkpoint, invalid if it is one of another geometry, corrupt with the address of the page
  /// that is damaged or was never written, no_memory, and those of the devices. Metadata of another
  /// format is invalid, too, with the number of the format, whichever checkpoint is wanted.
  /// Going back to an older checkpoint removes the newer ones, and not before the older one has
  /// been read wholly: an error before that leaves all checkpoints as they were.
  /// With log_operations what was logged since is done again, in the order of the log, from
  /// whichever checkpoint it begins; the store goes on in a version above all of it. A log alone is
  /// enough. Errors besides: corrupt, with an address in the log, also if it does not reach back to
  /// the checkpoint, or if none of its commits is whole; invalid if there is a log and the options
  /// have none.
  static Result<Owned<Store>> recover(const Runtime& runtime, const StoreOptions& options,
                                      const Bugs& bugs, const RecoverOptions& wanted = {});

  /// For open only.
  Store(const Runtime& runtime, const StoreOptions& options, const Bugs& bugs);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Requires: no session with this id is open. Errors: invalid if it is above kIdMax; no_memory.
  Result<Owned<Session>> start_session(const SessionOptions& options);

  /// Starts a checkpoint. It goes on while sessions work, or while somebody waits for it. Errors:
  /// exists, if one is running; invalid, if it asks for nothing, or for a cache to be folded over.
  Result<CheckpointTicket> start_checkpoint(const CheckpointRequest& request = {});

  /// Waits for the end of a checkpoint and helps it along. Requires: the caller is in no operation.
  /// Errors: what made the checkpoint fail; not_found if it ended many checkpoints ago.
  Result<CheckpointResult> wait_checkpoint(CheckpointTicket ticket);

  /// True if the checkpoint has ended, well or not.
  bool checkpoint_ended(CheckpointTicket ticket);

  /// Makes all updates durable that have returned, whatever becomes of the process: those whose
  /// OpResult::log_address is at most what this returns. Requires: the caller is in no operation.
  /// Errors: invalid if no operations are logged; what made the commit fail. A commit that failed
  /// may be tried again.
  Result<LogAddr> commit_log();

  /// Makes everything up to the present tail read-only, and waits until the main device took it.
  /// Errors: those of the main device.
  Result<void> flush();

  /// Gives up everything below `address`, where a record begins or the tail is: a key whose newest
  /// record lies there is gone. The room on the main device comes back when no checkpoint that is
  /// kept needs it any more, with the next one (see StoreOptions::checkpoints_kept). A recovery may
  /// bring back what its checkpoint or the log of operations holds. Sessions may work meanwhile;
  /// waits for flushes and page writes. Requires: the caller is in no operation. Errors: invalid,
  /// and those of the main device; begin is raised all the same.
  Result<void> shift_begin(LogAddr address);

  /// Memory grows or shrinks while the store works: so many slots of the ring stay unused, at least
  /// as many as StoreOptions::empty_pages says. Requires: the caller is in no operation. Errors:
  /// invalid.
  Result<void> set_empty_pages(uint32_t pages);

  /// Drops every key and every checkpoint; the log begins anew at its first address. Sessions may
  /// work meanwhile: each operation takes effect before or after. Waits for a running checkpoint
  /// and for all requests. Durable when it returns. Returns its place in the log of operations, as
  /// OpResult::log_address, if there is one. Requires: the caller is in no operation. Errors: io,
  /// if the checkpoints could not be removed for good, and no_memory: then the contents are as they
  /// were, but some of the checkpoints may be gone. With a log of operations they are all there,
  /// and what made its commit fail is an error, too; uncertain, if nobody knows what a recovery
  /// would find: then every update fails with that from now on.
  Result<LogAddr> reset();

  /// Ends a running checkpoint, waits for all requests and frees everything.
  /// Requires: all sessions are closed. Nothing but the destructor may follow.
  void close();

  /// As close, but a running checkpoint is given up: no page of it is written that was not begun.
  void dispose();

  /// What the store was recovered from; its token is 0 if it was not.
  const CheckpointInfo& recovered() const { return recovered_.info; }
  /// How many operations of the session have finished, in this life and in those before, whatever
  /// their answer was: each call of an operation counts once. 0 if it is not known. Of a recovered
  /// store: those that are in its contents, up to the last update that its log of operations knows.
  /// A session that is started under this id counts on from there.
  uint64_t session_serial(uint64_t session) { return driver_.serial_of(session); }

  /// How many of them the newest checkpoint of the log holds that was committed; 0 if there is
  /// none, or perhaps none since a reset. Once wait_checkpoint has returned, the client need not
  /// remember these, until the store is emptied.
  uint64_t session_committed(uint64_t session) { return driver_.committed_of(session); }

  /// Sessions that were closed are remembered, and each checkpoint says how far they had come. This
  /// one will not come back. Errors: invalid if it is open.
  Result<void> forget_session(uint64_t session) { return driver_.forget_session(session); }

  const StoreOptions& options() const { return options_; }
  const HybridLog& log() const { return log_; }
  const HashIndex& index() const { return index_; }
  uint64_t version() { return driver_.version(); }

 private:
  friend class Session;
  friend class OperationRun;

  static Result<Owned<Store>> make(const Runtime& runtime, const StoreOptions& options,
                                   const Bugs& bugs, FoundCheckpoint* checkpoint);
  // store_reset.cpp
  Result<LogAddr> empty(Self& self);
  bool begin_read(uint64_t generation);
  void end_read() { reads_.remove(); }
  uint64_t generation() const { return generation_.load(); }

  Result<void> initialise();
  Result<void> begin_new();
  Result<void> load();
  Result<void> go_back();
  void stop_copies(LogAddr below);

  // operation_replay.cpp
  Result<void> open_operations();
  Result<void> recover_operations();
  Result<uint64_t> replay(Session& session, LogAddr from);

  Runtime runtime_;
  StoreOptions options_;
  const Bugs& bugs_;
  // What leaves the memory of a cache is gone for everybody who looks: a read that copies it must
  // be alone with its bucket, or it would bring back what another has missed.
  bool copies_alone_ = false;
  bool open_ = false;
  NullDevice null_device_;
  Device* main_ = nullptr;
  EpochSlots epoch_slots_;
  EpochTable epoch_;
  HashIndex index_;
  HybridLog log_;
  SnapshotWriter snapshot_;
  IndexWriter index_writer_;
  OperationLog operations_;
  CheckpointDriver driver_;
  FoundCheckpoint recovered_;
  Mutex reset_mutex_;               // of whoever empties the store or changes its memory
  Atomic<uint64_t> generation_{0};  // of the contents: counts the resets
  Atomic<LogAddr> keeps_from_{0};   // what lies below is given up, or about to be: not to be copied
  Outstanding reads_;               // of all sessions
};

}  // namespace orrery::engine
