// SPDX-License-Identifier: Apache-2.0
// What a world asks: choices, each with an address, a bound and a calm answer, 0.
//
// A failure is a calm run plus a short list of deviations. Everything nondeterministic is asked of
// one Source, under an address that does not depend on what happened elsewhere: the actor (one
// client operation, completion, epoch action or background duty), the site, and the number of times
// that actor asked there before. An answer other than 0 is a deviation; the world records every one
// that took effect, and replaying exactly those gives the same run again.
//
// Scheduling is asked differently, so that an ordinary point costs one countdown: a source says
// *where* an actor will next be switched away from, and only there *who* runs instead.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/runtime/points.hpp"
#include "sim/hash.hpp"

namespace orrery::sim {

using engine::Name;

/// What kind of decision a choice is. The names in tapes are those of `name_of`.
enum class Ask : uint8_t {
  preempt,  // another task runs instead of the current one; the value names it
  next,  // the current task stopped: another one than the longest waiter runs; the value names it
  latency,    // I/O: 1..8 eighths of the nominal latency, 8 + k: 2^k times, up to kLatencyMax
  transfer,   // I/O: 0 at completion; 1..7 so many eighths earlier; 8..14 in two parts
  delivery,   // I/O: 1 inline, in the submitter's stack
  error,      // I/O: a fault of faults/io_error.cpp
  shortfall,  // I/O: a fault of faults/short_transfer.cpp
  allocate,   // Memory, Frames or spawn refuses: faults/alloc_failure.cpp
  power,      // a pending write at power loss: 1 lost
  wake,       // another waiter than the longest is woken first; the value names it
  spurious,   // a wait: 1 ends at once, for no reason
  tear,       // a pending write at power loss: a Landing of sim/media.hpp
  image,      // a power loss: n + 1: the first n pending writes survive; 0: each has its own fate
  edge,       // a power loss: a Landing of the last write that survives, which alone is torn
  name,       // open, remove, list or sync_names fails: faults/name_error.cpp
  rot,        // a file at a power loss: n + 1: its n-th bit is another one: faults/bit_rot.cpp
  cut,        // a file at a power loss: n + 1: its first n sectors are left: faults/cut_file.cpp
  directory,  // one at a power loss: 1: it is gone: faults/lost_directory.cpp
};
inline constexpr int kAskCount = 18;
const char* name_of(Ask ask);

/// Whether the answer is a task, by its key, and not a number.
constexpr bool names_task(Ask ask) {
  return ask == Ask::preempt || ask == Ask::next || ask == Ask::wake;
}

inline constexpr uint64_t kLatencyMax =
    20;  // 2^12 times the nominal latency: held while the rest runs far ahead

/// One incarnation's actor or task, unique in its run: the `repeat`-th of this name.
struct ActorId {
  Name name;
  uint32_t repeat = 0;
  uint32_t incarnation = 0;
};

/// The key of an actor or task: a hash of its full name, so that a tape finds it again.
constexpr uint64_t key_of(uint64_t label_hash, uint64_t number, uint32_t incarnation,
                          uint32_t repeat) {
  return mix(mix(label_hash, number, incarnation), repeat);
}

/// The actor of what becomes of a file while the power is off: this, and the file's name.
inline constexpr std::string_view kAtRest = "at-rest:";

/// Where a choice is asked. `key` identifies it for machines, `actor` for people.
struct Address {
  uint64_t key = 0;  // a hash of the actor's full name
  Ask ask = Ask::preempt;
  uint64_t occurrence = 0;  // for whatever happens at a point of the actor: its number
  ActorId actor;
};

/// Supplies the answers of one run.
class Source {
 public:
  virtual ~Source() = default;

  static constexpr uint64_t kNowhere = UINT64_MAX;

  /// The first point of the actor at or after `from` at which it is to be switched away from.
  virtual uint64_t next_preemption(uint64_t actor_key, uint64_t from) = 0;

  /// Which candidate runs: an index, or -1 for the calm answer. `candidates` is never empty and
  /// does not hold the task that the calm answer would run.
  virtual int pick(const Address& at, std::span<const uint64_t> candidates) = 0;

  /// An answer from 0 to bound - 1.
  virtual uint64_t choose(const Address& at, uint64_t bound) = 0;
};

/// Answers 0 to everything: the calm run.
class Calm final : public Source {
 public:
  uint64_t next_preemption(uint64_t, uint64_t) override { return kNowhere; }
  int pick(const Address&, std::span<const uint64_t>) override { return -1; }
  uint64_t choose(const Address&, uint64_t) override { return 0; }
};

/// A deviation as it happened. The views live as long as the run's labels.
struct Taken {
  Address at;
  uint64_t value = 0;  // the key of the task, if `at.ask` names one
  ActorId task;        // its name
  uint64_t step = 0;
  int64_t now_ns = 0;
};

}  // namespace orrery::sim
