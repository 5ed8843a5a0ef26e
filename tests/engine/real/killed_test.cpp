// SPDX-License-Identifier: Apache-2.0
// Processes that are killed, at work or while they recover, and the store that the next one finds.
//
// A child writes, commits its log and takes checkpoints, until it is killed. It says in memory that
// it shares with the test which number it is about to write to a key, and up to which number it was
// told that all is durable, or may take it to be so. Each key has one writer and its numbers only
// grow, so what a recovery may find lies between the two.
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>

#include "scenarios/history.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/kernel_calls.hpp"
#include "tests/engine/real/killed_child.hpp"
#include "tests/engine/real/watched_storage.hpp"
#include "tests/start.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

namespace killed_store {

using namespace orrery;
using tests::Orders;

namespace {

constexpr uint64_t kSessions = 4;
constexpr uint64_t kKeysEach = 16;
constexpr uint64_t kKeys = kSessions * kKeysEach;
constexpr uint64_t kLives = 4;
constexpr const char* kWorker = "a process that works until it is killed";
constexpr const char* kRecoverer = "a process that recovers a store and may kill itself on the way";

struct Shared {
  // Operations of this life; without a log, checkpoints that made any of them durable.
  std::atomic<uint64_t> done{0};
  std::atomic<uint64_t> wrong{0};
  std::array<std::atomic<uint64_t>, kKeys> asked{};    // the highest number that may be there
  std::array<std::atomic<uint64_t>, kKeys> written{};  // what the store has answered for
  std::array<std::atomic<uint64_t>, kKeys> durable{};  // the lowest
};
using SharedFile = tests::SharedFile<Shared>;

uint64_t durable_sum(const Shared& shared) {
  uint64_t sum = 0;
  for (const auto& number : shared.durable) sum += number.load();
  return sum;
}

using Answer = engine::OpResult;

engine::SessionOptions session_of(uint64_t id) {
  engine::SessionOptions options;
  options.id = id;
  options.completed = [](void* context, const engine::OpResult& result) {
    *static_cast<Answer*>(context) = result;
  };
  return options;
}

class Client {
 public:
  explicit Client(engine::Session& session) : session_(session) {}

  /// The number that a key has: 0 if it has none, kUnknown if nobody could say.
  static constexpr uint64_t kUnknown = UINT64_MAX;
  uint64_t read(uint64_t key) {
    std::array<std::byte, 256> room;
    Answer answer;
    const engine::OpResult result = wait(session_.read(name_of(key), room, &answer), answer);
    if (result.status == engine::Status::not_found) return 0;
    if (result.status != engine::Status::ok || result.value_size > room.size()) return kUnknown;
    const auto value = engine::Bytes(room).first(result.value_size);
    return scenarios::decode_value(value).value_or(kUnknown);
  }

  bool write(uint64_t key, uint64_t number) {
    std::array<std::byte, 256> room;
    Answer answer;
    const size_t size = scenarios::kEncodedSizeMin + number % 100;
    const auto value = scenarios::encode_value(number, size, room);
    return wait(session_.upsert(name_of(key), value, &answer), answer).status == engine::Status::ok;
  }

 private:
  engine::Bytes name_of(uint64_t key) {
    return scenarios::key_bytes(key, scenarios::kEncodedSizeMin, name_);
  }
  engine::OpResult wait(const engine::OpResult& first, const Answer& answer) {
    if (first.status != engine::Status::pending) return first;
    session_.complete_pending(true);
    return answer;
  }

  engine::Session& session_;
  std::array<std::byte, 32> name_{};
};

// Writes the keys of one session, in turn, for ever.
void work(engine::Store& store, const Orders& orders, Shared& shared, uint64_t id) {
  auto started = store.start_session(session_of(id));
  if (!started) return void(shared.wrong.fetch_add(1));
  Client client(**started);
  const uint64_t first = (id - 1) * kKeysEach;
  for (uint64_t n = 0;; ++n) {
    const uint64_t key = first + n % kKeysEach;
    const uint64_t number = shared.asked[key].load() + 1;
    shared.asked[key].store(number);
    if (!client.write(key, number)) shared.wrong.fetch_add(1);
    if (client.read(key) != number) shared.wrong.fetch_add(1);
    shared.written[key].store(number);
    if (!orders.logged) continue;
    if (n % 16 == 15) {
      if (!store.commit_log()) shared.wrong.fetch_add(1);
      for (uint64_t own = first; own < first + kKeysEach; ++own) {
        shared.durable[own].store(shared.asked[own].load());
      }
    }
    shared.done.fetch_add(1, std::memory_order_relaxed);
  }
}

// Without a log, what was answered before a checkpoint began is durable when it has ended, and
// nothing else.
void make_durable(engine::Store& store, Shared& shared) {
  std::array<uint64_t, kKeys> before{};
  const uint64_t at_first = durable_sum(shared);
  for (uint64_t n = 0;; ++n) {
    for (uint64_t key = 0; key < kKeys; ++key) before[key] = shared.written[key].load();
    tests::take_checkpoint(store, n, shared.wrong);
    for (uint64_t key = 0; key < kKeys; ++key) shared.durable[key].store(before[key]);
    // Nobody may have written anything yet.
    if (durable_sum(shared) > at_first) shared.done.fetch_add(1);
  }
}

// What is recovered is what counts from now on: it is durable, and nothing above it was asked for.
// With little memory, so that not all of it is read from there.
void judge(Orders orders, Shared& shared) {
  orders.small = true;
  auto machine = engine::Machine::open(tests::machine_of(orders));
  REQUIRE(machine);
  const engine::Bugs bugs;
  auto store = tests::begin_store((*machine)->runtime(), orders, bugs);
  REQUIRE(store);
  auto session = (*store)->start_session(session_of(kSessions + 1));
  REQUIRE(session);
  Client client(**session);
  for (uint64_t key = 0; key < kKeys; ++key) {
    const uint64_t number = client.read(key);
    INFO("key " << key << " has " << number);
    REQUIRE(number >= shared.durable[key].load());
    REQUIRE(number <= shared.asked[key].load());
    shared.durable[key].store(number);
    shared.asked[key].store(number);
    shared.written[key].store(number);
  }
  (*session)->close();
  (*store)->close();
}

// A life that does so much at least, and is killed at it.
void live(const Orders& orders, Shared& shared, uint64_t until) {
  shared.done.store(0);
  const uint64_t before = durable_sum(shared);
  tests::kill_at_work(tests::start_child(kWorker, orders), shared.done, until);
  REQUIRE(shared.wrong.load() == 0);
  REQUIRE(durable_sum(shared) > before);  // of what this life did
}

// Recoveries that die at one instant after the other, `stride` apart, until one is done before its
// turn comes. Returns how many have died. Every other one has little memory.
uint64_t die_recovering(Orders orders, uint64_t first, uint64_t stride) {
  for (uint64_t deaths = 0;; ++deaths) {
    orders.number = first + deaths * stride;
    orders.small = deaths % 2 == 1;  // what was in memory does not fit: the log is written then
    if (tests::wait_for_child(tests::start_child(kRecoverer, orders))) return deaths;
  }
}

}  // namespace

TEST_CASE(kWorker, "[.child]") {
  const Orders orders = tests::orders_of_child();
  SharedFile shared(tests::shared_path(orders.folder));
  auto machine = engine::Machine::open(tests::machine_of(orders));
  REQUIRE(machine);
  const engine::Bugs bugs;
  auto store = tests::begin_store((*machine)->runtime(), orders, bugs);
  REQUIRE(store);
  std::atomic<uint64_t> next{0};
  const auto client = [&] { work(**store, orders, *shared, next.fetch_add(1) + 1); };
  const auto admin = [&] {
    if (!orders.logged) make_durable(**store, *shared);
    tests::take_checkpoints(**store, shared->wrong);
  };
  engine::Tasks& tasks = (*machine)->runtime().tasks;
  engine::TaskId last{};
  for (uint64_t i = 0; i < kSessions; ++i) last = tests::start(tasks, {"session", i}, client);
  tests::start(tasks, {"admin", 0}, admin);
  tasks.join(last);
}

// An instant is whatever the engine asks of its storage, and whatever that asks of the kernel to
// make it durable.
TEST_CASE(kRecoverer, "[.child]") {
  const Orders orders = tests::orders_of_child();
  auto machine = engine::Machine::open(tests::machine_of(orders));
  REQUIRE(machine);
  std::atomic<uint64_t> instants{0};
  const auto visit = [&] {
    if (instants.fetch_add(1) + 1 == orders.number) raise(SIGKILL);
  };
  const engine::Runtime real = (*machine)->runtime();
  tests::WatchedStorage storage(real.storage, visit);
  const engine::Bugs bugs;
  {
    const tests::WatchedCalls calls([&](const tests::KernelCall& call) {
      if (call.kind != tests::CallKind::readdir) visit();
      return 0;
    });
    auto store = engine::Store::recover({real.clock, real.tasks, storage, real.frames, real.memory},
                                        tests::store_of(orders), bugs);
    REQUIRE(store);
    instants.store(orders.number);  // it has survived
    (*store)->close();
  }
  tests::end_child();
}

TEST_CASE("natively: whoever is killed at work has lost nothing that was durable",
          "[native][killed]") {
  tests::live_in_every_way(kLives, [](const Orders& orders, uint64_t life) {
    SharedFile shared(tests::shared_path(orders.folder));
    live(orders, *shared, 500 + 700 * life);
    judge(orders, *shared);
  });
}

TEST_CASE("natively: whoever is killed and has no log has lost nothing of a checkpoint",
          "[native][killed]") {
  tests::live_in_every_way(kLives / 2, [](Orders orders, uint64_t life) {
    orders.logged = false;
    SharedFile shared(tests::shared_path(orders.folder));
    live(orders, *shared, 3 + life);
    judge(orders, *shared);
  });
}

// Not judged after each death: what one has lost the next ones do not bring back, and who dies on
// the way leaves more behind than who recovers and goes.
TEST_CASE("natively: whoever is killed while it recovers has lost nothing either",
          "[native][killed]") {
  constexpr uint64_t kLivesHere = 2;
  const uint64_t stride =
      tests::io_ways().size() * kLivesHere;  // together they die at all instants
  // Of a log alone. Its newest commit is looked for, opened and read, twice; its device is opened,
  // read and synced; another commit is opened, written and synced, and then its name; the older one
  // is removed. A request is two instants, and each file that is opened or synced one of the
  // kernel.
  constexpr uint64_t kInstantsMin = 32;
  tests::live_in_every_way(kLivesHere, [&](const Orders& orders, uint64_t life) {
    SharedFile shared(tests::shared_path(orders.folder));
    live(orders, *shared, 300);
    const uint64_t deaths = die_recovering(orders, 1 + orders.way * kLivesHere + life, stride);
    REQUIRE(deaths >= kInstantsMin / stride);
    judge(orders, *shared);
  });
}

}  // namespace killed_store
