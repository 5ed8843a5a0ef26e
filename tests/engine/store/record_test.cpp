// SPDX-License-Identifier: Apache-2.0
// Sizes of records, and records as a device gives them back.
#include "engine/store/record.hpp"

#include <vector>

#include "tests/catch.hpp"

using namespace orrery::engine;

namespace {

std::vector<std::byte> image(std::string_view key, std::string_view value) {
  const auto key_size = static_cast<int64_t>(key.size());
  const auto value_size = static_cast<int64_t>(value.size());
  std::vector<std::byte> bytes(static_cast<size_t>(record_size(key_size, value_size)));
  put(bytes.data(), RecordHeader::kValid | 640);
  put(bytes.data() + 8, static_cast<int32_t>(key_size));
  std::memcpy(bytes.data() + kKeyOffset, key.data(), key.size());
  put(bytes.data() + value_length_offset(key_size), static_cast<int32_t>(value_size));
  std::memcpy(bytes.data() + value_offset(key_size), value.data(), value.size());
  return bytes;
}

}  // namespace

TEST_CASE("a record takes header, lengths and padding") {
  CHECK(record_size(1, 0) == 8 + 8 + 8);
  CHECK(record_size(4, 4) == 8 + 8 + 8);
  CHECK(record_size(5, 4) == 8 + 16 + 8);
  CHECK(record_size(8, 8) == 8 + 16 + 16);
  CHECK(record_size(8, (int64_t{1} << 31) - 1) > (int64_t{1} << 31));
  CHECK(record_size(-2147483647 - 1, -1) < 0);  // garbage shows, and does not wrap
  for (int64_t key = 1; key < 40; ++key) {
    for (int64_t value = 0; value < 40; ++value) {
      CHECK(record_size(key, value) % 8 == 0);
      CHECK(record_size(key, value) >= value_offset(key) + value);
      CHECK(record_size(key, value) - value_offset(key) - value < 8);
    }
  }
}

TEST_CASE("a header is closed unless it is valid and not sealed") {
  CHECK(RecordHeader{0}.is_hole());
  CHECK(RecordHeader{0}.closed());
  CHECK_FALSE(RecordHeader{RecordHeader::kValid | RecordHeader::kDirty}.closed());
  CHECK(RecordHeader{RecordHeader::kValid | RecordHeader::kSealed}.closed());
  CHECK(RecordHeader{RecordHeader::kValid | 123456}.prev() == 123456);
}

TEST_CASE("an image is recognised in stages") {
  const auto bytes = image("some key", "a value of some length");
  const auto limit = static_cast<int64_t>(bytes.size());
  int64_t needed = 0;
  for (size_t have = 0; have < bytes.size(); ++have) {
    const auto stage = look_at_image({bytes.data(), have}, limit);
    REQUIRE(stage);
    CHECK_FALSE(stage->complete);
    CHECK(stage->needed > static_cast<int64_t>(have));
    CHECK(stage->needed >= needed);
    needed = stage->needed;
  }
  const auto whole = look_at_image(bytes, limit);
  REQUIRE(whole);
  CHECK(whole->complete);
  CHECK(text_of(whole->image.key) == "some key");
  CHECK(text_of(whole->image.value) == "a value of some length");
  CHECK(whole->image.header.prev() == 640);
}

TEST_CASE("an image that makes no sense is an error") {
  auto bytes = image("key", "value");
  CHECK(look_at_image(bytes, static_cast<int64_t>(bytes.size()) - 8).error().code == Errc::corrupt);
  put(bytes.data() + 8, int32_t{-1});
  CHECK(look_at_image(bytes, 4096).error().code == Errc::corrupt);
  put(bytes.data() + 8, int32_t{1 << 30});
  CHECK(look_at_image(bytes, 4096).error().code == Errc::corrupt);
  bytes = image("key", "value");
  put(bytes.data() + value_length_offset(3), int32_t{-5});
  CHECK(look_at_image(bytes, 4096).error().code == Errc::corrupt);
  put(bytes.data(), uint64_t{0});
  CHECK(look_at_image(bytes, 4096).error().code == Errc::corrupt);
}
