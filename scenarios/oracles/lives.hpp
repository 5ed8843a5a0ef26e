// SPDX-License-Identifier: Apache-2.0
// The lives of a store that crashes: what each was recovered from, and what clients did in it.
//
// A life begins with what recovery made of the newest checkpoint, and clients read all of it back
// before anything else happens. What they read stands at the head of the life's operations, as
// writes that ended before it began: so every life can be judged like a run of its own, and the
// next one by what this one had done up to its checkpoint.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scenarios/oracles/linearizable.hpp"
#include "scenarios/run.hpp"
#include "sim/fault.hpp"

namespace orrery::scenarios {

/// The client that reads everything back when a life begins.
inline constexpr uint32_t kRecoveryReader = 1001;

struct Life {
  uint64_t end = 0;             // step
  size_t end_event = SIZE_MAX;  // of the crash; SIZE_MAX: it did not crash
  // Of its recovery; the first life has none.
  bool recovery_ended = false;
  size_t recovery_event = 0;
  engine::Errc outcome = engine::Errc::ok;
  uint64_t version = 0;  // recovered; 0 = none: the life began empty
  uint64_t token = 0;
  uint32_t base = 0;         // the life in which that checkpoint was taken
  bool resurrected = false;  // it was taken before the store was emptied
  bool failed = false;       // it had been reported as failed, and its files were removed
  bool given_up = false;     // an older one was gone back to since
  uint64_t asked = 0;        // the version up to which it was asked for; 0: the newest
  // The newest version up to `asked` that had been committed and never removed; 0: perhaps none.
  uint64_t kept = 0;
  size_t damaged_event = 0;  // such a one was there, and a recovery could not read it
  size_t missed_event = 0;   // such a one was asked for, and none was found
  size_t hidden_event = 0;   // there was one, and who came with other sectors heard of none
  // The version up to which a checkpoint was asked for, and newer ones given up; 0: the newest was.
  uint64_t back_to = 0;
  std::vector<Found> found;  // what was read back
  bool begin_known = false;  // all of it; the first life begins empty

  /// What a session was told when it began: how many of its operations were there.
  struct Begun {
    uint64_t serial = 0;
    size_t event = 0;
  };
  std::map<uint64_t, Begun> begun;  // by session; when it began first

  bool cache = false;
  std::vector<HeadMove> moves;  // of begin; in a cache, of head as well
  Eviction eviction() const { return {cache || !moves.empty(), moves}; }
  std::vector<Operation> operations;

  std::map<uint64_t, uint64_t> commits;  // of checkpoints: the step, by version
  std::map<uint64_t, int64_t> finals;    // of their snapshots: the end, by version

  /// The newest version of a checkpoint that this life saw committed, or of which somebody in it
  /// was told that it is durable; 0 = none.
  uint64_t committed = 0;
  bool removed_all = false;  // it gave up what earlier lives had committed
};

bool has_crashed(const Run& run);

/// Whether a fault that is enabled voids the promise.
bool is_voided(const Run& run, sim::Promise promise);

/// Whether the store logs its operations. What is recovered is then for operation-log to judge.
bool logs_operations(const Run& run);

/// All lives of the run, in order.
std::vector<Life> lives_of(const Run& run);

}  // namespace orrery::scenarios
