// SPDX-License-Identifier: Apache-2.0
#include "scenarios/snapshot_load.hpp"

#include <algorithm>

#include "engine/runtime/sync.hpp"
#include "scenarios/ledger.hpp"

namespace orrery::scenarios {
namespace {

using ledger::succeeded;

constexpr size_t kSessionsMax = 16;
constexpr uint32_t kCheckerId = 1000;   // the client that reads back at the end
constexpr uint32_t kResetterId = 1002;  // in whose name keys vanish when the store is emptied
constexpr int kResetAttempts = 3;       // at emptying the store
constexpr uint64_t kReadBackMax = 24;
constexpr uint64_t kLookedAt = 8;  // keys, by who gave something up

struct SnapshotLoad {
  Stage& stage;
  engine::Store& store;
  const Mix& mix;
  int64_t operations;
  int64_t snapshots;
  engine::Semaphore marks;  // each session releases one for each snapshot, as it gets there
  int64_t resets;
  engine::Semaphore reset_marks;  // the same for each reset
  int64_t started = 0;            // sessions
};

/// Releases a semaphore for each of so many times, spread evenly over the operations of a session.
class Marks {
 public:
  Marks(engine::Semaphore& semaphore, int64_t count, int64_t operations)
      : semaphore_(semaphore), count_(count), operations_(operations) {}
  void reach(int64_t operation) {
    while (done_ < count_ && operation >= (done_ + 1) * operations_ / (count_ + 1)) release();
  }
  void finish() {
    while (done_ < count_) release();
  }

 private:
  void release() {
    semaphore_.release();
    ++done_;
  }
  engine::Semaphore& semaphore_;
  int64_t count_;
  int64_t operations_;
  int64_t done_ = 0;
};

struct SessionTask {
  SnapshotLoad* load = nullptr;
  uint32_t id = 0;
};

void run_session(void* argument);
bool is_due(const SnapshotLoad& load, const char* size, uint32_t id, uint64_t n);
void flush_if_due(const SnapshotLoad& load, uint32_t id, uint64_t n);
void shift_if_due(const SnapshotLoad& load, Client& client, uint32_t id, uint64_t n);
std::optional<engine::LogAddr> begin_for(const SnapshotLoad& load, uint32_t id);
bool come_back_if_due(const SnapshotLoad& load, engine::Owned<engine::Session>& session,
                      Client& client, uint32_t id, uint64_t n);
void resize_if_due(const SnapshotLoad& load, uint32_t id, uint64_t n);
void check_serial(const SnapshotLoad& load, const Client& client, uint32_t id, uint64_t before);
void commit_if_due(const SnapshotLoad& load, uint32_t id, uint64_t n);
void run_snapshots(void* argument);
void ask_what_is_committed(const SnapshotLoad& load, const engine::CheckpointInfo& checkpoint);
void run_resets(void* argument);
engine::Errc reset_once(SnapshotLoad& load);
engine::CheckpointRequest request_of(const SnapshotLoad& load, int64_t nth);
void read_back(SnapshotLoad& load);
void run_load(SnapshotLoad& load, int64_t sessions);

}  // namespace

void set_calm_load(Sizes& sizes) {
  set_calm_store(sizes);
  for (const SizeRow& row : kLoadSizes) sizes.set(row.name, row.calm);
}

Mix mix_of(const Sizes& sizes) {
  Mix mix;
  mix.keys = static_cast<uint64_t>(sizes["keys"]);
  mix.size_max = static_cast<size_t>(sizes["value_max"]);
  return mix;
}

void play_snapshot_load(Stage& stage, const Mix& mix) {
  const engine::StoreOptions options = store_options(stage.sizes);
  auto opened = engine::Store::open(stage.runtime, options, stage.bugs);
  if (!succeeded(ledger::Call::open, opened)) return;  // there is nothing to look at
  engine::Owned<engine::Store> store = std::move(opened).value();
  play_load_on(stage, *store, mix);
  store->close();
}

void play_load_on(Stage& stage, engine::Store& store, const Mix& mix) {
  SnapshotLoad load{stage,
                    store,
                    mix,
                    stage.sizes["operations"],
                    stage.sizes["snapshots"],
                    engine::Semaphore(stage.runtime.tasks),
                    stage.sizes["resets"],
                    engine::Semaphore(stage.runtime.tasks),
                    0};
  run_load(load, stage.sizes["sessions"]);
  read_back(load);
}

namespace {

void run_load(SnapshotLoad& load, int64_t sessions) {
  std::array<SessionTask, kSessionsMax> tasks;
  std::array<engine::TaskId, kSessionsMax + 2> joins;
  size_t running = 0;
  for (int64_t i = 0; i < sessions; ++i) {
    SessionTask& task = tasks[static_cast<size_t>(i)];
    task = {&load, static_cast<uint32_t>(i)};
    const auto spawned =
        load.stage.runtime.tasks.spawn({"session", static_cast<uint64_t>(i)}, &run_session, &task);
    if (!spawned) continue;
    joins[running++] = *spawned;
    ++load.started;
  }
  if (load.snapshots > 0 && load.started > 0) {
    const auto spawned = load.stage.runtime.tasks.spawn({"admin", 0}, &run_snapshots, &load);
    if (spawned) joins[running++] = *spawned;
  }
  if (load.resets > 0 && load.started > 0) {
    const auto spawned = load.stage.runtime.tasks.spawn({"resetter", 0}, &run_resets, &load);
    if (spawned) joins[running++] = *spawned;
  }
  for (size_t i = 0; i < running; ++i) load.stage.runtime.tasks.join(joins[i]);
}

void run_session(void* argument) {
  const SessionTask& task = *static_cast<SessionTask*>(argument);
  SnapshotLoad& load = *task.load;
  auto started = load.store.start_session(Client::options_for(task.id));
  Marks snapshots(load.marks, load.snapshots, load.operations);
  Marks resets(load.reset_marks, load.resets, load.operations);
  if (!succeeded(ledger::Call::start_session, started)) {
    snapshots.finish();
    resets.finish();
    return;
  }
  engine::Owned<engine::Session> session = std::move(started).value();
  Client client(load.stage, *session, task.id);
  const auto script = static_cast<uint64_t>(load.stage.sizes["script"]);
  const bool counts = load.stage.sizes.find("crashes").has_value();
  const uint64_t before = counts ? load.store.session_serial(task.id) : 0;
  for (int64_t n = 0; n < load.operations; ++n) {
    snapshots.reach(n);
    resets.reach(n);
    flush_if_due(load, task.id, static_cast<uint64_t>(n));
    shift_if_due(load, client, task.id, static_cast<uint64_t>(n));
    resize_if_due(load, task.id, static_cast<uint64_t>(n));
    if (!come_back_if_due(load, session, client, task.id, static_cast<uint64_t>(n))) break;
    // Another life does something else.
    const auto nth = static_cast<uint64_t>(n + load.stage.life * load.operations);
    do_scripted(client, load.mix, script, task.id, nth);
    commit_if_due(load, task.id, static_cast<uint64_t>(n));
  }
  snapshots.finish();
  resets.finish();
  if (!session) return;
  if (counts) check_serial(load, client, task.id, before);
  session->close();
}

// A client that finds after a crash where it was counts what it had asked for.
void check_serial(const SnapshotLoad& load, const Client& client, uint32_t id, uint64_t before) {
  const uint64_t serial = load.store.session_serial(id);
  CHECK(serial == before + client.answered(),
        "session {} had {} answers beyond its first {}, and its serial is {}", id,
        client.answered(), before, serial);
}

// False if there was no way back.
bool come_back_if_due(const SnapshotLoad& load, engine::Owned<engine::Session>& session,
                      Client& client, uint32_t id, uint64_t n) {
  if (!is_due(load, "comebacks", id, n)) return true;
  session->close();
  session = {};
  auto started = load.store.start_session(Client::options_for(id));
  if (!succeeded(ledger::Call::start_session, started)) return false;
  session = std::move(started).value();
  client.go_on_with(*session);
  return true;
}

// What is to happen so many times in a run, about, before some of the operations of all clients.
bool is_due(const SnapshotLoad& load, const char* size, uint32_t id, uint64_t n) {
  const Sizes& sizes = load.stage.sizes;
  const auto times = static_cast<uint64_t>(sizes.find(size).value_or(0));
  const auto all = static_cast<uint64_t>(sizes["sessions"] * sizes["operations"]);
  const auto script = static_cast<uint64_t>(sizes["script"]);
  return sim::below(sim::mix(script, sim::hash_of(size), id, n), all) < times;
}

// Who gives something up looks whether it is gone.
void shift_if_due(const SnapshotLoad& load, Client& client, uint32_t id, uint64_t n) {
  if (!is_due(load, "shifts", id, n)) return;
  const engine::Actor actor({"shift", uint64_t{id} << 32 | n});
  const std::optional<engine::LogAddr> begin = begin_for(load, id);
  // One that fails says that the main device did; the clients will hear of it.
  if (!begin || !succeeded(ledger::Call::shift_begin, load.store.shift_begin(*begin))) return;
  load.stage.scheduler.made_progress();
  for (uint64_t key = 0; key < std::min(load.mix.keys, kLookedAt); ++key) client.read(key);
}

// A record that this client knows, of some time ago; now and then the tail.
std::optional<engine::LogAddr> begin_for(const SnapshotLoad& load, uint32_t id) {
  const auto operations = load.stage.history.operations();
  const uint64_t from = sim::below(load.stage.scheduler.steps(), operations.size() + 1);
  if (from % 4 == 0) return load.store.log().tail();
  for (size_t i = from; i < operations.size(); ++i) {
    const Operation& operation = operations[i];
    const bool own = operation.client == id && operation.life == load.stage.life;
    if (own && operation.address >= 0 && operation.outcome == Outcome::ok) return operation.address;
  }
  return std::nullopt;
}

void flush_if_due(const SnapshotLoad& load, uint32_t id, uint64_t n) {
  if (!is_due(load, "flushes", id, n)) return;
  const engine::Actor actor({"flush", uint64_t{id} << 32 | n});
  // A flush that fails says that the main device did; the clients will hear of it.
  const auto flushed = load.store.flush();
  if (succeeded(ledger::Call::flush, flushed)) load.stage.scheduler.made_progress();
}

// Less memory, or more again: what no longer fits is to leave under those who work in it.
void resize_if_due(const SnapshotLoad& load, uint32_t id, uint64_t n) {
  const Sizes& sizes = load.stage.sizes;
  if (!is_due(load, "resizes", id, n)) return;
  const engine::Actor actor({"resize", uint64_t{id} << 32 | n});
  Draw draw(sim::mix(static_cast<uint64_t>(sizes["script"]), 0x5E5E, id), n);
  const int64_t slots = int64_t{1} << sizes["ring_bits"];
  const int64_t pages = draw.between(sizes["empty_pages"], slots - 1);
  const auto resized = load.store.set_empty_pages(static_cast<uint32_t>(pages));
  CHECK(resized, "{} empty pages of {} were refused", pages, slots);
}

// Of the operations that are logged: after each, after some, or never.
void commit_if_due(const SnapshotLoad& load, uint32_t id, uint64_t n) {
  const auto every = static_cast<uint64_t>(load.stage.sizes.find("commit_every").value_or(0));
  if (every == 0 || (n + id) % every != 0) return;
  if (!load.store.options().log_operations) return;
  const engine::Actor actor({"commit", uint64_t{id} << 32 | n});
  const auto until = load.store.commit_log();
  if (!succeeded(ledger::Call::commit, until)) return;
  engine::note(ledger::kOperationsAcknowledged, *until);
  load.stage.scheduler.made_progress();
}

void run_snapshots(void* argument) {
  SnapshotLoad& load = *static_cast<SnapshotLoad*>(argument);
  const bool bursts = load.stage.sizes["bursts"] != 0;
  for (int64_t i = 0; i < load.snapshots; ++i) {
    const bool at_once = bursts && i % 2 == 1;
    for (int64_t k = 0; k < load.started && !at_once; ++k) load.marks.acquire();
    const engine::Actor actor({"checkpoint", static_cast<uint64_t>(i)});
    const auto ended = take_checkpoint(load.stage, load.store, request_of(load, i));
    if (!ended) continue;
    if (load.stage.sizes.find("crashes").value_or(0) != 0) ask_what_is_committed(load, ended->info);
  }
}

// What a client forgets because of the answer must not be missing in another life.
void ask_what_is_committed(const SnapshotLoad& load, const engine::CheckpointInfo& checkpoint) {
  for (int64_t session = 0; session < load.stage.sizes["sessions"]; ++session) {
    const uint64_t count = load.store.session_committed(static_cast<uint64_t>(session));
    engine::note(ledger::kSessionCommitted, session, static_cast<int64_t>(count),
                 static_cast<int64_t>(checkpoint.version));
  }
}

void run_resets(void* argument) {
  SnapshotLoad& load = *static_cast<SnapshotLoad*>(argument);
  for (int64_t i = 0; i < load.resets; ++i) {
    for (int64_t k = 0; k < load.started; ++k) load.reset_marks.acquire();
    const engine::Actor actor({"reset", static_cast<uint64_t>(i)});
    for (int attempt = 0; attempt < kResetAttempts && reset_once(load) == engine::Errc::io;
         ++attempt) {
    }
  }
}

// To every key it looks like an erase. Returns how it ended.
engine::Errc reset_once(SnapshotLoad& load) {
  Stage& stage = load.stage;
  const auto begin = [&](uint64_t key) {
    return stage.history.begin(kResetterId, OpKind::erase, key, 0, stage.scheduler.steps(),
                               stage.scheduler.current_task());
  };
  const size_t first = begin(0);
  for (uint64_t key = 1; key < load.mix.keys; ++key) {
    const size_t next = begin(key);
    CHECK(next == first + key, "the erases of a reset do not follow each other");
  }
  const auto emptied = load.store.reset();
  (void)succeeded(ledger::Call::reset, emptied);
  const engine::Errc code = emptied ? engine::Errc::ok : emptied.error().code;
  if (code == engine::Errc::uncertain) return code;
  Ending ending;
  ending.outcome = emptied ? Outcome::ok : Outcome::failed;
  ending.step = stage.scheduler.steps();
  if (emptied) ending.log_end = *emptied;
  for (uint64_t key = 0; key < load.mix.keys; ++key) stage.history.end(first + key, ending);
  if (emptied) stage.scheduler.made_progress();
  return code;
}

// Another life takes others.
engine::CheckpointRequest request_of(const SnapshotLoad& load, int64_t nth) {
  const Sizes& sizes = load.stage.sizes;
  const auto script = static_cast<uint64_t>(sizes["script"]);
  Draw draw(sim::mix(script, 0xC4EC), load.stage.life * 64 + static_cast<uint64_t>(nth));
  engine::CheckpointRequest request;
  const bool fold = draw.between(0, 999) < sizes["fold_permille"];
  if (fold) request.log = engine::LogCheckpoint::fold_over;
  request.index = draw.between(0, 999) < sizes["index_permille"];
  if (request.index && draw.odds(1, 3)) request.log = engine::LogCheckpoint::none;
  return request;
}

void read_back(SnapshotLoad& load) {
  auto started = load.store.start_session(Client::options_for(kCheckerId));
  if (!succeeded(ledger::Call::start_session, started)) return;
  engine::Owned<engine::Session> session = std::move(started).value();
  Client client(load.stage, *session, kCheckerId);
  for (uint64_t key = 0; key < std::min(load.mix.keys, kReadBackMax); ++key) client.read(key);
  session->close();
}

}  // namespace
}  // namespace orrery::scenarios
