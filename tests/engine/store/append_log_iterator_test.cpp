// SPDX-License-Identifier: Apache-2.0
// A reader of an append log waits until there is more, and never for what will not come.
#include "engine/store/append_log_iterator.hpp"

#include "tests/engine/store/append_lives.hpp"
#include "tests/sim/test_world.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery::engine;
using namespace orrery::engine::testing;
using orrery::tests::TestWorld;

namespace {

/// A log in a simulated world, one who appends, and one who reads behind him.
struct Follow {
  bool uncommitted = false;
  bool commits = true;
  bool closes = false;  // and does not say before that there is no more: the reader only waits
  int entries = 12;

  bool patient = false;  // appends no more before the reader has what there is

  std::vector<int> seen;
  Atomic<uint32_t> seen_count{0};
  bool told = false;  // that nothing will come
  bool closed = false;

  std::string play(TestWorld& world, uint64_t seed) {
    seen.clear();
    seen_count.store(0);
    told = closed = false;
    world.play_seed(seed, [&] { run(world.runtime()); });
    return world.verdict();
  }

  void run(const Runtime& runtime) {
    auto opened = AppendLog::open(runtime, small_log());
    if (!opened) return;
    AppendLog& log = **opened;
    const auto follow = [&] { read(runtime, log); };
    const TaskId reader = orrery::tests::start(runtime.tasks, {"reader", 0}, follow);
    for (int i = 0; i < entries; ++i) {
      if (!log.enqueue(bytes_of(entry_of(i)))) return;
      if (commits && i % 3 == 2 && !log.commit(0)) return;
      while (patient && seen_count.load() <= static_cast<uint32_t>(i)) runtime.tasks.yield();
    }
    if (!closes) {
      log.end_waits();
      runtime.tasks.join(reader);
    }
    log.close();
    if (closes) runtime.tasks.join(reader);
    closed = true;
  }

  void read(const Runtime& runtime, AppendLog& log) {
    IteratorOptions options;
    options.uncommitted = uncommitted;
    AppendLogIterator iterator(runtime, log, options);
    if (!iterator.initialise()) return;
    for (;;) {
      const auto more = iterator.wait_for_more();
      if (!more) return;
      if (!*more) {
        told = true;
        return;
      }
      const auto next = iterator.get_next();
      if (!next) return;
      if (!next->has_value()) continue;
      seen.push_back(std::atoi(text_of((*next)->payload).data() + 6));
      seen_count.fetch_add(1);
    }
  }
};

std::vector<uint64_t> commit_numbers(AppendLives& lives) {
  IteratorOptions options;
  options.commit_records = true;
  AppendLogIterator iterator(lives.plain.runtime(), *lives.log, options);
  REQUIRE(iterator.initialise());
  std::vector<uint64_t> commits;
  for (auto next = iterator.get_next(); next && next->has_value(); next = iterator.get_next()) {
    if ((*next)->kind != EntryKind::commit) continue;
    commits.push_back(decode_commit_record((*next)->payload)->number);
  }
  return commits;
}

}  // namespace

TEST_CASE("a reader waits for what is committed, or complete, and then for the end",
          "[append-log]") {
  TestWorld world;
  for (const bool uncommitted : {false, true}) {
    Follow follow;
    follow.uncommitted = uncommitted;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      INFO(seed << (uncommitted ? " uncommitted" : ""));
      REQUIRE(follow.play(world, seed) == "ok");
      REQUIRE(follow.seen == numbers(0, follow.entries));
      REQUIRE(follow.told);
      REQUIRE(follow.closed);
    }
  }
}

TEST_CASE("what nobody commits reaches a reader who does not ask for that", "[append-log]") {
  TestWorld world;
  Follow follow;
  follow.uncommitted = true;
  follow.commits = false;
  follow.patient = true;
  follow.entries = 5;  // they fit a page: no flush wakes anybody
  for (uint64_t seed = 0; seed < 200; ++seed) {
    REQUIRE(follow.play(world, seed) == "ok");
    REQUIRE(follow.seen == numbers(0, follow.entries));
  }
}

TEST_CASE("a log that is closed ends the wait of its readers", "[append-log]") {
  TestWorld world;
  Follow follow;
  follow.commits = false;
  follow.closes = true;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    INFO(seed);
    REQUIRE(follow.play(world, seed) == "ok");
    REQUIRE(follow.closed);
  }
}

TEST_CASE("a reader of a log that failed gets what there is, and then the error", "[append-log]") {
  AppendLives lives(small_log());
  lives.fill(0, 5);
  lives.commit();
  lives.put(5);
  lives.plain.device("aof/log").failing_writes = 100;
  CHECK_FALSE(lives.log->commit(0));
  {
    AppendLogIterator iterator(lives.plain.runtime(), *lives.log, {});
    REQUIRE(iterator.initialise());
    for (int i = 0; i < 5; ++i) {
      CHECK(*iterator.wait_for_more());
      CHECK(iterator.get_next()->has_value());
    }
    CHECK(iterator.wait_for_more().error().code == Errc::io);
    lives.log->end_waits();
    CHECK_FALSE(*iterator.wait_for_more());
  }
  lives.close();
}

TEST_CASE("commit records are delivered to who asks for them", "[append-log]") {
  const std::vector<uint64_t> none;
  for (const bool fast : {false, true}) {
    AppendLives lives(small_log(fast));
    for (int i = 0; i < 3; ++i) {
      lives.put(i);
      lives.commit();
    }
    CHECK(lives.read() == numbers(0, 3));
    CHECK(commit_numbers(lives) == (fast ? std::vector<uint64_t>{2, 3, 4} : none));
    lives.close();
  }
}
