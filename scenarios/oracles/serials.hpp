// SPDX-License-Identifier: Apache-2.0
// How many of a session's operations a recovered store has, by what its clients saw.
//
// A client that comes back asks its session how far it had come, and goes on from there: a number
// that is too small does something twice, one that is too large loses it. Where nobody can know
// whether an operation counts, any answer is right.
#pragma once

#include <functional>
#include <optional>

#include "scenarios/oracles/lives.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {

enum class Held : uint8_t { present, absent, unknown };

struct SerialRange {
  uint64_t least = 0;
  uint64_t most = 0;
  void count(Held held);
};

/// What a life was recovered from: an earlier life, and which of its operations.
struct Recovered {
  size_t life = SIZE_MAX;  // SIZE_MAX: it began empty
  std::function<Held(const Operation&)> holds;
  // What is only in checkpoints that are newer is not known any more: how far a session had come
  // before, unless something of it is present.
  bool forgets = false;
};
using RecoveredFrom = std::function<Recovered(size_t life)>;

/// Whether every session of the life was told a number that is right.
std::optional<Finding> judge_serials(const Run& run, const std::vector<Life>& lives, size_t life,
                                     const RecoveredFrom& recovered_from, const char* oracle);

/// Whether what sessions were told to be in a checkpoint was ever missing afterwards.
std::optional<Finding> judge_committed(const Run& run, const char* oracle);

/// True if its client was told how it ended.
bool is_answered(const Operation& operation);

}  // namespace orrery::scenarios
