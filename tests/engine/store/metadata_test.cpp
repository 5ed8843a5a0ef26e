// SPDX-License-Identifier: Apache-2.0
// Metadata comes back as it was written, or not at all.
#include "engine/store/metadata.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/base/crc32c.hpp"
#include "tests/catch.hpp"

using namespace orrery::engine;

namespace {

CheckpointInfo some_info() {
  CheckpointInfo info;
  info.token = 0xabc;
  info.version = 7;
  info.next_version = 8;
  info.flushed = 1024;
  info.snapshot_start = 1000;
  info.start = 5000;
  info.final = 6000;
  info.snapshot_final = 6000;
  info.head = 512;
  info.begin = 64;
  info.page_bits = 9;
  info.sector = 64;
  info.null_main = true;
  info.log_start = 4096;
  return info;
}

std::vector<std::byte> encoded(const CheckpointInfo& info, std::span<const SessionPoint> points) {
  std::vector<std::byte> bytes(metadata_size_max(points.size(), info.sector));
  bytes.resize(encode_metadata(info, points, bytes));
  return bytes;
}

// The same file with other text and a matching checksum.
std::vector<std::byte> with_text(std::string_view text) {
  std::vector<std::byte> bytes(8 + text.size());
  put(bytes.data(), static_cast<uint32_t>(text.size()));
  put(bytes.data() + 4, crc32c(bytes_of(text)));
  std::memcpy(bytes.data() + 8, text.data(), text.size());
  return bytes;
}

}  // namespace

TEST_CASE("metadata round trip") {
  const SessionPoint points[] = {{1, 100}, {18446744073709551615U, 0}, {3, 77}};
  const auto bytes = encoded(some_info(), points);
  CHECK(bytes.size() % 64 == 0);
  std::array<SessionPoint, 3> found{};
  const auto decoded = decode_metadata(bytes, found);
  REQUIRE(decoded);
  CHECK(decoded->info == some_info());
  CHECK(decoded->session_count == 3);
  CHECK(std::ranges::equal(found, points));
  const auto without_room = decode_metadata(bytes, {});
  REQUIRE(without_room);
  CHECK(without_room->session_count == 3);
}

TEST_CASE("the text is what the format says") {
  const SessionPoint points[] = {{1, 100}};
  const auto bytes = encoded(some_info(), points);
  const size_t length = get<uint32_t>(bytes.data());
  CHECK(text_of({bytes.data() + 8, length}) ==
        "format 5\ntoken 0000000000000abc\nuse_snapshot_file 1\nversion 7\nnext_version 8\n"
        "flushed 1024\nsnapshot_start 1000\nstart 5000\nfinal 6000\nsnapshot_final 6000\n"
        "head 512\nbegin 64\npage_bits 9\nsector 64\nnull_main 1\npages 0\npages_checksum "
        "0\nindex_token 0000000000000000\nlog_start 4096\nsessions 1\nsession 1 100\n");
}

TEST_CASE("a file that is cut or damaged anywhere is refused") {
  const SessionPoint points[] = {{1, 100}, {2, 5}};
  const auto bytes = encoded(some_info(), points);
  const size_t used = 8 + get<uint32_t>(bytes.data());
  for (size_t size = 0; size < used; ++size) {
    CHECK(decode_metadata({bytes.data(), size}, {}).error().code == Errc::corrupt);
  }
  for (size_t place = 0; place < used; ++place) {
    for (const int bit : {0, 3, 7}) {
      auto damaged = bytes;
      damaged[place] ^= static_cast<std::byte>(1 << bit);
      CHECK_FALSE(decode_metadata(damaged, {}));
    }
  }
  CHECK_FALSE(decode_metadata(std::vector<std::byte>(4096), {}));
}

TEST_CASE("another format behind a good checksum is invalid, and no damage") {
  IndexInfo index;
  index.token = 1;
  index.sector = 64;
  std::vector<std::byte> of_index(index_metadata_size(index.sector));
  encode_index_metadata(index, of_index);
  const auto text_in = [](const std::vector<std::byte>& bytes) {
    return std::string(text_of({bytes.data() + 8, get<uint32_t>(bytes.data())}));
  };
  const auto other = [&](std::string text, const std::string& number) {
    return with_text(text.replace(7, 1, number));
  };
  const std::string log = text_in(encoded(some_info(), {}));
  CHECK(decode_metadata(other(log, "4"), {}).error().code == Errc::invalid);
  CHECK(decode_metadata(other(log, "4"), {}).error().where == 4);
  // Whatever the other format has behind its number.
  CHECK(decode_metadata(with_text("format 12\nelse"), {}).error().where == 12);
  CHECK(decode_metadata(other(log, "x"), {}).error().code == Errc::corrupt);
  REQUIRE(decode_index_metadata(of_index));
  const auto found = decode_index_metadata(other(text_in(of_index), "2"));
  CHECK(found.error().code == Errc::invalid);
  CHECK(found.error().where == 2);
}

TEST_CASE("a good checksum does not make sense of nonsense") {
  const auto bytes = encoded(some_info(), {});
  const std::string text(text_of({bytes.data() + 8, get<uint32_t>(bytes.data())}));
  REQUIRE(decode_metadata(with_text(text), {}));
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    return decode_metadata(with_text(other), {}).has_value();
  };
  CHECK_FALSE(changed("format 5", "format 4"));
  CHECK_FALSE(changed("version 7", "version x"));
  CHECK_FALSE(changed("version 7", "version -7"));
  CHECK_FALSE(changed("version 7\n", "version \n"));
  CHECK_FALSE(changed("flushed 1024", "flushed 99999999999999999999999"));
  CHECK_FALSE(changed("flushed 1024", "flushed 999999999999999"));
  CHECK_FALSE(changed("sessions 0", "sessions 1"));
  CHECK_FALSE(changed("sessions 0", "sessions 18446744073709551615"));
  CHECK_FALSE(changed("null_main 1", "null_main 2"));
  CHECK_FALSE(changed("head 512\n", ""));
  CHECK_FALSE(changed("log_start 4096", "log_start -8"));
  CHECK_FALSE(decode_metadata(with_text(text + "more\n"), {}));
}
