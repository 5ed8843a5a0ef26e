// SPDX-License-Identifier: Apache-2.0
// Buckets by number: as a checkpoint copies them, and as they are made anew.
#include "engine/store/hash_index.hpp"

namespace orrery::engine {

Bucket& HashIndex::numbered(uint64_t number) {
  return number <= mask_ ? buckets_[number] : overflow(number - mask_ - 1 + kReserved);
}

void HashIndex::copy_bucket(uint64_t number, MutableBytes out) {
  CHECK(out.size() == sizeof(Bucket), "a bucket of {} bytes", out.size());
  const Bucket& bucket = numbered(number);
  std::byte* at = out.data();
  for (const Atomic<uint64_t>& entry : bucket.entries) {
    put(at, entry.load());
    at += sizeof(uint64_t);
  }
  put(at, bucket.link.load());
}

Result<void> HashIndex::make_overflow(uint64_t count) {
  if (count > kLevels * kLevelSize - kReserved) {
    return Error{Errc::invalid, "an index with more overflow buckets than there can be"};
  }
  for (uint64_t made = overflow_count(); made < count; ++made) TRY(allocate_overflow());
  return {};
}

void HashIndex::clear() {
  const uint64_t end = table_size() + overflow_count();
  for (uint64_t number = 0; number < end; ++number) {
    Bucket& bucket = numbered(number);
    for (Atomic<uint64_t>& entry : bucket.entries) entry.store(0, kAlone);
    bucket.link.store(0, kAlone);
  }
  const Lock lock(overflow_mutex_);
  overflow_used_ = kReserved;
  overflow_free_ = 0;
}

}  // namespace orrery::engine
