// SPDX-License-Identifier: Apache-2.0
// Entries and commit files are recognised, and nothing else is: whatever the bytes.
#include "engine/store/append_log_files.hpp"

#include <vector>

#include "engine/base/crc32c.hpp"
#include "engine/store/append_log.hpp"
#include "engine/store/append_log_entry.hpp"
#include "tests/catch.hpp"
#include "tests/engine/store/plain_runtime.hpp"

using namespace orrery::engine;

namespace {

std::vector<std::byte> entry_bytes(EntryKind kind, LogAddr address, std::string_view text) {
  std::vector<std::byte> bytes(static_cast<size_t>(entry_size(text.size())));
  const EntryHeader header = make_entry_header(kind, address, 7, bytes_of(text));
  put(bytes.data(), header.first);
  put(bytes.data() + 8, header.second);
  std::memcpy(bytes.data() + kEntryHeader, text.data(), text.size());
  return bytes;
}

CommitInfo some_commit() {
  CommitInfo info;
  info.number = 12;
  info.incarnation = 3;
  info.fast = true;
  info.begin = 64;
  info.until = 4096;
  info.page_bits = 9;
  info.sector = 64;
  REQUIRE(info.holes.add({128, 256}));
  REQUIRE(info.holes.add({512, 520}));
  REQUIRE(info.marks.set_cookie(bytes_of("a cookie of mine")));
  REQUIRE(info.marks.set_position("reader", 4000));
  return info;
}

std::vector<std::byte> file_of(const CommitInfo& info) {
  std::vector<std::byte> file(commit_file_size(64));
  encode_commit(info, file);
  return file;
}

/// The file with another value in one of its fields, and a checksum that fits.
Errc error_with(size_t field, uint64_t value) {
  std::vector<std::byte> file = file_of(some_commit());
  put(file.data() + 8 + field * 8, value);
  const auto length = get<uint32_t>(file.data());
  put(file.data() + 4, crc32c(Bytes(file).subspan(8, length)));
  const auto decoded = decode_commit(file);
  return decoded ? Errc::ok : decoded.error().code;
}

}  // namespace

TEST_CASE("an entry says what it holds", "[append-log]") {
  const auto bytes = entry_bytes(EntryKind::data, 800, "some text");
  const auto view = look_at_entry(bytes, 800);
  REQUIRE(view);
  CHECK(view->kind == EntryKind::data);
  CHECK(view->incarnation == 7);
  CHECK(view->size == 32);
  CHECK(text_of(view->payload) == "some text");
  CHECK(claimed_size(get<uint64_t>(bytes.data())) == 32);
  const auto commit = look_at_entry(entry_bytes(EntryKind::commit, 800, "some text"), 800);
  REQUIRE(commit);
  CHECK(commit->kind == EntryKind::commit);
}

TEST_CASE("an entry that is changed anywhere, or elsewhere, is none", "[append-log]") {
  const auto good = entry_bytes(EntryKind::data, 800, "some text");
  CHECK_FALSE(look_at_entry(good, 808));
  for (size_t at = 0; at < static_cast<size_t>(kEntryHeader) + 9; ++at) {
    for (const int bit : {1, 128}) {
      auto bytes = good;
      bytes[at] = bytes[at] ^ static_cast<std::byte>(bit);
      const auto view = look_at_entry(bytes, 800);
      REQUIRE_FALSE(view);
      REQUIRE(view.error().code == Errc::corrupt);
      REQUIRE(view.error().where == 800);
    }
  }
  for (size_t size = 0; size < good.size(); ++size) {
    REQUIRE_FALSE(look_at_entry(Bytes(good).first(size), 800));
  }
}

TEST_CASE("zeros are no entry, and a page end is not one either", "[append-log]") {
  std::vector<std::byte> bytes(8);
  CHECK(look_at_entry(bytes, 800)->kind == EntryKind::none);
  put(bytes.data(), page_end_word(800, 5));
  const auto view = look_at_entry(bytes, 800);
  REQUIRE(view);
  CHECK(view->kind == EntryKind::page_end);
  CHECK(view->incarnation == 5);
  CHECK(look_at_entry(bytes, 808)->incarnation > 1000);  // an incarnation that never was
  CHECK(claimed_size(page_end_word(800, 5)) == 0);
}

TEST_CASE("a commit record says its number and where the log begins", "[append-log]") {
  std::vector<std::byte> bytes(CommitRecord::kSize);
  encode_commit_record({99, 128}, bytes);
  CHECK(decode_commit_record(bytes)->number == 99);
  CHECK(decode_commit_record(bytes)->begin == 128);
  CHECK_FALSE(decode_commit_record(Bytes(bytes).first(15)));
}

TEST_CASE("a commit file says what was written into it", "[append-log]") {
  const CommitInfo info = some_commit();
  const auto decoded = decode_commit(file_of(info));
  REQUIRE(decoded);
  CHECK(*decoded == info);
}

TEST_CASE("a commit file that is torn, cut or changed is none", "[append-log]") {
  const std::vector<std::byte> good = file_of(some_commit());
  const size_t used = 8 + get<uint32_t>(good.data());
  for (size_t size = 0; size < used; ++size) REQUIRE_FALSE(decode_commit(Bytes(good).first(size)));
  for (size_t at = 0; at < used; ++at) {
    auto bytes = good;
    bytes[at] = bytes[at] ^ std::byte{16};
    REQUIRE_FALSE(decode_commit(bytes));
  }
  for (size_t from = 0; from < used; from += 8) {  // the rest was lost with power
    auto bytes = good;
    std::fill(bytes.begin() + static_cast<ptrdiff_t>(from), bytes.end(), std::byte{0});
    REQUIRE_FALSE(decode_commit(bytes));
  }
  REQUIRE_FALSE(decode_commit(std::vector<std::byte>(512)));
}

TEST_CASE("a commit file that passes its checksum must make sense as well", "[append-log]") {
  CHECK(error_with(1, 13) == Errc::ok);
  CHECK(error_with(0, 9) == Errc::invalid);  // of another format, and no damage
  struct Row {
    size_t field;
    uint64_t value;
  };
  for (const Row row : {Row{1, 0}, Row{2, 0}, Row{2, uint64_t{1} << 32}, Row{3, 2}, Row{4, 8},
                        Row{4, 65}, Row{4, 8192}, Row{4, UINT64_MAX}, Row{5, 0}, Row{5, 4097},
                        Row{6, 5}, Row{6, 31}, Row{8, 1}, Row{8, 17}, Row{8, UINT64_MAX},
                        Row{9, 256}, Row{10, UINT64_MAX}, Row{11, 200}, Row{12, 512}}) {
    INFO(row.field << " " << row.value);
    CHECK(error_with(row.field, row.value) == Errc::corrupt);
  }
}

TEST_CASE("a commit file of another format is refused, and not passed over", "[append-log]") {
  testing::PlainRuntime plain;
  const CommitFiles files(plain.runtime(), "aof", 64);
  AppendLogOptions options;
  options.ring.sector_size = 64;
  options.ring.prefix = "aof";
  CommitInfo info = some_commit();
  REQUIRE(files.write(info));
  info.number = 13;
  REQUIRE(files.write(info));
  auto& bytes = plain.device(std::string(LogName::commit("aof", 13).view())).bytes;
  bytes[40] ^= std::byte{1};
  CHECK(files.find_newest()->number == 12);
  bytes[40] ^= std::byte{1};
  put(bytes.data() + 8, uint64_t{9});
  put(bytes.data() + 4, crc32c(Bytes(bytes).subspan(8, get<uint32_t>(bytes.data()))));
  const auto newest = files.find_newest();
  CHECK(newest.error().code == Errc::invalid);
  CHECK(newest.error().where == 9);
  CHECK(AppendLog::recover(plain.runtime(), options).error().code == Errc::invalid);
  CHECK(AppendLog::open(plain.runtime(), options).error().code == Errc::invalid);
  CHECK(plain.removed.empty());
}

TEST_CASE("a commit file is known by its name", "[append-log]") {
  CHECK(LogName::main("a/b").view() == "a/b/log");
  CHECK(LogName::commit("a", 255).view() == "a/log-commits/commit.00000000000000ff");
  CHECK(number_of_commit("a/log-commits/commit.00000000000000ff", "a") == 255);
  for (const char* other :
       {"a/log-commits/commit.ff", "b/log-commits/commit.00000000000000ff",
        "a/log-commits/commit.00000000000000fg", "a/log-commits/commit.00000000000000ff0",
        "a/log-commits/commit.ffffffffffffffff", "a", "", "a/log"}) {
    CHECK(number_of_commit(other, "a") == 0);
  }
}
