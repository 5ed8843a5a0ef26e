// SPDX-License-Identifier: Apache-2.0
// An append log: what a commit acknowledged is there after a crash, once and in order; what it did
// not may be lost, and what is lost never comes back.
#include "tests/engine/store/append_lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

TEST_CASE("what was committed is there after a crash, and nothing else", "[append-log]") {
  for (const bool fast : {false, true}) {
    AppendLives lives(small_log(fast));
    lives.fill(0, 100);
    CHECK(lives.read().empty());
    CHECK(lives.read_uncommitted() == numbers(0, 100));
    lives.commit();
    CHECK(lives.read() == numbers(0, 100));
    lives.fill(100, 130);
    lives.die();
    lives.recover();
    CHECK(lives.read() == numbers(0, 100));
    CHECK(lives.read_uncommitted() == numbers(0, 100));
    lives.fill(100, 120);
    lives.commit();
    CHECK(lives.read() == numbers(0, 120));
    lives.die();
    lives.recover();
    lives.die();
    lives.recover();
    CHECK(lives.read() == numbers(0, 120));
    lives.close();
  }
}

TEST_CASE("what was rolled back never comes back behind new entries", "[append-log]") {
  for (const bool fast : {false, true}) {
    for (int committed = 1; committed < 30; ++committed) {
      AppendLives lives(small_log(fast));
      lives.fill(0, committed);
      lives.commit();
      // These get to the device, and are lost. Some have the sizes of those that take their place.
      for (int i = 0; i < 60; ++i) lives.put(1000 + committed + i);
      lives.die();
      lives.recover();
      lives.fill(committed, committed + 3);
      lives.commit();
      lives.die();
      lives.recover();
      REQUIRE(lives.read() == numbers(0, committed + 3));
      lives.close();
    }
  }
}

TEST_CASE("commits in the fast mode are records, and files now and then", "[append-log]") {
  AppendLives lives(small_log(true));
  const int before = lives.plain.name_syncs;
  for (int i = 0; i < 3; ++i) {
    lives.put(i);
    lives.commit();
  }
  CHECK(lives.plain.name_syncs == before);
  for (int i = 3; i < 20; ++i) {
    lives.put(i);
    lives.commit();
  }
  CHECK(lives.plain.name_syncs == before + 5);  // every fourth of twenty
  CHECK(lives.commit_files().size() == 1);
  lives.put(99);
  lives.die();
  lives.recover();
  CHECK(lives.read() == numbers(0, 20));
  lives.close();
}

TEST_CASE("a commit record of an earlier life is refused", "[append-log]") {
  AppendLives lives(small_log(true));
  lives.fill(0, 3);
  const LogAddr durable = lives.commit();
  // Bytes of the same length, in the same places, once with a commit behind and once without.
  lives.put(50);
  lives.commit();
  lives.put(51);
  lives.commit();
  auto& file = lives.plain.device("aof/log");
  const std::vector<std::byte> with_commits = file.bytes;
  lives.die();
  // The power was lost: behind `durable` there are zeros.
  std::fill(file.bytes.begin() + durable + 32, file.bytes.end(), std::byte{0});
  lives.recover();
  CHECK(lives.read() == numbers(0, 3));
  const uint32_t incarnation = lives.log->incarnation();
  lives.die();
  // And what was lost turns up again, behind the new end.
  file.bytes = with_commits;
  lives.recover();
  CHECK(lives.log->incarnation() == incarnation + 1);
  CHECK(lives.read() == numbers(0, 3));
  lives.close();
}

TEST_CASE("what is truncated is passed over at once, and the device lets it go later",
          "[append-log]") {
  for (const bool fast : {false, true}) {
    AppendLives lives(small_log(fast));
    lives.fill(0, 60);
    lives.commit();
    const Written middle = lives.put(60);
    lives.fill(61, 100);
    auto& file = lives.plain.device("aof/log");
    REQUIRE(lives.log->truncate_until(middle.address));
    CHECK(lives.read_uncommitted() == numbers(60, 100));
    CHECK(file.truncated == 0);
    lives.die();
    lives.recover();  // the truncation was not committed
    CHECK(lives.read() == numbers(0, 60));
    lives.fill(60, 100);
    REQUIRE(lives.log->truncate_until(middle.address));
    lives.commit();
    CHECK(file.truncated > 0);
    CHECK(file.truncated <= static_cast<uint64_t>(middle.address));
    CHECK(lives.log->log().load(Boundary::head) >= middle.address);
    lives.die();
    lives.recover();
    CHECK(lives.read() == numbers(60, 100));
    CHECK_FALSE(lives.log->truncate_until(lives.log->tail() + 8));
    lives.close();
  }
}

TEST_CASE("a truncation alone is something to commit", "[append-log]") {
  AppendLives lives(small_log());
  lives.fill(0, 60);
  const LogAddr until = lives.commit();
  REQUIRE(lives.log->truncate_until(until));
  CHECK(lives.commit() == until);
  lives.die();
  lives.recover();
  CHECK(lives.read().empty());
  CHECK(lives.log->begin() == until);
  lives.close();
}

TEST_CASE("a log that cannot be written tells everybody, for ever", "[append-log]") {
  AppendLives lives(small_log());
  const Written first = lives.put(0);
  lives.commit();
  auto& file = lives.plain.device("aof/log");
  const Written lost = lives.put(1);
  file.failing_writes = 1000;
  CHECK(lives.log->commit(0).error().code == Errc::io);
  CHECK(lives.log->enqueue(bytes_of("x")).error().code == Errc::io);
  CHECK(lives.log->try_enqueue(bytes_of("x")).error().code == Errc::io);
  CHECK(lives.log->wait_commit(lost).error().code == Errc::io);
  CHECK(lives.log->wait_commit(first));
  lives.die();
  file.failing_writes = 0;
  lives.recover();
  CHECK(lives.read() == numbers(0, 1));
  lives.close();
}

TEST_CASE("a tolerant log gives up what it cannot write, and goes on", "[append-log]") {
  for (const bool fast : {false, true}) {
    AppendLogOptions options = small_log(fast);
    options.tolerant = true;
    AppendLives lives(options);
    lives.fill(0, 5);
    lives.commit();
    const Written lost = lives.put(5);
    lives.plain.device("aof/log").failing_writes = 3;
    const auto told = lives.log->commit(lost.address);
    REQUIRE_FALSE(told);
    CHECK(told.error().code == Errc::io);
    CHECK(lives.log->wait_commit(lost).error().code == Errc::io);
    const Written after = lives.put(6);
    CHECK(lives.commit(after.address) > after.address);
    CHECK_FALSE(lives.log->commit(lost.address));
    std::vector<int> left = numbers(0, 5);
    left.push_back(6);
    CHECK(lives.read() == left);
    lives.die();
    lives.recover();
    CHECK(lives.read() == left);
    lives.fill(7, 60);
    lives.commit(after.address);
    const std::vector<int> more = numbers(7, 60);
    left.insert(left.end(), more.begin(), more.end());
    CHECK(lives.read() == left);
    lives.close();
  }
}

TEST_CASE("a log that ends in a hole is recovered all the same", "[append-log]") {
  AppendLogOptions options = small_log();
  options.tolerant = true;
  AppendLives lives(options);
  while (lives.log->tail() < 512) lives.put(50);
  lives.die();
  lives.recover();
  lives.put(0);
  lives.plain.device("aof/log").failing_writes = 100;
  CHECK_FALSE(lives.log->commit(0));
  lives.plain.device("aof/log").failing_writes = 0;
  const LogAddr tail = lives.log->tail();
  lives.die();
  CHECK(lives.plain.device("aof/log").size() <= 512);
  lives.recover();
  CHECK(lives.log->tail() == tail);
  CHECK(lives.read().empty());
  CHECK(lives.error.code == Errc::ok);
  lives.put(1);
  lives.commit(tail);
  CHECK(lives.read() == std::vector<int>{1});
  lives.close();
}

TEST_CASE("a commit whose file cannot be written fails, and may be tried again", "[append-log]") {
  AppendLives lives(small_log());
  const Written written = lives.put(0);
  lives.plain.failing_opens = 1;
  CHECK(lives.log->commit(0).error().code == Errc::io);
  CHECK(lives.read().empty());
  CHECK(lives.commit() == written.end);
  CHECK(lives.read() == numbers(0, 1));
  lives.put(1);
  lives.plain.device("aof/log").failing_syncs = 1;
  CHECK(lives.log->commit(0).error().code == Errc::io);
  CHECK(lives.read() == numbers(0, 1));
  lives.commit();
  CHECK(lives.read() == numbers(0, 2));
  lives.close();
}

TEST_CASE("a commit file goes when a later one is there, and not before", "[append-log]") {
  AppendLives lives(small_log());
  lives.put(0);
  lives.commit();
  const std::vector<std::string> one = lives.commit_files();
  REQUIRE(one.size() == 1);
  lives.put(1);
  lives.plain.failing_opens = 1;
  REQUIRE_FALSE(lives.log->commit(0));
  CHECK(lives.commit_files() == one);
  lives.commit();
  CHECK(lives.commit_files().size() == 1);
  CHECK(lives.commit_files() != one);
  // One that is damaged is passed over: it was never durable.
  const std::string good = lives.commit_files().front();
  auto& torn = **lives.plain.open("aof/log-commits/commit.00000000000000ff", {0, 64});
  static_cast<PlainDevice&>(torn).bytes.assign(128, std::byte{1});
  lives.die();
  lives.recover();
  CHECK(lives.read() == numbers(0, 2));
  CHECK(lives.commit_files() ==
        std::vector<std::string>{"aof/log-commits/commit.0000000000000100"});
  lives.close();
}

TEST_CASE("entries have bounds, and a log one name", "[append-log]") {
  AppendLives lives(small_log());
  CHECK(lives.log->enqueue({}).error().code == Errc::invalid);
  CHECK(lives.log->enqueue(bytes_of(std::string(497, 'x'))).error().code == Errc::too_large);
  REQUIRE(lives.log->enqueue(bytes_of(std::string(496, 'x'))));
  const auto taken = AppendLog::open(lives.plain.runtime(), lives.options);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == Errc::exists);
  lives.die();
  lives.options.ring.page_bits = 8;
  CHECK(lives.recovery_error() == Errc::invalid);
  lives.options.ring.prefix = "other";
  CHECK(lives.recovery_error() == Errc::not_found);
  lives.options.ring.sector_size = 7;
  CHECK(lives.recovery_error() == Errc::invalid);
  lives.close();
}

TEST_CASE("damage is reported with its address, or passed over", "[append-log]") {
  AppendLives lives(small_log());
  lives.fill(0, 100);
  lives.commit();
  auto& file = lives.plain.device("aof/log");
  file.bytes[600] = file.bytes[600] ^ std::byte{4};
  const std::vector<int> before = lives.read();
  CHECK(lives.error.code == Errc::corrupt);
  CHECK(lives.error.where >= 512);
  CHECK(lives.error.where <= 600);
  CHECK(before == numbers(0, static_cast<int>(before.size())));
  IteratorOptions passes;
  passes.passes_damage = true;
  const std::vector<int> all = lives.read(passes);
  CHECK(lives.error.code == Errc::ok);
  CHECK(all.size() > before.size());
  CHECK(all.size() < 100);
  CHECK(all.back() == 99);
  lives.close();
}

TEST_CASE("a device that cannot be read may be asked again", "[append-log]") {
  AppendLives lives(small_log());
  lives.fill(0, 100);
  lives.commit();
  lives.plain.device("aof/log").failing_reads = 3;  // as often as it is tried
  CHECK(lives.read().empty());
  CHECK(lives.error.code == Errc::io);
  CHECK(lives.read() == numbers(0, 100));
  lives.die();
  lives.plain.device("aof/log").failing_reads = 3;
  CHECK(lives.recovery_error() == Errc::io);
  lives.recover();
  CHECK(lives.read() == numbers(0, 100));
  lives.close();
}

TEST_CASE("a log without a device is a stream", "[append-log]") {
  AppendLogOptions options = small_log();
  options.ring.main_is_null = true;
  AppendLives lives(options);
  lives.fill(0, 20);
  CHECK(lives.read_uncommitted().back() == 19);
  lives.commit();
  const std::vector<int> some = lives.read();
  CHECK(some.back() == 19);
  lives.fill(20, 200);
  const std::vector<int> later = lives.read_uncommitted();
  CHECK(later.front() > 20);
  CHECK(later == numbers(later.front(), 200));
  lives.commit();
  REQUIRE(lives.log->truncate_until(lives.log->tail()));
  lives.commit();
  CHECK(lives.read().empty());
  CHECK(lives.log->log().load(Boundary::closed) == lives.log->log().load(Boundary::begin));
  lives.die();
  CHECK(lives.recovery_error() == Errc::not_found);
  lives.open();
  lives.close();
}

TEST_CASE("an enqueue that would have to wait says so, and one that waits gets through",
          "[append-log]") {
  AppendLives lives(small_log());
  lives.plain.queued = true;
  lives.plain.held = true;
  int taken = 0;
  for (int i = 0; i < 200; ++i) {
    const auto tried = lives.log->try_enqueue(bytes_of(entry_of(taken)));
    REQUIRE(tried);
    if (tried->has_value()) ++taken;
  }
  CHECK(taken > 10);
  CHECK(taken < 100);
  lives.plain.held = false;
  lives.fill(taken, 100);
  lives.commit();
  CHECK(lives.read() == numbers(0, 100));
  lives.close();
}

TEST_CASE("a page that was left with room says where it ends", "[append-log]") {
  for (int size = 1; size < 200; size += 7) {
    AppendLives lives(small_log(true));
    std::vector<std::string> texts;
    for (int i = 0; i < 12; ++i) {
      texts.push_back(std::string(static_cast<size_t>(size + i), static_cast<char>('a' + i)));
      REQUIRE(lives.log->enqueue(bytes_of(texts.back())));
      lives.commit();
    }
    lives.die();
    lives.recover();
    {
      AppendLogIterator iterator(lives.plain.runtime(), *lives.log, {});
      REQUIRE(iterator.initialise());
      for (const std::string& text : texts) {
        const auto next = iterator.get_next();
        REQUIRE(next);
        REQUIRE(next->has_value());
        REQUIRE(text_of((*next)->payload) == text);
      }
      REQUIRE_FALSE(iterator.get_next()->has_value());
    }
    lives.close();
  }
}
