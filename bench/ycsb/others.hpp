// SPDX-License-Identifier: Apache-2.0
// The engines of others, as a benchmark opens them: no compression, a filter of 10 bits a key, and
// a cache of blocks as large as the memory that is given. In memory they write no log, as far as
// they can do without one; beyond it they read past the page cache, as far as they can.
#pragma once

#include "bench/ycsb/engine.hpp"

namespace orrery::bench {

std::unique_ptr<Engine> open_rocksdb(const EngineOptions& options);
std::unique_ptr<Engine> open_leveldb(const EngineOptions& options);

/// Keys sort like the numbers.
struct KeyBytes {
  explicit KeyBytes(uint64_t key = 0) : bytes(__builtin_bswap64(key)) {}
  const char* data() const { return reinterpret_cast<const char*>(&bytes); }
  uint64_t bytes;
};

/// Whether an iterator of theirs has a record at the key; passes over up to `count` of them.
template <typename Iterator, typename Slice>
bool pass_over(Iterator& at, const Slice& key, uint32_t count) {
  at.Seek(key);
  uint64_t bytes = 0;
  uint32_t seen = 0;
  for (; at.Valid() && seen < count; at.Next(), ++seen) bytes += at.value().size();
  return bytes > 0 && at.status().ok();
}

}  // namespace orrery::bench
