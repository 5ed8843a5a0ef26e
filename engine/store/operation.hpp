// SPDX-License-Identifier: Apache-2.0
// One operation of a session, from entering the store to its result.
//
// An attempt finds the entry of the key's hash, latches the chain, searches it, and either does its
// work or says why it cannot now: a lost race, somebody else's unfinished business, a version that
// has moved on, no memory before a flush ends, a record that is only on the device. What is known
// about the store is forgotten between two attempts, except for a record that was allocated in vain
// and may serve the next one.
#pragma once

#include <optional>

#include "engine/store/hash_index.hpp"
#include "engine/store/operation_log.hpp"
#include "engine/store/session.hpp"

namespace orrery::engine {

enum class OpKind : uint8_t { read, upsert, rmw, erase };

/// What the device said about a key.
struct DiskFinding {
  bool found = false;
  LogAddr address = kInvalidAddr;
  bool tombstone = false;
  Bytes value;
  LogAddr initial_latest = kInvalidAddr;  // the chain from here on down has been searched
};

struct Operation {
  OpKind kind = OpKind::read;
  Bytes key;
  Bytes value;            // for upsert
  size_t value_size = 0;  // for upsert
  bool zeros = false;     // for upsert: the value is zeros, and is not written
  MutableBytes output;    // for read
  Modifier* modifier = nullptr;
  void* context = nullptr;
  uint64_t hash = 0;
  const DiskFinding* finding = nullptr;

  // An allocation of an earlier attempt. Its record is invalid, but its lengths are in place.
  LogAddr saved = kInvalidAddr;
  int64_t saved_size = 0;
  uint64_t saved_version = 0;
  Phase saved_phase = Phase::rest;

  uint64_t generation = 0;  // of the contents that this knows something of

  // Where to go on, if the record is on the device.
  LogAddr disk_address = kInvalidAddr;
  LogAddr initial_latest = kInvalidAddr;
};

class OperationRun {
 public:
  OperationRun(Session& session, Operation& operation);

  /// Requires: not protected. Status::pending: the caller is to read from operation.disk_address.
  OpResult execute();

 private:
  enum class Outcome : uint8_t {
    done,
    retry_now,         // lost a race
    retry_later,       // waits for another task
    retry_allocation,  // waits for an eviction
    shift,             // the record is of the next version, and this session must be too
    wait_for_flush,
    wait_for_log,  // of operations: it has no room for the entry now
    on_disk,
  };

  /// A record in memory, or where the chain leaves it.
  struct Hit {
    bool in_memory = false;
    LogAddr address = kInvalidAddr;
    PageRef at;
    RecordHeader header;
  };

  /// Where a new record goes into the chain.
  struct Link {
    FoundEntry entry;
    LogAddr source = kInvalidAddr;  // the record it replaces, to be sealed; or kInvalidAddr
    LogAddr copied = kInvalidAddr;  // the record it is a copy of, made by a read; or kInvalidAddr
  };

  /// What a new record is made of.
  struct Content {
    Bytes value;
    size_t size = 0;
    bool zeros = false;
    bool tombstone = false;
  };

  /// A record that is being made.
  struct Draft {
    LogAddr address = kInvalidAddr;
    int64_t size = 0;  // of the allocation: a multiple of 8, perhaps more than it needs
    uint64_t header = 0;
    bool elides = false;  // takes the record that it replaces out of its chain
  };

  void wait_for(Outcome outcome);
  void note_wait(uint16_t kind) const;
  void refresh();
  Outcome attempt();
  Outcome attempt_read();
  Outcome attempt_update();
  Outcome read_latched(const FoundEntry& entry);
  Outcome read_record(const FoundEntry& entry, const Hit& hit);
  void copy_read(const Link& link, Bytes value);
  Outcome update_latched(const FoundEntry& entry);
  Outcome upsert(const FoundEntry& entry);
  Outcome rmw(const FoundEntry& entry);
  Outcome rmw_record(const FoundEntry& entry, const Hit& hit);
  Outcome rmw_missing(const FoundEntry& entry, const Hit& hit);
  Outcome copy_update(const Link& link, Bytes old);
  Outcome create(const Link& link);
  Outcome erase(const FoundEntry& entry);
  Outcome append(const Link& link, const Content& content);
  std::optional<Outcome> allocate(const Link& link, int64_t size, Draft& draft);
  void write_record(const Draft& draft, const Content& content) const;
  Outcome link_record(const Link& link, const Draft& draft);
  void save(const Draft& draft);
  bool reuse_saved(int64_t size, LogAddr latest, Draft& draft);
  bool may_elide(const Link& link) const;
  bool leaves_nothing(const Link& link) const;
  Outcome unlink(const Link& link);
  void seal(LogAddr source, bool elided);
  bool fits_in_place(const Hit& hit, Bytes value) const;
  Outcome update_in_place(const Hit& hit, Bytes value);
  std::optional<Outcome> reserve_entry(LoggedKind kind, Bytes value);
  void fill_entry(bool happened);

  Hit search(LogAddr from, LogAddr floor) const;
  bool meets_next_version(EntryWord word) const;
  bool frozen(const Hit& hit) const;
  bool may_resize(const Hit& hit) const;
  void change_bits(PageRef at, RecordHeader header, uint64_t set, uint64_t clear = 0) const;
  bool value_fits(size_t size) const;
  int32_t value_length(const Hit& hit) const;
  PageRef value_of(const Hit& hit) const;
  Outcome succeed(LogAddr address, size_t value_size);
  Outcome missing();
  Outcome fail(const Error& error);
  Outcome deliver(Bytes value, LogAddr address);

  Session& session_;
  Store& store_;
  HybridLog& log_;
  SessionView& view_;
  Operation& operation_;
  Self& self_;
  OpResult result_;
  uint32_t flush_ticket_ = 0;
  LoggedOperation entry_;  // what is to be logged
  Allocation room_;        // for it
  bool room_taken_ = false;
};

}  // namespace orrery::engine
