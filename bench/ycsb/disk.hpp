// SPDX-License-Identifier: Apache-2.0
// What a disk gives to those that read a file in order, past the page cache where a file system
// lets them. A recovery is held against it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace orrery::bench {

/// MiB/s of blocks of 4 MiB: one request after the other, and with several under way, which is what
/// it takes to keep a fast disk busy.
struct Sequential {
  double one = 0;
  double several = 0;
  double best() const { return std::max(one, several); }
};

/// Of a new file of about `bytes`, at most 512 MiB, in the folder.
Sequential sequential_mib_s(const std::string& folder, uint64_t bytes);

/// Bytes that this process has had from disks so far; past the page cache, all that it has read.
uint64_t read_so_far();

}  // namespace orrery::bench
