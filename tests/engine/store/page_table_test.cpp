// SPDX-License-Identifier: Apache-2.0
// The checksum of a page: of its records as they follow one another, whatever their sizes.
#include "engine/store/page_table.hpp"

#include <vector>

#include "engine/base/crc32c.hpp"
#include "engine/store/record.hpp"

#include "tests/catch.hpp"

using namespace orrery::engine;

namespace {

constexpr uint64_t kVolatile = RecordHeader::kSealed | RecordHeader::kDirty;

/// A record whose value has so many bytes, behind what is there already.
void append(std::vector<std::byte>& page, size_t value_size, uint64_t bits) {
  constexpr int64_t kKey = 8;
  const auto size = static_cast<int64_t>(value_size);
  const size_t at = page.size();
  page.resize(at + static_cast<size_t>(record_size(kKey, size)));
  put(page.data() + at, RecordHeader::kValid | bits | 640);
  put(page.data() + at + kHeaderSize, static_cast<int32_t>(kKey));
  put(page.data() + at + kKeyOffset, uint64_t{at});
  put(page.data() + at + value_length_offset(kKey), static_cast<int32_t>(size));
  for (size_t i = 0; i < value_size; ++i) {
    page[at + static_cast<size_t>(value_offset(kKey)) + i] = static_cast<std::byte>(at + i * 7);
  }
}

/// Of all bytes at once, without the bits that change, and of where the records ended.
uint32_t checksum_of(std::vector<std::byte> page, const std::vector<size_t>& records) {
  for (const size_t at : records) {
    put(page.data() + at, get<uint64_t>(page.data() + at) & ~kVolatile);
  }
  const uint32_t sum = crc32c(page);
  std::byte end[8];
  put(end, uint64_t{page.size()});
  return crc32c(end, sum);
}

}  // namespace

TEST_CASE("the checksum of a page is that of its records, whatever their sizes") {
  // Around what is summed up at once, too.
  for (const size_t large : {0U, 1U, 1900U, 2000U, 2008U, 2016U, 2024U, 2032U, 2048U, 5000U}) {
    std::vector<std::byte> page;
    std::vector<size_t> records;
    for (size_t i = 0; i < 300; ++i) {
      records.push_back(page.size());
      const uint64_t bits =
          (i % 3 == 0 ? RecordHeader::kSealed : 0) | (i % 2 == 0 ? RecordHeader::kDirty : 0);
      append(page, i % 37 == 5 ? large : i % 40, bits);
    }
    INFO("values of " << large << " bytes");
    const uint32_t sum = page_checksum(page);
    CHECK(sum == checksum_of(page, records));
    for (const size_t at : records) {
      put(page.data() + at, get<uint64_t>(page.data() + at) ^ kVolatile);
    }
    CHECK(page_checksum(page) == sum);
    page[page.size() / 2] ^= std::byte{1};
    CHECK(page_checksum(page) != sum);
  }
}

TEST_CASE("what makes no sense as records counts as it is") {
  std::vector<std::byte> page;
  append(page, 8, 0);
  const size_t records = page.size();
  page.resize(records + 3000, std::byte{0xFF});
  const uint32_t sum = page_checksum(page);
  page[records] = std::byte{0xFE};
  CHECK(page_checksum(page) != sum);
  page[records] = std::byte{0xFF};
  page.back() = std::byte{0xFE};
  CHECK(page_checksum(page) != sum);
  page.back() = std::byte{0xFF};
  CHECK(page_checksum(page) == sum);
}
