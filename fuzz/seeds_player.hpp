// SPDX-License-Identifier: Apache-2.0
// The player of an ordinary campaign: the run of an index is the run of its seed, with the changes
// that the caller asked for. Every n-th run is guarded: it costs more and sees more, and does
// nothing else differently. Every n-th run is played twice, the second time with its memory laid
// out the other way round; both must be the same run.
#pragma once

#include <memory>

#include "fuzz/changes.hpp"
#include "fuzz/worker.hpp"

namespace orrery::fuzz {

struct SeedsOrder {
  const scenarios::Scenario* scenario = nullptr;
  uint64_t campaign_seed = 0;
  Changes changes;
  uint64_t guarded_every = 16;  // 1: all, 0: none
  uint64_t checked_every = 50;  // played twice; 1: all, 0: none
};

std::unique_ptr<Player> make_seeds_player(const SeedsOrder& order);

}  // namespace orrery::fuzz
