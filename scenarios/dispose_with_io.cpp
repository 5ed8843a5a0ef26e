// SPDX-License-Identifier: Apache-2.0
// A store is given up in the middle of its work: reads are under way whose sessions will not wait,
// pages of the log and of a checkpoint are being written, evicted frames are parked. Whatever
// completes afterwards must find everything that it touches; nothing may be left behind; and the
// next life finds the last checkpoint that was committed.
#include <algorithm>
#include <array>
#include <span>

#include "scenarios/catalogue.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/lives_load.hpp"

namespace orrery::scenarios {
namespace {

constexpr size_t kReadsMax = 8;

// Reads that one session has under way when it is given up.
struct Reads {
  struct One {
    std::array<std::byte, kKeyMax> key;
    std::array<std::byte, kValueMax> value;
    bool answered = false;
  };
  static void completed(void* context, const engine::OpResult&) {
    static_cast<One*>(context)->answered = true;
  }
  std::array<One, kReadsMax> all;
};

struct Giving {
  Stage& stage;
  engine::Store& store;
  uint32_t id = 0;
};

void give_up_session(void* argument) {
  const Giving& giving = *static_cast<Giving*>(argument);
  const auto script = static_cast<uint64_t>(giving.stage.sizes["script"]);
  const auto keys = static_cast<uint64_t>(giving.stage.sizes["keys"]);
  Draw draw(sim::mix(script, 0xD15, giving.id), giving.stage.life);
  const auto reads = engine::make_owned<Reads>(giving.stage.runtime.memory, "reads to be given up");
  if (!reads) return;
  engine::SessionOptions options = Client::options_for(500 + giving.id);
  options.completed = &Reads::completed;
  auto started = giving.store.start_session(options);
  if (!ledger::succeeded(ledger::Call::start_session, started)) return;
  const engine::Owned<engine::Session> session = std::move(started).value();
  const auto count = static_cast<size_t>(draw.between(1, kReadsMax));
  size_t pending = 0;
  for (size_t i = 0; i < count; ++i) {
    Reads::One& one = (*reads)->all[i];
    const uint64_t key = sim::below(draw.word(), keys);
    const engine::Actor actor({"read", uint64_t{giving.id} << 32 | i});
    const auto result = session->read(encoded_key(key, one.key), one.value, &one);
    one.answered = result.status != engine::Status::pending;
    if (!one.answered) ++pending;
  }
  CHECK(session->pending_count() <= pending, "{} operations are pending", session->pending_count());
  session->abandon();
  for (size_t i = 0; i < count; ++i) {
    CHECK((*reads)->all[i].answered, "a read was given up and never answered");
  }
}

class DisposeWithIo final : public LivesScenario {
 public:
  const char* name() const override { return "dispose-with-io"; }
  const char* sentence() const override {
    return "sessions and store are given up while reads, flushes and a checkpoint are under way";
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xD150);
    draw_lives(draw, sizes);
    sizes.set("ring_bits", draw.between(1, 4));
    sizes.set("snapshots", draw.between(0, 3));
    sizes.set("throttle_ms", draw.between(-1, 2));
    sizes.set("io_points", draw.log_uniform(6, 11));
    sizes.set("crashes", draw.odds(2, 3) ? 0 : 1);
  }

 protected:
  // One checkpoint and one flush are begun, and nobody waits for them.
  void finish(Stage& stage, engine::Store& store) const override {
    const auto script = static_cast<uint64_t>(stage.sizes["script"]);
    Draw draw(sim::mix(script, 0xD16), stage.life);
    engine::CheckpointRequest request;
    if (draw.odds(1, 3)) request.log = engine::LogCheckpoint::fold_over;
    request.index = draw.odds(1, 2);
    if (request.index && draw.odds(1, 3)) request.log = engine::LogCheckpoint::none;
    const auto ticket = store.start_checkpoint(request);
    (void)ledger::succeeded(ledger::Call::start_checkpoint, ticket);
    const auto wanted = static_cast<size_t>(draw.between(0, 3));
    std::array<Giving, 3> givings{{{stage, store, 0}, {stage, store, 1}, {stage, store, 2}}};
    std::array<engine::TaskId, 3> joins;
    size_t running = 0;
    for (Giving& giving : std::span(givings).first(wanted)) {
      const auto spawned =
          stage.runtime.tasks.spawn({"giving-up", giving.id}, &give_up_session, &giving);
      if (spawned) joins[running++] = *spawned;
    }
    for (size_t i = 0; i < running; ++i) stage.runtime.tasks.join(joins[i]);
    if (ticket && draw.odds(1, 4)) see_its_end(stage, store, *ticket, request);
    if (ticket && draw.odds(1, 2)) drive(stage, store, *ticket, draw.between(1, 60));
    store.dispose();
  }

 private:
  // A session that does nothing else takes the checkpoint so many steps along, as far as others
  // let it: then it is given up further on.
  static void drive(Stage& stage, engine::Store& store, engine::CheckpointTicket ticket,
                    int64_t steps) {
    auto started = store.start_session(Client::options_for(600));
    if (!ledger::succeeded(ledger::Call::start_session, started)) return;
    const engine::Owned<engine::Session> session = std::move(started).value();
    for (int64_t i = 0; i < steps && !store.checkpoint_ended(ticket); ++i) {
      session->refresh();
      stage.runtime.tasks.yield();
    }
    session->close();
  }

  static void see_its_end(Stage& stage, engine::Store& store, engine::CheckpointTicket ticket,
                          const engine::CheckpointRequest& request) {
    if (store.checkpoint_ended(ticket)) {
      engine::note(ledger::kCheckpointSaidEnded, static_cast<int64_t>(ticket.token));
    }
    (void)wait_for_checkpoint(stage, store, ticket, request);
    CHECK(store.checkpoint_ended(ticket), "a checkpoint that was waited for has not ended");
  }
};

}  // namespace

const Scenario& dispose_with_io() {
  static constexpr DisposeWithIo scenario;
  return scenario;
}

}  // namespace orrery::scenarios
