// SPDX-License-Identifier: Apache-2.0
// The index of a committed checkpoint: its metadata names a table that is there, bucket for bucket.
//
// In goes a finished run without a crash; out comes what is wrong with the files of the first index
// checkpoint that its store had reported as done. A store recovers without its index, only slower,
// and nobody would notice that it was never written. What was removed since has no metadata any
// more: that goes first.
#pragma once

#include <optional>

#include "scenarios/run.hpp"

namespace orrery::scenarios {

/// A finding of the oracle snapshot-cut, or nothing.
std::optional<Finding> judge_index_files(const Run& run);

}  // namespace orrery::scenarios
