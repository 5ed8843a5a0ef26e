// SPDX-License-Identifier: Apache-2.0
// Processes that are killed while they append to a log, commit it, follow it and give up its oldest
// entries, and the log that the next one finds.
//
// Each writer numbers its entries, and says in memory that outlives it which number it is about to
// append, and up to which it was told that all is durable. A reader says the same of what it gives
// up and of its position. What a recovery may find lies between the two, without a gap.
#include <algorithm>
#include <array>
#include <atomic>

#include "engine/store/append_log.hpp"
#include "engine/store/append_log_iterator.hpp"
#include "scenarios/history.hpp"
#include "tests/engine/real/killed_child.hpp"
#include "tests/raise_to.hpp"
#include "tests/start.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

namespace killed_append_log {

using namespace orrery;
using engine::AppendLog;
using engine::AppendLogIterator;
using tests::Orders;

namespace {

constexpr uint32_t kWriters = 3;
constexpr uint64_t kLives = 4;
constexpr uint64_t kReadTogether = 40;  // entries between two truncations
constexpr const char* kWorker = "a process that appends to a log until it is killed";
constexpr const char* kReader = "follower";

/// Of something that only grows.
struct Between {
  std::atomic<uint64_t> durable{0};  // the least that may be found
  std::atomic<uint64_t> asked{0};    // the most

  bool holds(uint64_t found) const { return durable.load() <= found && found <= asked.load(); }
  void found(uint64_t value) {
    durable.store(value);
    asked.store(value);
  }
};

struct Shared {
  std::atomic<uint64_t> done{0};     // entries of this life
  std::atomic<uint64_t> counted{0};  // from now on; not 0 once the reader has kept where it is
  std::atomic<uint64_t> wrong{0};
  std::array<Between, kWriters> last;      // numbers
  std::array<Between, kWriters> given_up;  // numbers: the last one below the begin of the log
  Between begin;                           // an address, as the two below
  Between position;
  std::atomic<uint64_t> committed{0};
};
using SharedFile = tests::SharedFile<Shared>;

engine::AppendLogOptions log_of(const Orders& orders) {
  engine::AppendLogOptions options;
  options.ring.page_bits = 10;
  options.ring.memory_bits = 13;
  options.ring.segment_bits = 14;
  options.ring.prefix = "aof";
  options.fast_commit = orders.fast;
  options.file_interval = 8;
  return options;
}

engine::Result<engine::Owned<AppendLog>> begin_log(const engine::Runtime& runtime,
                                                   const Orders& orders) {
  auto recovered = AppendLog::recover(runtime, log_of(orders));
  if (recovered || recovered.error().code != engine::Errc::not_found) return recovered;
  return AppendLog::open(runtime, log_of(orders));
}

struct Number {
  uint32_t writer = kWriters;  // nobody's, if it is no number
  uint64_t n = 0;
};

Number number_in(engine::Bytes payload) {
  const uint64_t number = scenarios::decode_value(payload).value_or(0);
  const uint64_t writer = (number >> 40) - 1;
  if (writer >= kWriters) return {};
  return {static_cast<uint32_t>(writer), number & ((uint64_t{1} << 40) - 1)};
}

void commit(AppendLog& log, Shared& shared) {
  const auto until = log.commit(0);
  if (!until) return void(shared.wrong.fetch_add(1));
  tests::raise_to(shared.committed, static_cast<uint64_t>(*until));
}

// Appends for ever, and commits now and then: each writer at others.
void append(AppendLog& log, Shared& shared, uint32_t writer) {
  std::array<std::byte, 200> room;
  for (;;) {
    const uint64_t n = shared.last[writer].asked.load() + 1;
    shared.last[writer].asked.store(n);
    const size_t size = scenarios::kEncodedSizeMin + (n * 7 + writer) % 150;
    const auto payload = scenarios::encode_value(scenarios::number_of(writer, n), size, room);
    if (!log.enqueue(payload)) shared.wrong.fetch_add(1);
    if (n % (10 + writer) == 0) {
      commit(log, shared);
      shared.last[writer].durable.store(n);
    }
    if (shared.counted.load() != 0 || shared.wrong.load() != 0)
      shared.done.fetch_add(1, std::memory_order_relaxed);
  }
}

// A commit may have kept a new position and an old begin: the numbers of what lies between.
bool pass_until(const engine::Runtime& runtime, AppendLog& log, engine::LogAddr position,
                std::array<uint64_t, kWriters>& passed) {
  AppendLogIterator iterator(runtime, log, {});
  if (!iterator.initialise()) return false;
  while (iterator.next() < position) {
    const auto next = iterator.get_next();
    if (!next) return false;
    if (!next->has_value() || (*next)->address >= position) break;
    const Number number = number_in((*next)->payload);
    if (number.writer == kWriters) return false;
    passed[number.writer] = number.n;
  }
  return true;
}

// Reads what is durable, keeps where it is, and gives up what it has read before that.
void follow(const engine::Runtime& runtime, AppendLog& log, Shared& shared) {
  AppendLogIterator iterator(runtime, log, {.name = kReader});
  if (!iterator.initialise()) return void(shared.wrong.fetch_add(1));
  std::array<uint64_t, kWriters> passed{};
  for (uint32_t i = 0; i < kWriters; ++i) passed[i] = shared.given_up[i].asked.load();
  if (!pass_until(runtime, log, log.marks().position(kReader).value_or(0), passed)) {
    return void(shared.wrong.fetch_add(1));
  }
  for (uint64_t count = 1;;) {
    const auto more = iterator.wait_for_more();
    const auto next = iterator.get_next();
    if (!more || !next) shared.wrong.fetch_add(1);
    if (!next || !next->has_value()) continue;
    const Number number = number_in((*next)->payload);
    if (number.writer == kWriters) return void(shared.wrong.fetch_add(1));
    passed[number.writer] = number.n;
    if (++count % kReadTogether != 0) continue;
    const auto until = static_cast<uint64_t>((*next)->end);
    for (uint32_t i = 0; i < kWriters; ++i) shared.given_up[i].asked.store(passed[i]);
    shared.begin.asked.store(until);
    shared.position.asked.store(until);
    if (!log.truncate_until((*next)->end)) shared.wrong.fetch_add(1);
    if (!iterator.keep_position()) shared.wrong.fetch_add(1);
    commit(log, shared);
    for (uint32_t i = 0; i < kWriters; ++i) shared.given_up[i].durable.store(passed[i]);
    shared.begin.durable.store(until);
    shared.position.durable.store(until);
    if (passed[0] > 0) shared.counted.store(1);  // as the test wants it of the last life
  }
}

/// All that a log holds: the first and the last number of each writer, 0 if it has none.
struct Contents {
  std::array<uint64_t, kWriters> first{};
  std::array<uint64_t, kWriters> last{};
};

Contents contents_of(const engine::Runtime& runtime, AppendLog& log) {
  Contents all;
  AppendLogIterator iterator(runtime, log, {});
  REQUIRE(iterator.initialise());
  for (;;) {
    const auto next = iterator.get_next();
    REQUIRE(next);
    if (!next->has_value()) break;
    const Number number = number_in((*next)->payload);
    INFO("at " << (*next)->address);
    REQUIRE(number.writer < kWriters);
    uint64_t& last = all.last[number.writer];
    if (last == 0) all.first[number.writer] = number.n;
    if (last != 0) REQUIRE(number.n == last + 1);
    last = number.n;
  }
  REQUIRE(iterator.next() == log.committed_until());
  return all;
}

// What was found counts from now on: it is durable, and no more than that was asked for.
void judge(const Orders& orders, Shared& shared) {
  auto machine = engine::Machine::open(tests::machine_of(orders));
  REQUIRE(machine);
  const engine::Runtime runtime = (*machine)->runtime();
  auto log = begin_log(runtime, orders);
  REQUIRE(log);
  REQUIRE(static_cast<uint64_t>((*log)->committed_until()) >= shared.committed.load());
  const auto begin = static_cast<uint64_t>((*log)->begin());
  REQUIRE(shared.begin.holds(begin));
  const auto position = static_cast<uint64_t>((*log)->marks().position(kReader).value_or(0));
  REQUIRE(shared.position.holds(position));
  const Contents found = contents_of(runtime, **log);
  for (uint32_t writer = 0; writer < kWriters; ++writer) {
    INFO("writer " << writer << " has " << found.first[writer] << " to " << found.last[writer]);
    // All of a writer may have been given up.
    const bool any = found.last[writer] != 0;
    const uint64_t below = any ? found.first[writer] - 1 : shared.given_up[writer].asked.load();
    REQUIRE(shared.given_up[writer].holds(below));
    const uint64_t last = any ? found.last[writer] : below;
    REQUIRE(shared.last[writer].holds(last));
    shared.given_up[writer].found(below);
    shared.last[writer].found(last);
  }
  shared.begin.found(begin);
  shared.position.found(position);
  shared.committed.store(static_cast<uint64_t>((*log)->committed_until()));
  (*log)->close();
}

// A life that does so much at least, and is killed at it. If it `keeps`, that counts from where its
// reader has kept a position on.
void live(const Orders& orders, Shared& shared, uint64_t until, bool keeps) {
  shared.done.store(0);
  shared.counted.store(keeps ? 0 : 1);
  const uint64_t before = shared.committed.load();
  tests::kill_at_work(tests::start_child(kWorker, orders), shared.done, until);
  REQUIRE(shared.wrong.load() == 0);
  REQUIRE(shared.committed.load() > before);
}

}  // namespace

TEST_CASE(kWorker, "[.child]") {
  const Orders orders = tests::orders_of_child();
  SharedFile shared(tests::shared_path(orders.folder));
  auto machine = engine::Machine::open(tests::machine_of(orders));
  REQUIRE(machine);
  const engine::Runtime runtime = (*machine)->runtime();
  auto log = begin_log(runtime, orders);
  REQUIRE(log);
  tests::raise_to(shared->begin.asked, static_cast<uint64_t>((*log)->begin()));
  std::atomic<uint32_t> next{0};
  const auto writer = [&] { append(**log, *shared, next.fetch_add(1)); };
  const auto reader = [&] { follow(runtime, **log, *shared); };
  for (uint64_t i = 0; i < kWriters; ++i) tests::start(runtime.tasks, {"writer", i}, writer);
  runtime.tasks.join(tests::start(runtime.tasks, {"reader", 0}, reader));
}

TEST_CASE("natively: an append log whose process is killed keeps what was committed",
          "[native][killed]") {
  tests::live_in_every_way(kLives, [](const Orders& orders, uint64_t life) {
    SharedFile shared(tests::shared_path(orders.folder));
    live(orders, *shared, 500 + 400 * life, life + 1 == kLives);
    judge(orders, *shared);
    if (life + 1 < kLives) return;
    REQUIRE(shared->given_up[0].durable.load() > 0);
    REQUIRE(shared->position.durable.load() > 0);
  });
}

}  // namespace killed_append_log
