// SPDX-License-Identifier: Apache-2.0
#include "engine/store/index_loader.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

namespace orrery::engine {
namespace {

constexpr uint64_t kTogether = 64;  // chains that have their bits in one word

// Tags that were seen, by a bit for each of 64 kinds of them: most are told apart by that alone.
class Kinds {
 public:
  /// True: there may have been one like it.
  bool add(EntryWord word) {
    const uint64_t kind = uint64_t{1} << (word.tag() % 64);
    const bool seen = (seen_ & kind) != 0;
    seen_ |= kind;
    return seen;
  }

 private:
  uint64_t seen_ = 0;
};

bool has_tag(std::span<const uint64_t> words, uint64_t tag) {
  return std::any_of(words.begin(), words.end(), [tag](uint64_t word) {
    return !EntryWord{word}.free() && EntryWord{word}.tag() == tag;
  });
}

}  // namespace

Result<void> IndexLoader::begin(uint64_t overflow) {
  TRY(index_.make_overflow(overflow));
  known_ = HashIndex::kReserved + overflow;
  const uint64_t words = (index_.table_size() + kTogether - 1) / kTogether;
  TRY_ASSIGN(chains_, Array<uint64_t>::make(memory_, words, "chains of an index"));
  return {};
}

MutableBytes IndexLoader::place(uint64_t first, uint64_t count) {
  CHECK(first + count <= index_.table_size(), "{} buckets from {} on in a table of {}", count,
        first, index_.table_size());
  return {reinterpret_cast<std::byte*>(&index_.numbered(first)), count * sizeof(Bucket)};
}

Result<void> IndexLoader::load(uint64_t first, Bytes images) {
  for (size_t at = 0; at < images.size(); at += sizeof(Bucket)) {
    TRY(load_bucket(first++, images.subspan(at, sizeof(Bucket))));
  }
  return {};
}

// True: nothing is to be changed, taken away or looked at again. Without a branch, since nobody can
// foretell how many entries a bucket has.
bool IndexLoader::is_fine(const Words& words) const {
  const auto begin = static_cast<uint64_t>(bounds_.begin);
  const auto size = static_cast<uint64_t>(bounds_.start) - begin;
  uint64_t seen = 0;
  uint64_t wrong = 0;
  for (const uint64_t word : words) {
    const uint64_t used = word != 0 ? 1 : 0;
    const uint64_t outside = (word & EntryWord::kAddressMask) - begin >= size ? 1 : 0;
    const uint64_t kind = used << (EntryWord{word}.tag() % 64);
    wrong |= (used & outside) | (word & EntryWord::kTentative) | (seen & kind);
    seen |= kind;
  }
  return wrong == 0;
}

Result<void> IndexLoader::load_bucket(uint64_t number, Bytes image) {
  Words words;
  std::memcpy(words.data(), image.data(), sizeof words);
  uint64_t link = get<uint64_t>(image.data() + sizeof words);
  Bucket& bucket = index_.numbered(number);
  const bool in_place = image.data() == reinterpret_cast<const std::byte*>(&bucket);
  if (in_place && link == 0 && is_fine(words)) return {};
  link &= HashIndex::kLinkMask;
  if (link < HashIndex::kReserved || link >= known_) link = 0;
  Kinds kinds;
  bool alike = false;
  bool empty = link == 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const EntryWord entry{words[i]};
    if (entry.free()) continue;
    if (!entry.tentative() && entry.address() >= bounds_.end) {
      return Error{Errc::corrupt, "an index entry that points behind its log", entry.address()};
    }
    if (entry.tentative() || entry.address() < bounds_.begin) {
      words[i] = 0;
      continue;
    }
    empty = false;
    if (kinds.add(entry)) alike = alike || has_tag(std::span(words).first(i), entry.tag());
  }
  if (empty && !in_place) return {};  // as it is in the index
  const bool in_table = number < index_.table_size();
  const bool alone = in_table && link == 0 && !alike;
  if (in_table && !alone) {
    chains_[number / kTogether] |= uint64_t{1} << (number % kTogether);
  }
  for (size_t i = 0; i < words.size(); ++i) {
    bucket.entries[i].store(alone ? rewound(words[i]) : words[i], kAlone);
  }
  bucket.link.store(link, kAlone);
  return {};
}

Result<void> IndexLoader::finish() {
  for (uint64_t place = 0; place < chains_.size(); ++place) {
    for (uint64_t left = chains_[place]; left != 0; left &= left - 1) {
      const auto bit = static_cast<uint64_t>(std::countr_zero(left));
      TRY(mend_chain(index_.numbered(place * kTogether + bit)));
    }
  }
  return {};
}

Result<void> IndexLoader::mend_chain(Bucket& first) {
  Kinds kinds;
  bool alike = false;
  uint64_t length = 0;
  for (Bucket* bucket = &first; bucket != nullptr; bucket = index_.next(*bucket)) {
    if (++length > known_) return Error{Errc::corrupt, "an index whose chain never ends"};
    for (const Atomic<uint64_t>& entry : bucket->entries) {
      const EntryWord word{entry.load()};
      if (!word.free()) alike = kinds.add(word) || alike;
    }
  }
  if (alike) free_older_of_two(first);
  for (Bucket* bucket = &first; bucket != nullptr; bucket = index_.next(*bucket)) {
    for (Atomic<uint64_t>& entry : bucket->entries) entry.store(rewound(entry.load()), kAlone);
  }
  return {};
}

// Where the walk of the log begins, entries lead nowhere: it finds what they are to lead to.
uint64_t IndexLoader::rewound(uint64_t word) const {
  const EntryWord entry{word};
  if (entry.free() || entry.address() < bounds_.start) return word;
  return EntryWord::make(entry.tag(), kTempInvalid).word;
}

// The newer one was made when the other had been freed.
void IndexLoader::free_older_of_two(Bucket& first) {
  for (Bucket* bucket = &first; bucket != nullptr; bucket = index_.next(*bucket)) {
    for (Atomic<uint64_t>& entry : bucket->entries) {
      const EntryWord word{entry.load()};
      if (word.free()) continue;
      for (Bucket* other = &first; other != nullptr; other = index_.next(*other)) {
        for (Atomic<uint64_t>& rival : other->entries) {
          const EntryWord older{rival.load()};
          if (&rival == &entry || older.free() || older.tag() != word.tag()) continue;
          if (older.address() > word.address()) continue;
          SOMETIMES(true, "a copied index had two entries of one tag");
          rival.store(0, kAlone);
        }
      }
    }
  }
}

}  // namespace orrery::engine
