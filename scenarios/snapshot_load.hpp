// SPDX-License-Identifier: Apache-2.0
// The play that several scenarios share: sessions write into a log while snapshots are taken.
#pragma once

#include "scenarios/store_stage.hpp"

namespace orrery::scenarios {

/// How much is done. The sizes of that name.
inline constexpr auto kLoadSizes = std::to_array<SizeRow>({
    {"sessions", 1, 16, 1, "clients at once"},
    {"operations", 1, 1'000'000, 50, "operations of each client"},
    {"keys", 1, 1'000'000, 16, "keys that all clients share"},
    {"value_max", 8, 2048, 64, "the largest value, in bytes"},
    {"snapshots", 0, 64, 1, "checkpoints, spread over the run"},
    {"fold_permille", 0, 1000, 0, "share of the checkpoints that fold over to the main log"},
    {"index_permille", 0, 1000, 0, "share that capture the index; of these a third nothing else"},
    {"bursts", 0, 1, 0, "1: every second checkpoint follows the one before at once"},
    {"resets", 0, 64, 0, "how often the store is emptied, at times spread over the run"},
    {"flushes", 0, 1000, 0, "flushes of the log up to its tail, about so many in a run"},
    {"shifts", 0, 1000, 0, "how often the oldest part of the log is given up, about"},
    {"comebacks", 0, 1000, 0, "how often a client closes its session and comes back, about"},
});

/// The sizes of a scenario with a store, a load and more of its own.
template <size_t N>
constexpr auto with_load_sizes(const std::array<SizeRow, N>& own) {
  return with_store_sizes(joined(kLoadSizes, own));
}

/// Opens a store, runs the load and the snapshots, reads some keys back, closes.
void play_snapshot_load(Stage& stage, const Mix& mix);

/// Runs the load and the snapshots on a store that is open.
void play_load_on(Stage& stage, engine::Store& store, const Mix& mix);

/// Sets all sizes of a store and of a load to their calm values.
void set_calm_load(Sizes& sizes);

/// The mix of the sizes.
Mix mix_of(const Sizes& sizes);

}  // namespace orrery::scenarios
