// SPDX-License-Identifier: Apache-2.0
#include "scenarios/snapshot_load.hpp"

#include <algorithm>

#include "engine/runtime/sync.hpp"
#include "scenarios/ledger.hpp"

namespace orrery::scenarios {
namespace {

constexpr size_t kSessionsMax = 16;
constexpr uint32_t kCheckerId = 1000;  // the client that reads back at the end
constexpr uint64_t kReadBackMax = 24;

struct Load {
  Stage& stage;
  engine::Store& store;
  const Mix& mix;
  int64_t operations;
  int64_t snapshots;
  engine::Semaphore marks;  // each session releases one for each snapshot, as it gets there
  int64_t started = 0;      // sessions
};

struct SessionTask {
  Load* load = nullptr;
  uint32_t id = 0;
};

void run_session(void* argument);
bool is_flush_due(const Load& load, uint32_t id, uint64_t n);
void commit_if_due(const Load& load, uint32_t id, uint64_t n);
void run_snapshots(void* argument);
engine::CheckpointRequest request_of(const Load& load, int64_t nth);
void read_back(Load& load);
void run_load(Load& load, int64_t sessions);

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
  if (!opened) return;  // refused memory; there is nothing to look at
  engine::Owned<engine::Store> store = std::move(opened).value();
  play_load_on(stage, *store, mix);
  store->close();
}

void play_load_on(Stage& stage, engine::Store& store, const Mix& mix) {
  Load load{stage,
            store,
            mix,
            stage.sizes["operations"],
            stage.sizes["snapshots"],
            engine::Semaphore(stage.runtime.tasks),
            0};
  run_load(load, stage.sizes["sessions"]);
  read_back(load);
}

namespace {

void run_load(Load& load, int64_t sessions) {
  std::array<SessionTask, kSessionsMax> tasks;
  std::array<engine::TaskId, kSessionsMax + 1> joins;
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
  for (size_t i = 0; i < running; ++i) load.stage.runtime.tasks.join(joins[i]);
}

void run_session(void* argument) {
  const SessionTask& task = *static_cast<SessionTask*>(argument);
  Load& load = *task.load;
  auto started = load.store.start_session(Client::options_for(task.id));
  if (!started) {
    load.marks.release(static_cast<uint32_t>(load.snapshots));
    return;
  }
  engine::Owned<engine::Session> session = std::move(started).value();
  Client client(load.stage, *session, task.id);
  const auto script = static_cast<uint64_t>(load.stage.sizes["script"]);
  int64_t marked = 0;
  for (int64_t n = 0; n < load.operations; ++n) {
    while (marked < load.snapshots && n >= (marked + 1) * load.operations / (load.snapshots + 1)) {
      load.marks.release();
      ++marked;
    }
    if (is_flush_due(load, task.id, static_cast<uint64_t>(n))) {
      const engine::Actor actor({"flush", uint64_t{task.id} << 32 | static_cast<uint64_t>(n)});
      // A flush that fails says that the main device did; the clients will hear of it.
      const auto flushed = load.store.flush();
      if (flushed) load.stage.scheduler.made_progress();
    }
    // Another life does something else.
    const auto nth = static_cast<uint64_t>(n + load.stage.life * load.operations);
    do_scripted(client, load.mix, script, task.id, nth);
    commit_if_due(load, task.id, static_cast<uint64_t>(n));
  }
  if (marked < load.snapshots) load.marks.release(static_cast<uint32_t>(load.snapshots - marked));
  session->close();
}

bool is_flush_due(const Load& load, uint32_t id, uint64_t n) {
  const Sizes& sizes = load.stage.sizes;
  const auto all = static_cast<uint64_t>(sizes["sessions"] * sizes["operations"]);
  const uint64_t drawn = sim::mix(static_cast<uint64_t>(sizes["script"]), 0xF1, id, n);
  return sim::below(drawn, all) < static_cast<uint64_t>(sizes["flushes"]);
}

// Of the operations that are logged: after each, after some, or never.
void commit_if_due(const Load& load, uint32_t id, uint64_t n) {
  const auto every = static_cast<uint64_t>(load.stage.sizes.find("commit_every").value_or(0));
  if (every == 0 || (n + id) % every != 0) return;
  if (!load.store.options().log_operations) return;
  const engine::Actor actor({"commit", uint64_t{id} << 32 | n});
  const auto until = load.store.commit_log();
  if (!until) return;
  engine::note(ledger::kOperationsAcknowledged, *until);
  load.stage.scheduler.made_progress();
}

void run_snapshots(void* argument) {
  Load& load = *static_cast<Load*>(argument);
  for (int64_t i = 0; i < load.snapshots; ++i) {
    for (int64_t k = 0; k < load.started; ++k) load.marks.acquire();
    const engine::Actor actor({"checkpoint", static_cast<uint64_t>(i)});
    const auto ticket = load.store.start_checkpoint(request_of(load, i));
    if (!ticket) continue;
    // Whether it ended well is for the oracles: the files and the notes tell.
    const auto ended = load.store.wait_checkpoint(*ticket);
    if (ended) load.stage.scheduler.made_progress();
  }
}

// Another life takes others.
engine::CheckpointRequest request_of(const Load& load, int64_t nth) {
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

void read_back(Load& load) {
  auto started = load.store.start_session(Client::options_for(kCheckerId));
  if (!started) return;
  engine::Owned<engine::Session> session = std::move(started).value();
  Client client(load.stage, *session, kCheckerId);
  for (uint64_t key = 0; key < std::min(load.mix.keys, kReadBackMax); ++key) client.read(key);
  session->close();
}

}  // namespace
}  // namespace orrery::scenarios
