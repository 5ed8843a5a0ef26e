// SPDX-License-Identifier: Apache-2.0
// An append log of which something was damaged at rest says so, and what was lost stays lost.
#include "tests/engine/store/append_lives.hpp"
#include "tests/engine/store/logging_lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

void flip_a_bit(AppendLives& lives, const std::string& name) {
  lives.plain.device(name).bytes.at(8) ^= std::byte{1};
}

}  // namespace

TEST_CASE("a log without a whole commit file is damaged, and no other begins in its place",
          "[append-log]") {
  for (const bool fast : {false, true}) {
    AppendLives lives(small_log(fast));
    lives.fill(0, 20);
    lives.commit();
    lives.die();
    const std::vector<std::string> files = lives.commit_files();
    for (const std::string& name : files) flip_a_bit(lives, name);
    const Contents before = contents_of(lives.plain);
    CHECK(lives.recovery_error() == Errc::corrupt);
    const auto opened = AppendLog::open(lives.plain.runtime(), lives.options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::corrupt);
    CHECK(contents_of(lives.plain) == before);
    for (const std::string& name : files) flip_a_bit(lives, name);
    lives.recover();
    CHECK(lives.read() == numbers(0, 20));
    lives.close();
  }
}

TEST_CASE("a log that has lost its commit files is not written over", "[append-log]") {
  AppendLives lives(small_log());
  lives.fill(0, 20);
  lives.commit();
  lives.die();
  for (const std::string& name : lives.commit_files()) REQUIRE(lives.plain.remove(name));
  const Contents before = contents_of(lives.plain);
  CHECK(lives.recovery_error() == Errc::corrupt);
  const auto opened = AppendLog::open(lives.plain.runtime(), lives.options);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::corrupt);
  CHECK(contents_of(lives.plain) == before);
  lives.close();
}

// Whoever opened it has died before he could append anything.
TEST_CASE("a log whose first commit file is half-written never was", "[append-log]") {
  for (const bool has_device : {false, true}) {
    AppendLives lives(small_log());
    lives.die();
    REQUIRE(lives.commit_files().size() == 1);
    flip_a_bit(lives, lives.commit_files().front());
    if (!has_device) REQUIRE(lives.plain.remove("aof/log"));
    CHECK(lives.recovery_error() == Errc::not_found);
    lives.open();
    lives.fill(0, 3);
    lives.commit();
    lives.die();
    lives.recover();
    CHECK(lives.read() == numbers(0, 3));
    lives.close();
  }
}

// A life that goes back to an older commit appends where the lost one had, and dies. What the lost
// one had left behind it fits, but for the number of its life.
TEST_CASE("a life that went back to an older commit takes nothing of the lost one",
          "[append-log]") {
  AppendLives lives(small_log(true));
  lives.options.file_interval = 1000;
  lives.fill(0, 2);
  lives.commit();
  lives.die();
  lives.recover();
  const std::string older = lives.commit_files().back();
  const auto kept = lives.plain.device(older).bytes;
  lives.die();
  lives.recover();
  std::vector<Written> lost;
  for (int number = 0; number < 5; ++number) {
    lost.push_back(lives.put(number));
    lives.commit();
  }
  lives.die();
  flip_a_bit(lives, lives.commit_files().back());
  REQUIRE(lives.plain.runtime().storage.open(older, {}));
  lives.plain.device(older).bytes = kept;
  lives.recover();
  CHECK(lives.read() == numbers(0, 2));
  // It ends, with its commit record, where the last but one of the lost entries begins.
  const LogAddr record = lost[1].address - lost[0].end;
  const LogAddr size = lost[3].address - lost[0].address - record;
  const std::string text(static_cast<size_t>(size - kEntryHeader), 'x');
  const auto written = lives.log->enqueue(bytes_of(text));
  REQUIRE(written);
  CHECK(written->address == lost[0].address);
  CHECK(written->end == lost[3].address - record);
  lives.commit();
  lives.die();
  lives.recover();
  CHECK(lives.read() == std::vector<int>{0, 1, -1});
  lives.close();
}

TEST_CASE("a store whose log of operations is damaged does not come back without it",
          "[operation-log]") {
  for (const bool checkpoint : {false, true}) {
    LoggingLives lives(logging_options());
    lives.fill(0, 20, "a");
    if (checkpoint) lives.checkpoint({LogCheckpoint::snapshot, true});
    lives.fill(10, 30, "b");
    lives.commit();
    lives.die();
    std::vector<std::string> files;
    for (const auto& [name, device] : lives.plain.devices) {
      if (name.find("/log-commits/") != std::string::npos) files.push_back(name);
    }
    REQUIRE_FALSE(files.empty());
    for (const std::string& name : files) lives.plain.device(name).bytes.at(8) ^= std::byte{1};
    const Contents before = contents_of(lives.plain);
    const auto recovered = lives.try_recover();
    REQUIRE_FALSE(recovered);
    CHECK(recovered.error().code == Errc::corrupt);
    const auto opened = Store::open(lives.plain.runtime(), lives.options, lives.bugs);
    REQUIRE_FALSE(opened);
    CHECK(contents_of(lives.plain) == before);
    for (const std::string& name : files) lives.plain.device(name).bytes.at(8) ^= std::byte{1};
    lives.recover();
    lives.check(lives.model, 30);
    lives.close();
  }
}
