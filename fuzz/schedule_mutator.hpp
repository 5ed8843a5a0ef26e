// SPDX-License-Identifier: Apache-2.0
// How inputs of the fuzz target `schedule` are changed: by selections, not by bytes.
//
// A mutation adds, removes, moves, repeats or changes a selection, or now and then the head; a
// crossover takes selections of two inputs. What goes in may be any bytes; what comes out is a
// whole input of at most ScheduleInput::kSizeMax bytes. Both are pure functions of their arguments,
// so that a fuzzer's seed stands for one campaign.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace orrery::fuzz {

/// Never more than `size_max` bytes. Requires: size_max is at least ScheduleInput::kHeadSize.
std::vector<uint8_t> mutated(std::span<const uint8_t> bytes, size_t size_max, uint64_t seed);

/// The head of one of the two and selections of both.
std::vector<uint8_t> crossed(std::span<const uint8_t> one, std::span<const uint8_t> other,
                             size_t size_max, uint64_t seed);

}  // namespace orrery::fuzz
