// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/native_load.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>

#include "engine/base/sanitizers.hpp"
#include "tests/start.hpp"

namespace orrery::tests {
namespace {

using engine::OpResult;
using scenarios::OpKind;

constexpr size_t kKeyMax = 32;
constexpr size_t kValueMax = 512;

// The counter that orders operations must not order the engine's accesses as well, or it would hide
// races from the detector. Elsewhere its order is the point.
#if ORRERY_TSAN
constexpr auto kOrder = std::memory_order_relaxed;
#else
constexpr auto kOrder = std::memory_order_seq_cst;
#endif

struct Shared {
  engine::Machine& machine;
  const NativeLoad& load;
  engine::Store& store;
  std::atomic<uint64_t> clock{1};
  std::atomic<uint64_t> done{0};  // operations of all sessions
  std::atomic<int> failures{0};
  std::atomic<uint32_t> ready{0};  // sessions that are open

  uint64_t tick() { return clock.fetch_add(1, kOrder); }
};

class Add final : public engine::Modifier {
 public:
  explicit Add(uint64_t amount) : amount_(amount) {}
  size_t initial_size() override { return scenarios::kEncodedSizeMin; }
  void initialise(engine::MutableBytes now) override { write(amount_, now); }
  size_t updated_size(engine::Bytes old) override { return old.size(); }
  void update(engine::Bytes old, engine::MutableBytes now) override {
    const auto number = scenarios::decode_value(old);
    garbage = !number.has_value();
    write(number.value_or(0) + amount_, now);
  }

  uint64_t result = 0;
  bool garbage = false;

 private:
  void write(uint64_t number, engine::MutableBytes now) {
    result = number;
    scenarios::encode_value(number, now.size(), now);
  }
  uint64_t amount_;
};

/// One client: a session, its own history, its own stream of numbers.
class Client {
 public:
  Client(Shared& shared, uint32_t id) : shared_(shared), id_(id), state_(id * 7919 + 1) {}

  /// Plays the whole script, on whichever thread calls.
  void play() {
    open();
    const NativeLoad& load = shared_.load;
    engine::Tasks& tasks = shared_.machine.runtime().tasks;
    // All at once, and mixed: alone, one session might be done before the next has begun.
    shared_.ready.fetch_add(1);
    while (shared_.ready.load() < load.sessions) tasks.yield();
    for (uint64_t n = 1; n <= load.operations; ++n) {
      do_one();
      if (draw(64) == 0) tasks.yield();
      shared_.done.fetch_add(1, std::memory_order_relaxed);
      if (load.flush_every != 0 && n % load.flush_every == 0 && !shared_.store.flush()) {
        shared_.failures.fetch_add(1);
      }
      if (load.commit_every != 0 && n % load.commit_every == 0 && !shared_.store.commit_log()) {
        shared_.failures.fetch_add(1);
      }
    }
    session_->close();
  }
  void read_all() {
    open();
    for (uint64_t key = 0; key < shared_.load.keys; ++key) read(key);
    session_->close();
  }
  // To every key it looks like an erase.
  void empty_store() {
    std::vector<size_t> erases;
    for (uint64_t key = 0; key < shared_.load.keys; ++key) {
      erases.push_back(begin(OpKind::erase, key, 0));
    }
    const auto emptied = shared_.store.reset();
    OpResult result;
    result.status = emptied ? engine::Status::ok : engine::Status::failed;
    if (emptied) result.log_address = *emptied;
    for (const size_t erase : erases) end(erase, result, 0, false);
  }
  std::span<const scenarios::Operation> operations() const { return history_.operations(); }

 private:
  struct Asked {
    bool answered = false;
    OpResult result;
  };

  void open() {
    engine::SessionOptions options;
    options.id = id_;
    options.completed = [](void* context, const OpResult& result) {
      auto& asked = *static_cast<Asked*>(context);
      asked = {true, result};
    };
    auto started = shared_.store.start_session(options);
    CHECK(started.has_value(), "no session");
    session_ = std::move(*started);
  }

  uint64_t draw(uint64_t bound) {
    state_ += 0x9E37'79B9'7F4A'7C15ULL;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58'476D'1CE4'E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EBULL;
    return (mixed ^ (mixed >> 31)) % bound;
  }

  void prefetch() {
    std::array<std::array<std::byte, kKeyMax>, 4> room;
    std::array<engine::Bytes, 4> keys;
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = name_of(draw(shared_.load.keys), room[i]);
    session_->prefetch(keys);
  }

  void do_one() {
    if (draw(8) == 0) prefetch();
    const uint64_t key = draw(shared_.load.keys);
    const uint64_t what = draw(100);
    if (what < 45) return upsert(key);
    if (what < 65) return add(key, 1 + draw(1000));
    if (what < 70) return erase(key);
    read(key);
  }

  static engine::Bytes name_of(uint64_t key, engine::MutableBytes room) {
    return scenarios::key_bytes(key, scenarios::kEncodedSizeMin + key % 9, room);
  }
  engine::Bytes name_of(uint64_t key) { return name_of(key, key_room_); }
  size_t begin(OpKind kind, uint64_t key, uint64_t argument) {
    return history_.begin(id_, kind, key, argument, shared_.tick());
  }
  OpResult wait(const OpResult& first, const Asked& asked) {
    if (first.status != engine::Status::pending) return first;
    session_->complete_pending(true);
    CHECK(asked.answered, "complete_pending(true) left an operation without an answer");
    return asked.result;
  }
  void end(size_t index, const OpResult& result, uint64_t number, bool garbage) {
    scenarios::Ending ending;
    ending.step = shared_.tick();
    const bool ok = result.status == engine::Status::ok;
    ending.outcome = ok ? scenarios::Outcome::ok : scenarios::Outcome::not_found;
    if (result.status == engine::Status::failed) {
      shared_.failures.fetch_add(1);
      ending.outcome = scenarios::Outcome::failed;
    }
    ending.result = ok ? number : 0;
    ending.garbage = ok && garbage;
    if (ok) ending.address = result.address;
    ending.log_end = result.log_address;
    ending.version = result.version;
    history_.end(index, ending);
  }

  void upsert(uint64_t key) {
    const uint64_t number = scenarios::number_of(id_, ++written_);
    const size_t size = scenarios::kEncodedSizeMin + draw(shared_.load.value_max - 7);
    const engine::Bytes value = scenarios::encode_value(number, size, value_room_);
    const size_t index = begin(OpKind::upsert, key, number);
    Asked asked;
    end(index, wait(session_->upsert(name_of(key), value, &asked), asked), number, false);
  }
  void add(uint64_t key, uint64_t amount) {
    const size_t index = begin(OpKind::add, key, amount);
    Add modifier(amount);
    Asked asked;
    const OpResult result = wait(session_->rmw(name_of(key), modifier, &asked), asked);
    end(index, result, modifier.result, modifier.garbage);
  }
  void erase(uint64_t key) {
    const size_t index = begin(OpKind::erase, key, 0);
    Asked asked;
    end(index, wait(session_->erase(name_of(key), &asked), asked), 0, false);
  }
  void read(uint64_t key) {
    const size_t index = begin(OpKind::read, key, 0);
    Asked asked;
    const OpResult result = wait(session_->read(name_of(key), value_room_, &asked), asked);
    std::optional<uint64_t> number;
    if (result.status == engine::Status::ok && result.value_size <= value_room_.size()) {
      number = scenarios::decode_value(engine::Bytes(value_room_).first(result.value_size));
    }
    end(index, result, number.value_or(0), !number.has_value());
  }

  Shared& shared_;
  uint32_t id_;
  uint64_t state_;
  uint64_t written_ = 0;
  engine::Owned<engine::Session> session_;
  scenarios::History history_;
  std::array<std::byte, kKeyMax> key_room_{};
  std::array<std::byte, kValueMax> value_room_{};
};

// The n-th of `count`, from 1, has its turn so far through the load as its number says.
void wait_for_turn(Shared& shared, uint64_t n, uint64_t count) {
  const NativeLoad& load = shared.load;
  const uint64_t due = load.operations * load.sessions * n / (count + 1);
  while (shared.done.load(std::memory_order_relaxed) < due) {
    shared.machine.runtime().tasks.yield();
  }
}

void take_checkpoints(Shared& shared, std::vector<NativeCheckpoint>& taken) {
  const NativeLoad& load = shared.load;
  for (uint64_t i = 1; i <= load.checkpoints; ++i) {
    wait_for_turn(shared, i, load.checkpoints);
    const auto ticket = shared.store.start_checkpoint();
    CHECK(ticket.has_value(), "two checkpoints at once");
    const auto ended = shared.store.wait_checkpoint(*ticket);
    if (ended) {
      taken.push_back({*ended, shared.tick()});
    } else {
      shared.failures.fetch_add(1);
    }
  }
}

void empty_stores(Shared& shared, Client& client) {
  const NativeLoad& load = shared.load;
  for (uint64_t i = 1; i <= load.resets; ++i) {
    wait_for_turn(shared, i, load.resets);
    client.empty_store();
  }
}

}  // namespace

NativeRun play_natively(engine::Machine& machine, const NativeLoad& load) {
  const engine::Runtime runtime = machine.runtime();
  const engine::Bugs bugs;
  auto opened = engine::Store::open(runtime, load.options, bugs);
  CHECK(opened.has_value(), "no store: {}", opened.error().what);
  engine::Owned<engine::Store> store = std::move(*opened);
  Shared shared{machine, load, *store};
  NativeRun run;
  std::deque<Client> clients;
  for (uint32_t id = 1; id <= load.sessions + 1; ++id) clients.emplace_back(shared, id);
  Client resetter(shared, load.sessions + 3);
  std::atomic<uint32_t> next{0};
  const auto session = [&] { clients[next.fetch_add(1)].play(); };
  const auto admin = [&] { take_checkpoints(shared, run.checkpoints); };
  std::vector<engine::TaskId> tasks;
  for (uint64_t i = 0; i < load.sessions; ++i) {
    tasks.push_back(start(runtime.tasks, {"session", i}, session));
  }
  if (load.checkpoints > 0) tasks.push_back(start(runtime.tasks, {"admin", 0}, admin));
  const auto empty = [&] { empty_stores(shared, resetter); };
  if (load.resets > 0) tasks.push_back(start(runtime.tasks, {"resetter", 0}, empty));
  for (const engine::TaskId task : tasks) runtime.tasks.join(task);
  clients.back().read_all();
  if (load.options.log_operations && !store->commit_log()) shared.failures.fetch_add(1);
  run.evicted = store->log().load(engine::Boundary::head) > load.options.first_address;
  store->close();
  store = {};
  const auto take = [&](const Client& client) {
    const auto own = client.operations();
    run.operations.insert(run.operations.end(), own.begin(), own.end());
  };
  for (const Client& client : clients) take(client);
  take(resetter);
  std::sort(run.operations.begin(), run.operations.end(),
            [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
  run.failures = shared.failures.load();
  return run;
}

std::vector<scenarios::Operation> recover_natively(engine::Machine& machine,
                                                   const NativeLoad& load) {
  const engine::Bugs bugs;
  auto recovered = engine::Store::recover(machine.runtime(), load.options, bugs);
  CHECK(recovered.has_value(), "no store: {}", recovered.error().what);
  Shared shared{machine, load, **recovered};
  Client client(shared, load.sessions + 2);
  client.read_all();
  const auto own = client.operations();
  return {own.begin(), own.end()};
}

}  // namespace orrery::tests
