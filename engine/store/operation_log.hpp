// SPDX-License-Identifier: Apache-2.0
// The log of a store's operations: what each update did to which key, so that a recovery loses none
// that a commit has made durable.
//
//   <prefix>/aof    an AppendLog; an entry is
//   u8 kind   u8 zero, 3 times   u32 length of the key   i64 version   u64 session   u64 serial
//   key   value
//
// An update takes room for its entry first, has its effect, and fills the entry, all of it under
// the latch of its chain: the entries of a key stand in the order of what happened to it, and
// whoever has seen an effect logs behind its entry. An effect that did not come to be leaves an
// entry of no meaning. Nobody waits for room inside the store.
//
// The version is that of the session. A checkpoint says where the log was when the first session
// could enter the version after its own; from there on a recovery replays what is of a later one.
//
// A store that is emptied says so in the log, and what every session had done until then. It counts
// by a position of the log's commits, and not by its entry: what is durable in one step is either
// there or not, and a checkpoint whose place is at or below the position is none.
#pragma once

#include <optional>

#include "engine/store/append_log.hpp"
#include "engine/store/metadata.hpp"

namespace orrery::engine {

enum class LoggedKind : uint8_t {
  upsert = 1,  // the key has this value; also what a read-modify-write has made of it
  erase = 2,
  nothing = 3,  // room that was taken for an effect that did not come to be
  emptied = 4,  // the store was empty here, if the position of the log's commits says so
  session = 5,  // so many operations of this session had finished
};

struct LoggedOperation {
  LoggedKind kind = LoggedKind::nothing;
  uint64_t version = 0;
  uint64_t session = 0;
  uint64_t serial = 0;  // the number of the operation in its session, from 1
  Bytes key;            // none from `emptied` on
  Bytes value;
};

/// What stands before key and value.
inline constexpr size_t kLoggedHead = 32;
void encode_logged_head(const LoggedOperation& operation, MutableBytes out);
/// Key and value are in `payload`. Errors: corrupt.
Result<LoggedOperation> decode_logged(Bytes payload);

class OperationLog {
 public:
  OperationLog(const Runtime& runtime, const Bugs& bugs) : runtime_(runtime), bugs_(bugs) {}

  /// Where the store was emptied last; 0 if it never was. Errors: not_found if no such log was ever
  /// opened; corrupt if none of its commits is whole; invalid if it is of another format,
  /// no_memory, and those of the devices.
  static Result<LogAddr> look_for(const Runtime& runtime, const StoreOptions& store);

  /// The slots outlive it. Errors: those of AppendLog::open and AppendLog::recover.
  Result<void> open(const StoreOptions& store, EpochSlots& slots);
  Result<void> recover(const StoreOptions& store, EpochSlots& slots);
  /// Waits until nothing is under way. Does nothing if it is not open.
  void close();

  bool is_open() const { return static_cast<bool>(log_); }
  /// What is replayed is not logged again.
  void set_replaying(bool replaying) { replaying_ = replaying; }
  bool takes() const { return is_open() && !replaying_; }

  /// Room for the entry, without a wait. With it the caller is inside the log until fill(). Errors:
  /// too_large if it does not fit on a page, no_memory, and those of the device.
  Allocation reserve(const LoggedOperation& operation);
  /// Writes what room was reserved for; the kind may be another one now. Returns the end of it.
  LogAddr fill(LogAddr address, const LoggedOperation& operation);
  /// For a reservation that got no room. Requires: the caller is not inside the store.
  void wait_for_room(const Allocation& refused) { log_->wait_for_room(refused); }

  /// Makes everything durable that was logged before the call; returns the end of it. Requires: the
  /// caller is not inside the store. Errors: what made the commit fail.
  Result<LogAddr> commit();

  /// Says durably that nothing of before is left in the store, and gives up what was logged before.
  /// Returns the end of the entry. Requires: as commit; nobody logs anything meanwhile. Errors:
  /// what made it fail: then nothing of the store may be given up. If nobody knows what a recovery
  /// would find it is uncertain, and so is every reservation from now on.
  Result<LogAddr> empty(uint64_t version, std::span<const SessionPoint> sessions);

  LogAddr tail() const { return log_->tail(); }
  /// Gives up what lies below; the next commit gives the room back.
  void truncate_until(LogAddr address);

  AppendLog& log() { return *log_; }

 private:
  Result<Written> append(const LoggedOperation& entry);

  Runtime runtime_;
  const Bugs& bugs_;
  bool replaying_ = false;
  bool in_doubt_ = false;  // changes while nobody logs anything
  Owned<AppendLog> log_;
};

}  // namespace orrery::engine
