// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/native_load.hpp"

#include <algorithm>
#include <atomic>
#include <deque>

#include "tests/engine/real/native_client.hpp"
#include "tests/start.hpp"

namespace orrery::tests {
namespace {

struct Shared {
  engine::Machine& machine;
  const NativeLoad& load;
  engine::Store& store;
  std::atomic<uint64_t> clock{0};
  std::atomic<uint64_t> done{0};   // operations of all sessions
  std::atomic<int> failures{0};    // of what is no operation
  std::atomic<uint32_t> ready{0};  // sessions that are open
};

class History final : public Notebook {
 public:
  size_t begin(const scenarios::Operation& operation) override {
    return history_.begin(operation.client, operation.kind, operation.key, operation.argument,
                          operation.invoked);
  }
  void end(size_t note, const scenarios::Ending& ending) override { history_.end(note, ending); }
  std::span<const scenarios::Operation> operations() const { return history_.operations(); }

 private:
  scenarios::History history_;
};

/// A client and what it has written down.
struct Client {
  Client(Shared& all, uint32_t id)
      : shared(all),
        client(all.store, all.clock, history, {id, all.load.keys, all.load.value_max, 0}) {}

  void play();
  void read_all();

  Shared& shared;
  History history;
  NativeClient client;
};

// The whole script, on whichever thread calls.
void Client::play() {
  client.open();
  const NativeLoad& load = shared.load;
  engine::Tasks& tasks = shared.machine.runtime().tasks;
  // All at once, and mixed: alone, one session might be done before the next has begun.
  shared.ready.fetch_add(1);
  while (shared.ready.load() < load.sessions) tasks.yield();
  for (uint64_t n = 1; n <= load.operations; ++n) {
    client.do_one();
    if (client.draw(64) == 0) tasks.yield();
    shared.done.fetch_add(1, std::memory_order_relaxed);
    if (load.flush_every != 0 && n % load.flush_every == 0 && !shared.store.flush()) {
      shared.failures.fetch_add(1);
    }
    if (load.commit_every != 0 && n % load.commit_every == 0 && !shared.store.commit_log()) {
      shared.failures.fetch_add(1);
    }
  }
  client.close();
}

void Client::read_all() {
  client.open();
  client.read_all();
  client.close();
}

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
      taken.push_back({*ended, next_step(shared.clock)});
    } else {
      shared.failures.fetch_add(1);
    }
  }
}

void empty_stores(Shared& shared, Client& client) {
  const NativeLoad& load = shared.load;
  for (uint64_t i = 1; i <= load.resets; ++i) {
    wait_for_turn(shared, i, load.resets);
    client.client.empty_store();
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
  const auto take = [&](const Client& one) {
    const auto own = one.history.operations();
    run.failures += one.client.failures();
    run.operations.insert(run.operations.end(), own.begin(), own.end());
  };
  for (const Client& client : clients) take(client);
  take(resetter);
  std::sort(run.operations.begin(), run.operations.end(),
            [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
  run.failures += shared.failures.load();
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
  const auto own = client.history.operations();
  return {own.begin(), own.end()};
}

}  // namespace orrery::tests
