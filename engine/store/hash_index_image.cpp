// SPDX-License-Identifier: Apache-2.0
// The index as a checkpoint has it: a copy of every bucket, taken while others work on them.
//
// Each word is copied whole; nothing else holds. A chain may have grown between the copy of its
// first bucket and that of the next, so a link may lead to a bucket that is not among the copies,
// an entry may be missing, and an entry that was freed and made anew may be there twice.
#include "engine/store/hash_index.hpp"

namespace orrery::engine {
namespace {

// While nobody else is inside. Whoever comes later finds all of it: it was let in.
constexpr auto kAlone = std::memory_order_relaxed;

}  // namespace

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
    entry.store(get<uint64_t>(at), kAlone);
    at += sizeof(uint64_t);
  }
  bucket.link.store(get<uint64_t>(at) & kLinkMask, kAlone);
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

Result<void> HashIndex::repair(LogAddr begin, LogAddr start, LogAddr end) {
  const uint64_t known = kReserved + overflow_count();
  for (Bucket& bucket : buckets_) {
    TRY_ASSIGN(const bool alike, repair_chain(bucket, known, begin, end));
    if (alike) free_older_of_two(bucket);
    rewind_chain(bucket, start);
  }
  return {};
}

void HashIndex::rewind_chain(Bucket& first, LogAddr start) {
  for (Bucket* bucket = &first; bucket != nullptr; bucket = next(*bucket)) {
    for (Atomic<uint64_t>& entry : bucket->entries) {
      const EntryWord word{entry.load()};
      if (word.free() || word.address() < start) continue;
      entry.store(EntryWord::make(word.tag(), kTempInvalid).word, kAlone);
    }
  }
}

// True: some of its tags may be the same.
Result<bool> HashIndex::repair_chain(Bucket& first, uint64_t known, LogAddr begin, LogAddr end) {
  uint64_t length = 0;
  uint64_t seen = 0;  // a bit for each of 64 kinds of tags
  bool alike = false;
  for (Bucket* bucket = &first; bucket != nullptr; bucket = next(*bucket)) {
    const uint64_t link = bucket->link.load();
    if (link != 0 && (link < kReserved || link >= known)) bucket->link.store(0, kAlone);
    if (++length > known) return Error{Errc::corrupt, "an index whose chain never ends"};
    for (Atomic<uint64_t>& entry : bucket->entries) {
      const EntryWord word{entry.load()};
      if (word.free()) continue;
      if (!word.tentative() && word.address() >= end) {
        return Error{Errc::corrupt, "an index entry that points behind its log", word.address()};
      }
      if (word.tentative() || word.address() < begin) {
        entry.store(0, kAlone);
        continue;
      }
      const uint64_t kind = uint64_t{1} << (word.tag() % 64);
      alike = alike || (seen & kind) != 0;
      seen |= kind;
    }
  }
  return alike;
}

// The newer one was made when the other had been freed.
void HashIndex::free_older_of_two(Bucket& first) {
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
}

}  // namespace orrery::engine
