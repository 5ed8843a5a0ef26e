// SPDX-License-Identifier: Apache-2.0
// The fuzz targets, in order. Each is a file in fuzz/targets/ and a row here.
#pragma once

#include <span>
#include <string_view>

namespace orrery::fuzz {

struct TargetRow {
  const char* name;      // of the file and of the executable
  const char* sentence;  // what is fuzzed
  bool plays_runs;       // an input means a run, and an artifact becomes a tape
};

std::span<const TargetRow> all_targets();

/// The target of that name, or null.
const TargetRow* find_target(std::string_view name);

}  // namespace orrery::fuzz
