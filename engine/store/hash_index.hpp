// SPDX-License-Identifier: Apache-2.0
// The hash index: from the hash of a key to the newest record of a chain.
//
// A bucket is one cache line of eight atomic words: seven entries, and a link to an overflow
// bucket. An entry holds an address, 14 bits of the hash as a tag, and a bit that says "tentative":
// not to be seen by others until its maker has made sure that there is no second entry with this
// tag. The link word of the first bucket of a chain is also the chain's latch: a count of sharers
// and an exclusive bit. Nobody waits for ever on a latch; an operation that fails to get one tries
// again after it has refreshed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "engine/base/bytes.hpp"
#include "engine/runtime/memory.hpp"
#include "engine/runtime/sync.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

/// While nobody else is inside. Whoever comes later finds all of it: it was let in.
inline constexpr auto kAlone = std::memory_order_relaxed;

/// A hash of the bytes of a key: the same on every machine.
uint64_t hash_of(Bytes key);

/// The word of an entry as a value. Zero is a free entry.
struct EntryWord {
  uint64_t word = 0;

  static constexpr uint64_t kAddressMask = (uint64_t{1} << kAddrBits) - 1;
  static constexpr uint64_t kTentative = uint64_t{1} << 63;
  static constexpr int kTagShift = 48;
  static constexpr uint64_t kTagMask = 0x3fff;

  static EntryWord make(uint64_t tag, LogAddr address) {
    return {(tag << kTagShift) | static_cast<uint64_t>(address)};
  }
  LogAddr address() const { return static_cast<LogAddr>(word & kAddressMask); }
  uint64_t tag() const { return (word >> kTagShift) & kTagMask; }
  bool tentative() const { return (word & kTentative) != 0; }
  bool free() const { return word == 0; }
};

struct alignas(64) Bucket {
  static constexpr size_t kEntries = 7;
  std::array<Atomic<uint64_t>, kEntries> entries{};
  Atomic<uint64_t> link{0};  // overflow bucket | sharers | exclusive
};
static_assert(sizeof(Bucket) == 64);

/// A table may be larger than any cache, and than what is used of it.
template <>
inline constexpr bool kMadeOfZeros<Bucket> = true;

/// An entry that was found, and what it held.
struct FoundEntry {
  Atomic<uint64_t>* entry = nullptr;
  EntryWord word;
};

class HashIndex {
 public:
  explicit HashIndex(Memory& memory, Tasks& tasks)
      : memory_(memory), tasks_(tasks), overflow_mutex_(tasks) {}
  ~HashIndex();
  Result<void> initialise(uint32_t index_bits, uint32_t tag_bits = 14);

  uint64_t tag_of(uint64_t hash) const { return (hash >> 50) & tag_mask_; }
  Bucket& bucket_of(uint64_t hash) { return buckets_[hash & mask_]; }
  /// Asks the machine for the bucket ahead of its use. Nobody sees it.
  void prefetch(uint64_t hash) { __builtin_prefetch(&bucket_of(hash), 1); }

  /// The entry with the tag of `hash`; `entry` is null if there is none.
  FoundEntry find_tag(uint64_t hash);
  /// As find_tag, but makes the entry (with address kTempInvalid) if there is none. Entries that
  /// point below `begin` are freed on the way. Errors: no_memory.
  Result<FoundEntry> find_or_create_tag(uint64_t hash, LogAddr begin);

  /// Latches of the chain. False: others would not let go in time.
  bool try_lock_shared(Bucket& bucket);
  void unlock_shared(Bucket& bucket);
  bool try_lock_exclusive(Bucket& bucket);
  void unlock_exclusive(Bucket& bucket);

  /// Buckets by number, for a checkpoint: first the table, then the overflow buckets.
  uint64_t table_size() const { return mask_ + 1; }
  /// Copies a bucket of the table, or an overflow bucket, word by word, while others work on it.
  /// Requires: `number` is below table_size() + overflow_count().
  void copy_bucket(uint64_t number, MutableBytes out);

  /// Room for so many overflow buckets in all. Requires: nobody is inside. Errors: no_memory;
  /// invalid if there can never be so many.
  Result<void> make_overflow(uint64_t count);
  /// Makes every bucket as it was at first. Requires: nobody is inside.
  void clear();

  /// For tests and oracles, while nobody works: calls `visit` for each entry in use.
  void visit_entries(void (*visit)(void*, uint64_t bucket, EntryWord word), void* argument);
  uint64_t overflow_count();

 private:
  friend class IndexLoader;
  static constexpr uint64_t kLinkMask = (uint64_t{1} << kAddrBits) - 1;
  static constexpr uint64_t kSharer = uint64_t{1} << kAddrBits;
  static constexpr uint64_t kSharersMask = uint64_t{0x7fff} << kAddrBits;
  static constexpr uint64_t kExclusive = uint64_t{1} << 63;
  static constexpr int kLatchTries = 10;
  static constexpr int kDrainTries = 100;
  static constexpr size_t kLevelSize = 256;  // overflow buckets that are allocated together
  static constexpr size_t kLevels = 4096;
  static constexpr uint64_t kReserved = 16;  // the first index given out; 0 means none

  Bucket* next(Bucket& bucket);
  Bucket& overflow(uint64_t index);
  Result<uint64_t> allocate_overflow();
  void free_overflow(uint64_t index);
  Result<Atomic<uint64_t>*> extend(Bucket& last, bool& lost);
  enum class Rival : uint8_t { none, behind, stays };
  Rival rival_of(Bucket& first, const Atomic<uint64_t>* own, uint64_t tag);
  Bucket& numbered(uint64_t number);

  Memory& memory_;
  Tasks& tasks_;
  Array<Bucket> buckets_;
  uint64_t mask_ = 0;
  uint64_t tag_mask_ = EntryWord::kTagMask;
  Mutex overflow_mutex_;
  Array<Atomic<Bucket*>> levels_;
  uint64_t overflow_used_ ORRERY_GUARDED_BY(overflow_mutex_) = kReserved;
  uint64_t overflow_free_ ORRERY_GUARDED_BY(overflow_mutex_) = 0;  // head of a list by index
};

}  // namespace orrery::engine
