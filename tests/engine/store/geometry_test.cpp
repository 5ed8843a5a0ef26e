// SPDX-License-Identifier: Apache-2.0
// Whoever comes with another sector size is refused, and nothing of what is there is changed: not
// by a recovery, and not by a new store or log that would begin in its place.
#include "tests/engine/store/append_lives.hpp"
#include "tests/engine/store/lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

constexpr std::pair<uint32_t, uint32_t> kSectors[] = {{64, 512},  {512, 64},   {512, 4096},
                                                      {64, 4096}, {4096, 512}, {64, 16}};

StoreOptions large_pages(uint32_t sector, bool logged) {
  StoreOptions options = small_options(false);
  options.page_bits = 12;
  options.memory_bits = 15;
  options.sector_size = sector;
  options.log_operations = logged;
  options.log_page_bits = 12;
  options.log_memory_bits = 14;
  return options;
}

/// What is there stays as it is, and comes back with the sector size of then.
void refuses(Lives& lives, uint32_t now, const Model& wanted, int keys) {
  const uint32_t then = lives.options.sector_size;
  INFO(then << " " << now);
  const Contents before = contents_of(lives.plain);
  lives.options.sector_size = now;
  const auto recovered = lives.try_recover();
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().code == Errc::invalid);
  const auto opened = Store::open(lives.plain.runtime(), lives.options, lives.bugs);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::exists);
  CHECK(contents_of(lives.plain) == before);
  lives.options.sector_size = then;
  lives.recover();
  lives.check(wanted, keys);
  lives.die();
}

}  // namespace

TEST_CASE("a store of another sector size is refused, and left as it is") {
  for (const auto& [then, now] : kSectors) {
    for (const bool logged : {false, true}) {
      for (const LogCheckpoint kind : {LogCheckpoint::snapshot, LogCheckpoint::fold_over}) {
        Lives lives(large_pages(then, logged));
        lives.open();
        lives.fill(0, 60, "a");
        lives.checkpoint({kind, true});
        lives.die();
        refuses(lives, now, lives.captured, 60);
      }
    }
  }
}

TEST_CASE("a log of operations alone of another sector size is refused", "[operation-log]") {
  for (const auto& [then, now] : kSectors) {
    Lives lives(large_pages(then, true));
    lives.open();
    lives.fill(0, 20, "a");
    REQUIRE(lives.store->commit_log());
    lives.die();
    refuses(lives, now, lives.model, 20);
  }
}

TEST_CASE("a log of another sector size is refused, and left as it is", "[append-log]") {
  for (const auto& [then, now] : kSectors) {
    for (const bool fast : {false, true}) {
      AppendLogOptions options = small_log(fast);
      options.ring.page_bits = 12;
      options.ring.memory_bits = 14;
      options.ring.segment_bits = 13;
      options.ring.sector_size = then;
      AppendLives lives(options);
      lives.fill(0, 40);
      lives.commit();
      lives.die();
      const Contents before = contents_of(lives.plain);
      lives.options.ring.sector_size = now;
      CHECK(lives.recovery_error() == Errc::invalid);
      const auto opened = AppendLog::open(lives.plain.runtime(), lives.options);
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code == Errc::exists);
      CHECK(contents_of(lives.plain) == before);
      lives.options.ring.sector_size = then;
      lives.recover();
      CHECK(lives.read() == numbers(0, 40));
      lives.close();
    }
  }
}

TEST_CASE("a log whose device is gone, or was cut short, is damaged", "[append-log]") {
  for (const bool fast : {false, true}) {
    AppendLives lives(small_log(fast));
    for (int i = 0; i < 10; ++i) {
      lives.fill(10 * i, 10 * i + 10);
      lives.commit();
    }
    lives.die();
    const size_t whole = lives.plain.device("aof/log").bytes.size();
    // How far the commits go that are records of the log itself, nobody knows without them.
    for (size_t size = fast ? 0 : whole - 64; size < whole; size -= std::min<size_t>(size, 64)) {
      lives.plain.device("aof/log").bytes.resize(size);
      const Contents before = contents_of(lives.plain);
      CHECK(lives.recovery_error() == Errc::corrupt);
      CHECK(contents_of(lives.plain) == before);
      if (size == 0) break;
    }
    REQUIRE(lives.plain.remove("aof/log"));
    CHECK(lives.recovery_error() == Errc::corrupt);
    CHECK_FALSE(lives.plain.has("aof/log"));
    lives.close();
  }
}
