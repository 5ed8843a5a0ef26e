// SPDX-License-Identifier: Apache-2.0
// The play that several scenarios share: sessions write into a log while snapshots are taken.
#pragma once

#include "scenarios/store_stage.hpp"

namespace orrery::scenarios {

/// How much is done. The sizes of that name.
inline constexpr std::array<SizeRow, 6> kLoadSizes{{
    {"sessions", 1, 16, 1, "clients at once"},
    {"operations", 1, 1'000'000, 50, "operations of each client"},
    {"keys", 1, 1'000'000, 16, "keys that all clients share"},
    {"value_max", 8, 2048, 64, "the largest value, in bytes"},
    {"snapshots", 0, 64, 1, "checkpoints, spread over the run"},
    {"flushes", 0, 1000, 0, "flushes of the log up to its tail, about so many in a run"},
}};

/// Opens a store, runs the load and the snapshots, reads some keys back, closes.
void play_snapshot_load(Stage& stage, const Mix& mix);

/// Runs the load and the snapshots on a store that is open.
void play_load_on(Stage& stage, engine::Store& store, const Mix& mix);

/// The mix of the sizes.
Mix mix_of(const Sizes& sizes);

}  // namespace orrery::scenarios
