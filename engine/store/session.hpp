// SPDX-License-Identifier: Apache-2.0
// A session: one client's line of operations on a store.
//
// A session is used by one task at a time. Each operation enters the epoch, looks whether a
// checkpoint has moved on, does its work and leaves; between operations a session holds nothing up.
// An operation that needs a record from the device returns Status::pending, and its result comes
// later from complete_pending, by the function given at the start. Keys and values are copied out
// of the caller's memory before an operation returns; what a pending operation still needs is said
// at each. A key has at least one byte; a value may have none. An error is a value: the operation
// had no effect that this session will see, unless said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/bytes.hpp"
#include "engine/base/result.hpp"
#include "engine/runtime/memory.hpp"
#include "engine/runtime/tasks.hpp"
#include "engine/store/address.hpp"
#include "engine/store/checkpoint.hpp"

namespace orrery::engine {

class Store;
struct Operation;
struct PendingRead;
struct DiskFinding;

enum class Status : uint8_t { ok, not_found, pending, failed };

struct OpResult {
  Status status = Status::ok;
  Error error;                     // for Status::failed
  LogAddr address = kInvalidAddr;  // of the record that holds the value, or held it
  uint64_t version = 0;            // of the session when the operation took effect
  size_t value_size = 0;           // bytes; may exceed the output buffer of a read
  LogAddr log_address = 0;         // the end of its entry in the log of operations; 0: it has none
};

/// What a read-modify-write does. The store may call each of these several times for one operation;
/// only the last sequence takes effect.
class Modifier {
 public:
  virtual size_t initial_size() = 0;
  virtual void initialise(MutableBytes now) = 0;
  virtual size_t updated_size(Bytes old) = 0;
  /// `now` has updated_size(old) bytes and does not overlap `old`.
  virtual void update(Bytes old, MutableBytes now) = 0;

 protected:
  ~Modifier() = default;
};

struct SessionOptions {
  static constexpr uint64_t kIdMax = UINT64_MAX - 1;
  uint64_t id = 0;  // names the session in metadata and notes; to kIdMax
  /// Called from complete_pending and close, once for each operation that returned pending.
  /// It must not use the session.
  void (*completed)(void* context, const OpResult& result) = nullptr;
  size_t staging_size = 0;  // the largest value of rmw in bytes; 0 = whatever fits a page
};

class Session {
 public:
  /// For Store::start_session only.
  Session(Store& store, const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Copies the value to `output`, or as much of it as fits. Pending: `output` stays valid until
  /// completion.
  OpResult read(Bytes key, MutableBytes output, void* context = nullptr);

  /// Never pending.
  OpResult upsert(Bytes key, Bytes value, void* context = nullptr);

  /// Upserts a value of `value_size` zeros without touching its bytes: pages are zero when they are
  /// new. For full-scale runs on sparse frames. Always appends; never pending. Errors: invalid if
  /// operations are logged.
  OpResult upsert_zeros(Bytes key, size_t value_size, void* context = nullptr);

  /// Pending: `modifier` stays valid until completion.
  OpResult rmw(Bytes key, Modifier& modifier, void* context = nullptr);

  /// Status::not_found if there certainly was no such key. Never pending.
  OpResult erase(Bytes key, void* context = nullptr);

  /// Brings closer what operations on these keys will look at, so that they wait once for all of it
  /// and not each for its own. A hint: it changes nothing, and pays in a store beyond the caches of
  /// the machine, for a few keys (8 to 32) that are used soon. (Garnet's batches of reads do so.)
  void prefetch(std::span<const Bytes> keys);

  /// Delivers the results of operations that returned pending. With `wait`, all of them.
  void complete_pending(bool wait);

  /// Takes part in a checkpoint without doing an operation.
  void refresh();

  /// Completes what is pending and leaves the store. The session is not used afterwards.
  void close();

  /// As close, but gives up what is pending: it is asked back from the device where that can be,
  /// and ends with Errc::cancelled, having had no effect.
  void abandon();

  uint64_t id() const { return view_.id; }
  uint64_t version() const { return view_.version; }
  size_t pending_count() const { return pending_count_; }

 private:
  friend class Store;
  friend class OperationRun;

  Result<void> allocate_staging(size_t size);
  Result<void> open();
  OpResult execute(Operation& operation);

  // pending.cpp
  OpResult start_pending(const Operation& operation);
  OpResult answered(const OpResult& result);
  static bool is_stale(const OpResult& result);
  void run_again(PendingRead& pending);
  Result<void> issue_read(PendingRead& pending, int64_t size);
  void deliver_ready();
  void continue_read(PendingRead& pending);
  Result<bool> look_at_read(PendingRead& pending, DiskFinding& finding);
  Result<bool> read_failed(PendingRead& pending, const Error& error);
  Instant issue_due();
  void cancel_reads();
  void free_pending(PendingRead& pending);
  void finish(PendingRead& pending, const OpResult& result);
  static void read_done(Io& io);

  Store& store_;
  SessionView view_;
  void (*completed_)(void*, const OpResult&);
  Array<std::byte> old_value_;  // what a modifier reads
  Array<std::byte> new_value_;  // what it writes
  size_t pending_count_ = 0;
  PendingRead* pending_ = nullptr;  // all of them
  PendingRead* waiting_ = nullptr;  // for the next attempt at a read that failed
  bool abandoned_ = false;
  uint64_t serial_ = 0;  // what view_.serial says
  bool open_ = false;
  Atomic<PendingRead*> ready_{nullptr};  // newest first; filled by completions
  Atomic<uint32_t> ready_turn_{0};       // changes after each of them
  Outstanding reads_;                    // reads whose completion has not left the session
};

}  // namespace orrery::engine
