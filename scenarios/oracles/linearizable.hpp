// SPDX-License-Identifier: Apache-2.0
// Each key behaves like one variable: what every client saw of it fits one order of all operations.
//
// In come the operations of a run and, for a store without a storage tier, how its head moved. Out
// comes one report: fine; violated, with the first operation that fits nowhere and the values that
// would have fitted; or inconclusive, if the search ran into its budget, which is never a failure.
// The second question is about a checkpoint: is what was recovered the state after all operations
// of its version and of none later? Keys are independent, so each is searched alone. The judge
// never allocates once its vectors have grown, and never accuses where the history leaves a doubt:
//   an unknown outcome may have happened at any later time or never; two operations that share a
//   step are concurrent; an erase writes a tombstone blindly, so it may say ok or not_found whether
//   or not the key was there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "scenarios/history.hpp"

namespace orrery::scenarios {

/// From `step` on, records below `head` are no longer in memory. The step must be no later than the
/// first at which a client could notice.
struct HeadMove {
  uint64_t step = 0;
  int64_t head = 0;
};

/// How records may vanish. A cache has no storage tier: a key may turn absent at any instant at
/// which the head is above its newest record, and stays absent until it is written again. What a
/// store with a device gives up vanishes in the same way, by the moves of begin. An add
/// that had found the record before may still complete from it. Where the address of a record is
/// not known, it was in memory when it was written: any move from that operation's begin on will
/// do.
struct Eviction {
  bool cache = false;
  std::span<const HeadMove> moves = {};  // ascending in both members
};

enum class Linearizability : uint8_t { ok, violated, inconclusive };

inline constexpr size_t kNoOperation = SIZE_MAX;

struct LinearizabilityReport {
  Linearizability verdict = Linearizability::ok;
  uint64_t key = 0;
  size_t operation = kNoOperation;  // the first that cannot be placed; none if it is the final read
  uint64_t step = 0;                // at which the history up to there could no longer be explained
  std::string text;                 // empty if ok
  std::vector<uint64_t> allowed;    // what the key may have held then, if not absent; a few of it
};

/// What a checkpoint holds: the effects of versions up to `version`. The key of a record that was
/// evicted before its image was written is absent.
struct Cut {
  uint64_t version = 0;
  uint64_t written_by = 0;  // the step by which all its images had been written
};

/// What a checkpoint says about one key.
struct Found {
  uint64_t key = 0;
  bool present = false;
  bool garbage = false;  // present, but not a value that the encoding allows
  uint64_t value = 0;
};

class LinearizabilityChecker {
 public:
  // Configurations tried, beyond a few for each key: about 10 ms for all keys together.
  static constexpr uint64_t kBudget = 200'000;

  explicit LinearizabilityChecker(uint64_t budget = kBudget);
  ~LinearizabilityChecker();

  /// Judges all keys; of several violations reports the earliest.
  LinearizabilityReport check(std::span<const Operation> operations, const Eviction& eviction);

  /// Judges a checkpoint. A key that `found` does not name is absent from it. Operations of later
  /// versions are left out; those of version 0 or of unknown outcome may be in or out.
  /// Requires: no key twice in `found`.
  LinearizabilityReport check_final(std::span<const Operation> operations, const Eviction& eviction,
                                    const Cut& cut, std::span<const Found> found);

  /// The same for one key: may the checkpoint say this? (True also if the search gave up.)
  bool allowed_final(std::span<const Operation> operations, const Eviction& eviction,
                     const Cut& cut, const Found& found);

 private:
  struct Scratch;
  uint64_t budget_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace orrery::scenarios
