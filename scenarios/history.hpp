// SPDX-License-Identifier: Apache-2.0
// What the clients of one run asked, and what they saw.
//
// In come the two ends of each operation: begin() before the engine is called, end() when it has
// answered. Out goes one flat list of operations in the order they were begun; oracles read it
// after the run. An operation whose end never came keeps the outcome `unknown`: it may have
// happened, at any later time, or never. The history never judges, never looks into the engine, and
// never forgets an operation.
//
// Here too is what clients write. A key or a value begins with a number; every further byte follows
// from that number and the byte's position. So whoever reads bytes knows which number was written,
// and sees if they are torn, stale in part, or those of someone else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/bytes.hpp"

namespace orrery::scenarios {

enum class OpKind : uint8_t {
  read,
  upsert,
  add,  // reads, modifies and writes a number; an absent key counts as 0
  erase,
};

enum class Outcome : uint8_t {
  ok,
  not_found,
  failed,   // certainly without effect
  unknown,  // may have happened, at any later time, or never
};

inline constexpr uint64_t kNeverReturned = UINT64_MAX;

struct Operation {
  uint32_t client = 0;
  OpKind kind = OpKind::read;
  Outcome outcome = Outcome::unknown;
  uint64_t key = 0;
  uint64_t argument = 0;  // the number written, or the amount added
  uint64_t result = 0;    // the number read, or the number after an add
  bool garbage = false;   // the bytes read were not a value that the encoding allows
  bool damaged = false;   // it failed because of what the store found
  uint64_t invoked = 0;   // steps
  uint64_t returned = kNeverReturned;
  int64_t address = -1;  // of the record that held the value; -1: not known
  uint64_t version = 0;  // of the session when it took effect; 0: not known
  int64_t log_end = 0;   // of its entry in the log of operations; 0: it has none, or not known
  uint32_t task = UINT32_MAX;  // that asked, as the trace numbers them; UINT32_MAX: not known
  uint32_t life = 0;           // of the store, which crashes between two
};

/// How an operation ended, as its client saw it.
struct Ending {
  Outcome outcome = Outcome::ok;
  uint64_t step = 0;
  uint64_t result = 0;
  bool garbage = false;
  bool damaged = false;
  int64_t address = -1;
  uint64_t version = 0;
  int64_t log_end = 0;
};

/// One operation certainly ended before the other began. Two that met in one step are concurrent:
/// a step is too coarse to order them, and an oracle must not raise a false alarm.
inline bool before(const Operation& first, const Operation& second) {
  return first.returned < second.invoked;
}

class History {
 public:
  /// Notes that a client is about to call the engine. Returns the name of the operation for end().
  size_t begin(uint32_t client, OpKind kind, uint64_t key, uint64_t argument, uint64_t step,
               uint32_t task = UINT32_MAX);

  /// Requires: `index` came from begin() since the last clear() and has not ended yet.
  void end(size_t index, const Ending& ending);

  std::span<const Operation> operations() const { return operations_; }

  /// Operations from now on belong to this life of the store.
  void set_life(uint32_t life) { life_ = life; }

  /// Forgets all, and keeps the memory for the next run.
  void clear() {
    operations_.clear();
    life_ = 0;
  }

 private:
  std::vector<Operation> operations_;
  uint32_t life_ = 0;
};

inline constexpr size_t kEncodedSizeMin = 8;
inline constexpr size_t kKeyLongest = kEncodedSizeMin + 8;  // bytes of the longest key of a load

/// The n-th number that a client writes; what is added to it counts on.
constexpr uint64_t number_of(uint32_t client, uint64_t n) {
  return (uint64_t{client} + 1) << 40 | n;
}

/// "26 of client 1"; a number that began as no client's is told as it is.
std::string name_of_number(uint64_t number);

/// Writes the value that says `number` into the first `size` bytes of `room`, and returns these.
/// Requires: kEncodedSizeMin <= size <= room.size().
engine::Bytes encode_value(uint64_t number, size_t size, engine::MutableBytes room);

/// The number that `value` says; nothing if a byte of it is not what that number demands.
std::optional<uint64_t> decode_value(engine::Bytes value);

/// The same for keys. The patterns differ: a key never passes for a value.
engine::Bytes key_bytes(uint64_t key, size_t size, engine::MutableBytes room);
std::optional<uint64_t> decode_key(engine::Bytes key);

}  // namespace orrery::scenarios
