// SPDX-License-Identifier: Apache-2.0
#include "fuzz/catalogue.hpp"

#include <array>

namespace orrery::fuzz {
namespace {

constexpr auto kTargets = std::to_array<TargetRow>({
    {"schedule", "schedules and faults of a scenario", true},
    {"tape", "the text of a tape", false},
    {"checkpoint", "the files of a checkpoint, as the engine and the oracles read them", false},
});

}  // namespace

std::span<const TargetRow> all_targets() { return kTargets; }

const TargetRow* find_target(std::string_view name) {
  for (const TargetRow& row : kTargets) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace orrery::fuzz
