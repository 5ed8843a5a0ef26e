// SPDX-License-Identifier: Apache-2.0
// The index as a checkpoint has it: a copy of every bucket, taken while others work on them.
//
// Each word is copied whole; nothing else holds. A chain may have grown between the copy of its
// first bucket and that of the next, so a link may lead to a bucket that is not among the copies,
// an entry may be missing, and an entry that was freed and made anew may be there twice.
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

void HashIndex::load_bucket(uint64_t number, Bytes image) {
  CHECK(image.size() == sizeof(Bucket), "a bucket of {} bytes", image.size());
  Bucket& bucket = numbered(number);
  const std::byte* at = image.data();
  for (Atomic<uint64_t>& entry : bucket.entries) {
    entry.store(get<uint64_t>(at));
    at += sizeof(uint64_t);
  }
  bucket.link.store(get<uint64_t>(at) & kLinkMask);
}

void HashIndex::clear() {
  for (uint64_t number = 0; number < table_size() + overflow_count(); ++number) {
    Bucket& bucket = numbered(number);
    for (Atomic<uint64_t>& entry : bucket.entries) entry.store(0);
    bucket.link.store(0);
  }
  const Lock lock(overflow_mutex_);
  overflow_used_ = kReserved;
  overflow_free_ = 0;
}

Result<void> HashIndex::repair(LogAddr begin, LogAddr end) {
  for (Bucket& bucket : buckets_) TRY(repair_chain(bucket, begin, end));
  return {};
}

void HashIndex::rewind(LogAddr start) {
  for (uint64_t number = 0; number < table_size() + overflow_count(); ++number) {
    for (Atomic<uint64_t>& entry : numbered(number).entries) {
      const EntryWord word{entry.load()};
      if (word.free() || word.address() < start) continue;
      entry.store(EntryWord::make(word.tag(), kTempInvalid).word);
    }
  }
}

Result<void> HashIndex::repair_chain(Bucket& first, LogAddr begin, LogAddr end) {
  const uint64_t known = kReserved + overflow_count();
  uint64_t length = 0;
  for (Bucket* bucket = &first; bucket != nullptr; bucket = next(*bucket)) {
    const uint64_t link = bucket->link.load();
    if (link != 0 && (link < kReserved || link >= known)) bucket->link.store(0);
    if (++length > known) return Error{Errc::corrupt, "an index whose chain never ends"};
    for (Atomic<uint64_t>& entry : bucket->entries) {
      const EntryWord word{entry.load()};
      if (word.free()) continue;
      if (!word.tentative() && word.address() >= end) {
        return Error{Errc::corrupt, "an index entry that points behind its log", word.address()};
      }
      if (word.tentative() || word.address() < begin) entry.store(0);
    }
  }
  // The older of two goes: the newer one was made when the other had been freed.
  for (Bucket* bucket = &first; bucket != nullptr; bucket = next(*bucket)) {
    for (Atomic<uint64_t>& entry : bucket->entries) {
      const EntryWord word{entry.load()};
      if (word.free()) continue;
      for (Bucket* other = &first; other != nullptr; other = next(*other)) {
        for (Atomic<uint64_t>& rival : other->entries) {
          const EntryWord older{rival.load()};
          if (&rival == &entry || older.free() || older.tag() != word.tag()) continue;
          if (older.address() > word.address()) continue;
          SOMETIMES(true, "a copied index had two entries of one tag");
          rival.store(0);
        }
      }
    }
  }
  return {};
}

}  // namespace orrery::engine
