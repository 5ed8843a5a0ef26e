// SPDX-License-Identifier: Apache-2.0
// What is missing or damaged is noticed by a recovery.
#include "tests/engine/store/lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

constexpr CheckpointRequest kFolded{LogCheckpoint::fold_over, false};
constexpr CheckpointRequest kFoldedWithIndex{LogCheckpoint::fold_over, true};

/// Recovers; the error, if there is one. A store that was recovered is closed again.
Error recovery_error(Lives& lives, const RecoverOptions& wanted = {}) {
  const auto recovered = lives.try_recover(wanted);
  if (!recovered) return recovered.error();
  lives.die();
  return {};
}

/// The address of each record on the main device, in order.
std::vector<LogAddr> records_on(Lives& lives, LogAddr until) {
  const auto& bytes = lives.plain.device("db/hlog").bytes;
  const Geometry geometry = HybridLog::geometry_of(lives.options);
  std::vector<LogAddr> all;
  for (LogAddr address = kFirstValid; address < until;) {
    const Bytes rest = Bytes(bytes).subspan(geometry.file_offset(address));
    if (get<uint64_t>(rest.data()) == 0) {
      address += kHeaderSize;
      continue;
    }
    const auto stage = look_at_image(rest, static_cast<int64_t>(rest.size()));
    REQUIRE(stage);
    all.push_back(address);
    address += stage->image.size;
  }
  return all;
}

}  // namespace

TEST_CASE("a main log that is too short is corrupt, with the address where it ends") {
  for (const CheckpointRequest& request : {CheckpointRequest{}, kFolded, kFoldedWithIndex}) {
    Lives lives(small_options(false));
    lives.open();
    lives.fill(0, 300, "a");
    lives.checkpoint(request);
    const LogAddr flushed = lives.store->log().load(Boundary::flushed);
    lives.die();
    auto& bytes = lives.plain.device("db/hlog").bytes;
    const auto whole = bytes;
    REQUIRE(whole.size() >= static_cast<size_t>(flushed));
    for (const size_t size : {size_t{0}, size_t{64}, size_t{1024}, whole.size() - 64}) {
      bytes.resize(size);
      const Error error = recovery_error(lives);
      CHECK(error.code == Errc::corrupt);
      CHECK(error.where == std::max<LogAddr>(kFirstValid, static_cast<LogAddr>(size)));
      bytes = whole;
    }
    lives.recover();
    lives.check(lives.captured, 300);
    lives.die();
  }
}

TEST_CASE("a main log of which nothing is needed may be missing") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 5, "a");
  lives.checkpoint();
  REQUIRE(lives.plain.device("db/hlog").bytes.empty());
  lives.die();
  REQUIRE(lives.plain.remove("db/hlog"));
  lives.recover();
  lives.check(lives.captured, 5);
  lives.die();
}

TEST_CASE("a part of the log that was never written is not taken for empty") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 100, "a");
  lives.checkpoint(kFolded);
  const LogAddr end = lives.store->log().tail();
  lives.die();
  auto& bytes = lives.plain.device("db/hlog").bytes;
  const auto whole = bytes;
  const auto without = [&](LogAddr from, LogAddr until) {
    std::fill(bytes.begin() + from, bytes.begin() + until, std::byte{0});
    const Error error = recovery_error(lives);
    bytes = whole;
    return error;
  };
  // A whole page, wherever it is; that in which the log begins may be empty.
  for (LogAddr page = 512; page < end; page += 512) {
    const Error error = without(page, std::min<LogAddr>(page + 512, end));
    CHECK(error.code == Errc::corrupt);
    CHECK(error.where == page);
  }
  // A record with others behind it.
  const std::vector<LogAddr> records = records_on(lives, end);
  REQUIRE(records.size() == 100);
  for (size_t i = 0; i + 1 < records.size(); ++i) {
    if (records[i] / 512 != records[i + 1] / 512) continue;
    const Error error = without(records[i], records[i + 1]);
    CHECK(error.code == Errc::corrupt);
    CHECK(error.where == records[i]);
  }
  // The last one: the page was full up to there.
  CHECK(without(records.back(), end).where == records.back());
  lives.recover();
  lives.check(lives.captured, 100);
  lives.die();
}

TEST_CASE("where a record found no room there is no damage") {
  for (const CheckpointRequest& request : {CheckpointRequest{}, kFolded, kFoldedWithIndex}) {
    for (const LogAddr first :
         {LogAddr{64}, LogAddr{512 - 8}, LogAddr{1024}, LogAddr{1024 + 200}}) {
      StoreOptions options = small_options(false);
      options.first_address = first;
      Lives lives(options);
      lives.open();
      // The first record does not fit on the page where the log begins, and holes are of any size.
      lives.set("large", std::string(460, 'l'));
      for (int i = 0; i < 60; ++i) lives.set(key_of(i), std::string(10 + i * 7, 'v'));
      for (int life = 0; life < 4; ++life) {
        INFO(first << " " << life);
        lives.checkpoint(request);
        lives.set("lost", std::string(100, 'x'));
        lives.die();
        lives.recover();
        lives.check(lives.captured, 60);
        lives.model = lives.captured;
        for (int i = 0; i < 20; ++i) lives.set(key_of(i), std::string(30 + life * 90 + i, 'w'));
      }
      REQUIRE(lives.store->reset());
      lives.model.clear();
      lives.set("large", std::string(460, 'l'));
      lives.set(key_of(3), "again");
      lives.checkpoint(request);
      lives.die();
      lives.recover();
      lives.check(lives.captured, 60);
      CHECK(lives.read("large") == std::string(460, 'l'));
      lives.die();
    }
  }
}

TEST_CASE("a record that replaces a later one is corrupt, and stops nobody's process") {
  for (const CheckpointRequest& request : {kFolded, kFoldedWithIndex}) {
    StoreOptions options = small_options(false);
    options.memory_bits = 15;  // all of it stays in memory
    options.index_bits = 0;
    Lives lives(options);
    lives.open();
    lives.fill(0, 60, "a");
    lives.checkpoint(request);
    const LogAddr end = lives.store->log().tail();
    lives.die();
    auto& bytes = lives.plain.device("db/hlog").bytes;
    const auto whole = bytes;
    for (const LogAddr address : records_on(lives, end)) {
      for (const LogAddr prev : {address, address + 64, kAddrEnd - 8}) {
        const uint64_t word = get<uint64_t>(bytes.data() + address);
        put(bytes.data() + address,
            (word & ~RecordHeader::kPrevMask) | static_cast<uint64_t>(prev));
        const Error error = recovery_error(lives);
        CHECK(error.code == Errc::corrupt);
        CHECK(error.where == address);
        bytes = whole;
      }
    }
    lives.recover();
    lives.check(lives.captured, 60);
    lives.die();
  }
}
