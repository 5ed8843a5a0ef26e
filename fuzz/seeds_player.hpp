// SPDX-License-Identifier: Apache-2.0
// The player of an ordinary campaign: the run of an index is the run of its seed, with the changes
// that the caller asked for. Every n-th run is guarded: it costs more and sees more, and does
// nothing else differently.
#pragma once

#include <memory>

#include "fuzz/changes.hpp"
#include "fuzz/worker.hpp"

namespace orrery::fuzz {

struct SeedsOrder {
  const scenarios::Scenario* scenario = nullptr;
  uint64_t campaign_seed = 0;
  Changes changes;
  uint64_t guarded_every = 16;  // 1: all
};

std::unique_ptr<Player> make_seeds_player(const SeedsOrder& order);

}  // namespace orrery::fuzz
