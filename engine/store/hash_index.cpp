// SPDX-License-Identifier: Apache-2.0
#include "engine/store/hash_index.hpp"

#include "engine/store/blocking_io.hpp"

namespace orrery::engine {
namespace {

uint64_t mix(uint64_t value);

}  // namespace

uint64_t hash_of(Bytes key) {
  uint64_t hash = mix(key.size() + 0x9E37'79B9'7F4A'7C15ULL);
  const std::byte* at = key.data();
  size_t left = key.size();
  for (; left >= 8; left -= 8, at += 8) hash = mix(hash ^ get<uint64_t>(at));
  uint64_t rest = 0;
  if (left > 0) std::memcpy(&rest, at, left);
  return mix(hash ^ rest);
}

Result<void> HashIndex::initialise(uint32_t index_bits, uint32_t tag_bits) {
  CHECK(buckets_.size() == 0, "an index is initialised twice");
  const size_t count = size_t{1} << index_bits;
  // A device may read the table of a checkpoint to its place.
  TRY_ASSIGN(buckets_, Array<Bucket>::make(memory_, count, "hash index", kIoAlignment));
  TRY_ASSIGN(levels_, Array<Atomic<Bucket*>>::make(memory_, kLevels, "overflow levels"));
  mask_ = count - 1;
  tag_mask_ = (uint64_t{1} << tag_bits) - 1;
  return {};
}

HashIndex::~HashIndex() {
  for (Atomic<Bucket*>& level : levels_) {
    Bucket* const buckets = level.load();
    if (buckets != nullptr) memory_.free(buckets);
  }
}

FoundEntry HashIndex::find_tag(uint64_t hash) {
  const uint64_t tag = tag_of(hash);
  for (Bucket* bucket = &bucket_of(hash); bucket != nullptr; bucket = next(*bucket)) {
    for (Atomic<uint64_t>& entry : bucket->entries) {
      const EntryWord word{entry.load()};
      if (!word.free() && word.tag() == tag && !word.tentative()) return {&entry, word};
    }
  }
  return {};
}

Result<FoundEntry> HashIndex::find_or_create_tag(uint64_t hash, LogAddr begin) {
  const uint64_t tag = tag_of(hash);
  Bucket& first = bucket_of(hash);
  for (;;) {
    Atomic<uint64_t>* place = nullptr;
    Bucket* last = nullptr;
    bool in_making = false;
    for (Bucket* bucket = &first; bucket != nullptr; last = bucket, bucket = next(*bucket)) {
      for (Atomic<uint64_t>& entry : bucket->entries) {
        EntryWord word{entry.load()};
        if (!word.free() && word.tag() == tag) {
          if (!word.tentative()) return FoundEntry{&entry, word};
          in_making = true;
        }
        // An entry that leads nowhere yet is its maker's to finish; nobody else may free it. Two
        // makers who did it to each other would go on for ever.
        const bool made = !word.tentative() && word.address() != kTempInvalid;
        if (!word.free() && made && word.address() < begin &&
            entry.compare_exchange(word.word, 0)) {
          SOMETIMES(true, "an index entry below begin was reclaimed");
          word = {};
        }
        if (word.free() && place == nullptr) place = &entry;
      }
    }
    // Its maker may be waiting for all who came behind him to have gone.
    if (in_making) {
      tasks_.yield();
      continue;
    }
    if (place == nullptr) {
      bool lost = false;
      TRY_ASSIGN(place, extend(*last, lost));
      if (lost) continue;
    }
    const EntryWord fresh = EntryWord::make(tag, kTempInvalid);
    uint64_t expected = 0;
    if (!place->compare_exchange(expected, fresh.word | EntryWord::kTentative)) continue;
    Rival rival = rival_of(first, place, tag);
    for (; rival == Rival::behind; rival = rival_of(first, place, tag)) tasks_.yield();
    if (rival == Rival::stays) {
      SOMETIMES(true, "two sessions made an entry for one tag");
      place->store(0);
      tasks_.yield();
      continue;
    }
    place->store(fresh.word);
    return FoundEntry{place, fresh};
  }
}

// What else in the chain has the tag. Of two makers who see each other the one behind goes: if both
// did, they could meet again for ever. He may also have looked before the other came, and be done.
HashIndex::Rival HashIndex::rival_of(Bucket& first, const Atomic<uint64_t>* own, uint64_t tag) {
  bool passed = false;
  Rival found = Rival::none;
  for (Bucket* bucket = &first; bucket != nullptr; bucket = next(*bucket)) {
    for (Atomic<uint64_t>& entry : bucket->entries) {
      passed = passed || &entry == own;
      if (&entry == own) continue;
      const EntryWord word{entry.load()};
      if (word.free() || word.tag() != tag) continue;
      if (!passed || !word.tentative()) return Rival::stays;
      found = Rival::behind;
    }
  }
  return found;
}

bool HashIndex::try_lock_shared(Bucket& bucket) {
  for (int tries = 0; tries < kLatchTries; ++tries) {
    uint64_t word = bucket.link.load();
    const bool saturated = (word & kSharersMask) == kSharersMask;
    if ((word & kExclusive) == 0 && !saturated &&
        bucket.link.compare_exchange(word, word + kSharer)) {
      return true;
    }
  }
  SOMETIMES(true, "a shared latch was not to be had");
  return false;
}

void HashIndex::unlock_shared(Bucket& bucket) {
  const uint64_t before = bucket.link.fetch_sub(kSharer);
  CHECK((before & kSharersMask) != 0, "a shared latch was released that nobody held");
}

bool HashIndex::try_lock_exclusive(Bucket& bucket) {
  bool taken = false;
  uint64_t word = 0;
  for (int tries = 0; tries < kLatchTries && !taken; ++tries) {
    word = bucket.link.load();
    taken = (word & kExclusive) == 0 && bucket.link.compare_exchange(word, word | kExclusive);
  }
  if (!taken) {
    SOMETIMES(true, "an exclusive latch was not to be had");
    return false;
  }
  if ((word & kSharersMask) == 0) return true;
  for (int tries = 0; tries < kDrainTries; ++tries) {
    const uint64_t now = bucket.link.load();
    if ((now & kSharersMask) == 0) return true;
    tasks_.yield();
  }
  SOMETIMES(true, "the sharers of a latch did not leave in time");
  unlock_exclusive(bucket);
  return false;
}

void HashIndex::unlock_exclusive(Bucket& bucket) {
  const uint64_t before = bucket.link.fetch_sub(kExclusive);
  CHECK((before & kExclusive) != 0, "an exclusive latch was released that nobody held");
}

void HashIndex::visit_entries(void (*visit)(void*, uint64_t, EntryWord), void* argument) {
  for (uint64_t place = 0; place <= mask_; ++place) {
    for (Bucket* bucket = &buckets_[place]; bucket != nullptr; bucket = next(*bucket)) {
      for (Atomic<uint64_t>& entry : bucket->entries) {
        const EntryWord word{entry.load()};
        if (!word.free()) visit(argument, place, word);
      }
    }
  }
}

uint64_t HashIndex::overflow_count() {
  const Lock lock(overflow_mutex_);
  return overflow_used_ - kReserved;
}

Bucket* HashIndex::next(Bucket& bucket) {
  const uint64_t index = bucket.link.load() & kLinkMask;
  return index == 0 ? nullptr : &overflow(index);
}

Bucket& HashIndex::overflow(uint64_t index) {
  CHECK(index >= kReserved, "overflow bucket {} was never given out", index);
  CHECK(index / kLevelSize < kLevels, "overflow bucket {} cannot exist", index);
  Bucket* const level = levels_[index / kLevelSize].load();
  CHECK(level != nullptr, "overflow bucket {} is in no level", index);
  return level[index % kLevelSize];
}

// Links a new bucket behind the last one of a chain and returns its first entry. `lost`: somebody
// else has linked one; look again.
Result<Atomic<uint64_t>*> HashIndex::extend(Bucket& last, bool& lost) {
  TRY_ASSIGN(const uint64_t index, allocate_overflow());
  for (;;) {
    uint64_t word = last.link.load();
    if ((word & kLinkMask) != 0) {
      SOMETIMES(true, "two sessions linked an overflow bucket");
      free_overflow(index);
      lost = true;
      return nullptr;
    }
    // The latch bits of the word may change meanwhile, and are to be kept.
    if (last.link.compare_exchange(word, word | index)) return &overflow(index).entries[0];
  }
}

Result<uint64_t> HashIndex::allocate_overflow() {
  const Lock lock(overflow_mutex_);
  if (overflow_free_ != 0) {
    const uint64_t index = overflow_free_;
    Bucket& bucket = overflow(index);
    overflow_free_ = bucket.entries[0].load() & ~EntryWord::kTentative;
    bucket.entries[0].store(0);
    return index;
  }
  const size_t level = overflow_used_ / kLevelSize;
  if (level >= kLevels)
    return Error{Errc::no_memory, "the hash index has no overflow buckets left"};
  if (levels_[level].load() == nullptr) {
    TRY_ASSIGN(void* const block,
               memory_.allocate(kLevelSize * sizeof(Bucket), alignof(Bucket), "overflow buckets"));
    auto* const buckets = static_cast<Bucket*>(block);
    for (size_t place = 0; place < kLevelSize; ++place) new (&buckets[place]) Bucket();
    levels_[level].store(buckets);
  }
  return overflow_used_++;
}

void HashIndex::free_overflow(uint64_t index) {
  const Lock lock(overflow_mutex_);
  // An index checkpoint may copy it as it is: no entry that counts.
  overflow(index).entries[0].store(overflow_free_ | EntryWord::kTentative);
  overflow_free_ = index;
}

namespace {

// The finaliser of MurmurHash3: each bit of the value reaches each bit of the result.
uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 33)) * 0xFF51'AFD7'ED55'8CCDULL;
  value = (value ^ (value >> 33)) * 0xC4CE'B9FE'1A85'EC53ULL;
  return value ^ (value >> 33);
}

}  // namespace
}  // namespace orrery::engine
