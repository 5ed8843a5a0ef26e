// SPDX-License-Identifier: Apache-2.0
// The state word of the checkpoint driver: a phase, a version, and whether somebody is at it; and
// the machines: which phase follows which, for which kind of checkpoint (engine-spec 5.1, 5.2).
//
//   log      REST(v) -> PREPARE(v) -> IN_PROGRESS(v+1) -> WAIT_FLUSH(v+1)
//            -> PERSISTENCE_CALLBACK(v+1) -> REST(v+1)
//   full     REST(v) -> PREP_INDEX_CHECKPOINT(v) -> PREPARE(v) -> IN_PROGRESS(v+1)
//            -> WAIT_INDEX_CHECKPOINT(v+1) -> WAIT_FLUSH(v+1) -> ... as above
//   reset    REST(v) -> RESET(v) -> REST(v), without sessions' help: see Store::reset
//   index    REST(v) -> PREP_INDEX_CHECKPOINT(v) -> WAIT_INDEX_ONLY_CHECKPOINT(v) -> REST(v)
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery::engine {

/// The numbers matter: below rest means "the version has changed, the cycle has not ended".
enum class Phase : uint8_t {
  in_progress = 0,
  wait_index_checkpoint = 1,
  wait_flush = 2,
  persistence_callback = 3,
  rest = 4,
  prep_index_checkpoint = 5,
  wait_index_only_checkpoint = 6,
  prepare = 7,
  reset = 8,  // everybody waits outside while the store is emptied
};

/// As the phases are called in the literature and in reports: "WAIT_FLUSH".
std::string_view name_of(Phase phase);

/// How the log gets into a checkpoint.
enum class LogCheckpoint : uint8_t {
  none,
  snapshot,   // what is not yet on the main device goes to a file of the checkpoint
  fold_over,  // all of it goes to the main device
};

/// What a checkpoint is to hold: the log, the index, or both.
struct CheckpointRequest {
  LogCheckpoint log = LogCheckpoint::snapshot;
  bool index = false;
};

/// The state word as a value. Two machine words: every operation of a session looks at one.
struct SystemState {
  Phase phase = Phase::rest;
  bool intermediate = false;  // a transition away from this state is being made
  uint64_t version = 1;

  constexpr SystemState() = default;
  constexpr SystemState(Phase of, uint64_t in, bool marked = false)
      : phase(of), intermediate(marked), version(in) {}

  static constexpr SystemState unpack(uint64_t word) {
    return {static_cast<Phase>(word & kPhaseMask), word >> kVersionShift,
            (word & kIntermediate) != 0};
  }
  constexpr uint64_t pack() const {
    return static_cast<uint64_t>(phase) | (intermediate ? kIntermediate : 0) |
           (version << kVersionShift);
  }
  /// The version of the rest state that this cycle began in.
  uint64_t base() const { return phase < Phase::rest ? version - 1 : version; }
  /// What follows in the machine of such a checkpoint.
  SystemState next(const CheckpointRequest& machine) const;
  friend bool operator==(const SystemState&, const SystemState&) = default;

 private:
  static constexpr uint64_t kPhaseMask = 0x0f;
  static constexpr uint64_t kIntermediate = 0x10;
  static constexpr int kVersionShift = 8;
};

}  // namespace orrery::engine
