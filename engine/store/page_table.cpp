// SPDX-License-Identifier: Apache-2.0
#include "engine/store/page_table.hpp"

#include <algorithm>
#include <cstring>

#include "engine/base/crc32c.hpp"
#include "engine/store/record.hpp"

namespace orrery::engine {
namespace {

// An entry is a checksum, and a word of the state and, above it, `from` in units of 8 bytes.
constexpr uint32_t kStateBits = 2;
constexpr uint32_t kAlignmentBits = 3;

// A checksum of many small pieces. They are brought together first: a record of a few words would
// take longer to be handed over than to be summed up.
class Gathered {
 public:
  void add(uint64_t word) {
    std::byte bytes[sizeof word];
    put(bytes, word);
    add(bytes);
  }
  void add(Bytes bytes) {
    while (!bytes.empty()) {
      const size_t fits = std::min(bytes.size(), sizeof room_ - count_);
      std::memcpy(room_ + count_, bytes.data(), fits);
      count_ += fits;
      if (count_ == sizeof room_) sum_up();
      bytes = bytes.subspan(fits);
    }
  }
  uint32_t finish() {
    sum_up();
    return sum_;
  }

 private:
  void sum_up() {
    sum_ = crc32c({room_, count_}, sum_);
    count_ = 0;
  }

  std::byte room_[kCrc32cBlock];
  size_t count_ = 0;
  uint32_t sum_ = 0;
};

}  // namespace

Result<void> PageTable::begin(Memory& memory, int64_t first_page, int64_t count) {
  CHECK(count >= 0, "a table of {} pages", count);
  first_page_ = first_page;
  entries_ = {};
  if (count == 0) return {};
  TRY_ASSIGN(entries_, Array<Entry>::make(memory, static_cast<size_t>(count), "page table"));
  return {};
}

void PageTable::set(int64_t page, Entry entry) {
  CHECK(page >= first_page_, "page {} lies before the table", page);
  CHECK(page - first_page_ < count(), "page {} lies behind the table", page);
  CHECK(entry.from % (1U << kAlignmentBits) == 0, "a record at offset {}", entry.from);
  entries_[static_cast<size_t>(page - first_page_)] = entry;
}

const PageTable::Entry& PageTable::operator[](int64_t page) const {
  CHECK(page >= first_page_, "page {} lies before the table", page);
  CHECK(page - first_page_ < count(), "page {} lies behind the table", page);
  return entries_[static_cast<size_t>(page - first_page_)];
}

void PageTable::encode(MutableBytes out) const {
  CHECK(out.size() >= encoded_size(), "a table of {} bytes", out.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    put(out.data() + i * kEntrySize, entries_[i].checksum);
    put(out.data() + i * kEntrySize + 4, entries_[i].from >> kAlignmentBits << kStateBits |
                                             static_cast<uint32_t>(entries_[i].state));
  }
}

Result<void> PageTable::decode(Bytes file) {
  if (file.size() < encoded_size()) return Error{Errc::corrupt, "a page table that is too short"};
  for (size_t i = 0; i < entries_.size(); ++i) {
    const auto word = get<uint32_t>(file.data() + i * kEntrySize + 4);
    const uint32_t state = word & ((1U << kStateBits) - 1);
    if (state > static_cast<uint32_t>(State::checked)) {
      return Error{Errc::corrupt, "a page table with an unknown state"};
    }
    entries_[i] = {get<uint32_t>(file.data() + i * kEntrySize), static_cast<State>(state),
                   word >> kStateBits << kAlignmentBits};
  }
  return {};
}

uint32_t page_checksum(Bytes image) {
  // Whoever replaces a record seals it, and the walk of an earlier snapshot takes Dirty away.
  constexpr uint64_t kVolatile = RecordHeader::kSealed | RecordHeader::kDirty;
  Gathered sum;
  size_t at = 0;
  while (at + kHeaderSize <= image.size()) {
    const auto word = get<uint64_t>(image.data() + at);
    size_t step = kHeaderSize;
    if (word != 0) {
      const auto left = static_cast<int64_t>(image.size() - at);
      const auto stage = look_at_image(image.subspan(at), left);
      if (!stage || !stage->complete) break;
      step = static_cast<size_t>(stage->image.size);
      sum.add(word & ~kVolatile);
      sum.add(image.subspan(at + kHeaderSize, step - kHeaderSize));
    }
    at += step;
  }
  // What makes no sense as records counts as it is; so does where the records ended.
  sum.add(image.subspan(at));
  sum.add(uint64_t{at});
  return sum.finish();
}

}  // namespace orrery::engine
