// SPDX-License-Identifier: Apache-2.0
// Loading the index of a checkpoint: the copies of all buckets that an IndexWriter has taken while
// others worked on them, made into an index that agrees with itself. The table may be read to its
// place: where it is fine as it is, which is most of it, it is looked at and never written.
//
// Each word was copied whole; nothing else holds. A chain may have grown between the copy of its
// first bucket and that of the next, so a link may lead to a bucket that is not among the copies,
// an entry may be missing, and an entry that was freed and made anew may be there twice. Most of
// that is seen in a bucket alone, while it is loaded; chains of more than one bucket, and those
// that may have two entries of one tag, are looked at again when all is there.
#pragma once

#include <array>

#include "engine/store/hash_index.hpp"

namespace orrery::engine {

class IndexLoader {
 public:
  /// What a copy may say of the log: entries below `begin` are left out, those at or above `start`
  /// lead nowhere from now on, and there is none at or above `end`. In ascending order.
  struct Bounds {
    LogAddr begin = 0;
    LogAddr start = 0;
    LogAddr end = 0;
  };

  /// The index is empty and nobody is inside; it outlives the loader.
  IndexLoader(HashIndex& index, Memory& memory, const Bounds& bounds)
      : index_(index), memory_(memory), bounds_(bounds) {}

  /// Room for so many overflow buckets. Errors: no_memory; invalid if there can never be so many.
  Result<void> begin(uint64_t overflow);
  /// Where `count` buckets of the table from number `first` on are to be: their images may be put
  /// there, and be loaded from there.
  MutableBytes place(uint64_t first, uint64_t count);
  /// The buckets from number `first` on: first those of the table, then those of the overflow.
  /// Errors: corrupt, if an entry points behind the log.
  Result<void> load(uint64_t first, Bytes images);
  /// Once all are loaded. Errors: corrupt, if a chain never ends.
  Result<void> finish();

 private:
  using Words = std::array<uint64_t, Bucket::kEntries>;

  Result<void> load_bucket(uint64_t number, Bytes image);
  Result<void> mend_chain(Bucket& first);
  void free_older_of_two(Bucket& first);
  uint64_t rewound(uint64_t word) const;
  bool is_fine(const Words& words) const;

  HashIndex& index_;
  Memory& memory_;
  const Bounds bounds_;
  uint64_t known_ = 0;      // numbers of overflow buckets are below
  Array<uint64_t> chains_;  // a bit for each bucket of the table: its chain must be looked at
};

}  // namespace orrery::engine
