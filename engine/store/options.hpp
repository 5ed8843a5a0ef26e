// SPDX-License-Identifier: Apache-2.0
// What a store is opened with. Every width and every size is a value, so that a scale model of a
// 40 GiB cache with 32 MiB pages fits into 640 KiB and still wraps where the original did.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/base/units.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

/// Which reads copy the record that they found to the tail, so that the next one finds it there.
enum class CopyReads : uint8_t {
  none,
  from_device,
  from_immutable,  // and from pages in memory that can no longer be updated in place
};

/// What is done about a request to the device of a log that fails, or does less than it was asked
/// to, before it counts as failed.
struct RetryPolicy {
  uint32_t attempts = 3;        // 1..16: how often each request is made, at most
  uint32_t retry_delay_us = 0;  // 0..10,000,000: a pause before each further attempt; 0: at once
  Duration retry_delay() const { return {int64_t{retry_delay_us} * kMicrosecond}; }
};

struct StoreOptions {
  uint32_t page_bits = 25;          // 6..30; a page is 1 << page_bits bytes
  uint32_t memory_bits = 34;        // the ring is 1 << memory_bits bytes, at least two pages
  uint32_t empty_pages = 0;         // slots of the ring to keep unused, below the number of slots
  uint32_t mutable_permille = 900;  // 0..1000: share of the pages in memory that stay mutable
  uint32_t index_bits = 16;         // the hash index has 1 << index_bits buckets; 0..30
  uint32_t tag_bits = 14;  // of the hash in an index entry; 0..14, fewer for more collisions

  // The width of the signed integer in which garnet-385 computes a distance; 8..64. A correct
  // store does not use it.
  uint32_t width_bits = 32;

  uint32_t sector_size = 512;  // bytes, a power of two from 8
  uint32_t segment_bits = 30;  // a device file is 1 << segment_bits bytes, at least one page

  // How a snapshot is written. -1: all pages at once, on the thread that starts it. 0: from a task
  // of its own, one page in flight. Above 0: as 0, with a pause of that many milliseconds a page.
  int32_t throttle_ms = 0;

  // Whether each page of a snapshot gets a checksum, by which recovery knows it again.
  bool page_checksums = true;

  // How many checkpoints of the log are kept, 1..16: older ones are removed once a newer one is
  // durable and was read back. 0: none is ever removed. A recovery begins to count anew, with the
  // one that it took: those of before it go with the next one.
  uint32_t checkpoints_kept = 0;

  bool version_barrier = false;   // no operation of version v overlaps one of version v + 1
  uint32_t parked_pages_max = 4;  // evicted pages that snapshot writes may keep alive

  // What eviction does with a frame. True: it is renewed in place for the page one ring later.
  // False: it is given back, and one is acquired when that page opens.
  bool keep_frames = true;

  // Whether updates are logged as well, in a second log that has pages, memory and commits of its
  // own: then a recovery loses nothing that Store::commit_log has made durable.
  bool log_operations = false;
  uint32_t log_page_bits = 22;    // 6..30; key and value of an update must fit one of its pages
  uint32_t log_memory_bits = 26;  // its ring is 1 << log_memory_bits bytes, at least two pages
  bool log_fast_commit = false;   // its commits are records among its entries

  // For reads and writes of the main log, and of the log of operations. Nothing is synced again,
  // and other files are written once: what they belong to fails, and may be begun again.
  RetryPolicy main_io{};

  CopyReads copy_reads = CopyReads::none;
  bool main_is_null = false;  // the log is a cache: what leaves memory is gone
  LogAddr first_address = kFirstValid;
  uint32_t epoch_slots = 128;  // tasks that may be inside the store at once, 1..4096
  uint64_t first_token = 1;    // the number of the first checkpoint
  std::string_view prefix =
      "store";  // of device names; 1..100 characters; 96 with log_operations; copied
};

/// Errors: invalid, with a text that names the option.
Result<void> validate(const StoreOptions& options);

}  // namespace orrery::engine
