// SPDX-License-Identifier: Apache-2.0
// The counts of a campaign: its rows, one after the other, under the names of their failures; and
// how often each SOMETIMES was seen.
//
// Rows come in order of index, so what is counted does not depend on the number of workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "fuzz/campaign.hpp"
#include "reports/run_row.hpp"

namespace orrery::fuzz {

/// Adds a row. It is the first of its name if no row before it had that.
void count(const reports::RunRow& row, Campaign& campaign);

/// By label, which may stand in the source more than once. `hits`: in the order of all_sometimes().
std::vector<SometimesCount> sometimes_by_label(std::span<std::atomic<uint64_t>> hits);

/// The time of processors that this process has used, and those that it has waited for.
double cpu_seconds();

}  // namespace orrery::fuzz
