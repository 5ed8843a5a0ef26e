// SPDX-License-Identifier: Apache-2.0
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "engine/store/outstanding.hpp"

namespace orrery::scenarios {
namespace {

// The framework takes the signals between two tests, so it lives no longer than the runs of one.
std::unique_ptr<sim::World> shared_world;
size_t world_users = 0;

}  // namespace

void ask_too_much(History& history, uint64_t key) {
  for (uint32_t client = 1; client <= 20; ++client) {
    history.begin(client, OpKind::add, key, uint64_t{2} << client, 1);
  }
  Ending saw;
  saw.result = 1;  // all the sums are even
  saw.step = 4;
  saw.version = 1;
  history.end(history.begin(50, OpKind::read, key, 0, 3), saw);
}

HandMadeRun::HandMadeRun() {
  if (world_users++ == 0) shared_world = std::make_unique<sim::World>();
  plan.scenario = &scenario;
  plan.sizes.set("page_bits", 9);
  plan.sizes.set("ring_bits", 2);
  plan.sizes.set("sector_bits", 9);
  plan.sizes.set("throttle_ms", 0);
  trace.tasks.resize(3);
  run.plan = &plan;
  run.trace = &trace;
  run.history = &history;
  run.world = shared_world.get();
  run.completed = true;
  in_world([](engine::Runtime) {});
}

HandMadeRun::~HandMadeRun() {
  if (--world_users == 0) shared_world.reset();
}

size_t HandMadeRun::event(uint16_t kind, int64_t a, int64_t b, int64_t c, uint32_t task,
                          uint64_t own) {
  sim::Event event;
  event.step = ++step_;
  event.task = task;
  event.kind = kind;
  event.a = a;
  event.b = b;
  event.c = c;
  event.own = own;
  trace.events.push_back(event);
  run.steps = step_;
  return trace.events.size() - 1;
}

size_t HandMadeRun::moves(engine::Boundary which, int64_t value) {
  return event(engine::events::kBoundary, static_cast<int64_t>(which), value);
}

void HandMadeRun::does(OpKind kind, uint64_t key, uint64_t argument, const Ending& ending,
                       uint32_t task) {
  Ending end = ending;
  const size_t index = history.begin(0, kind, key, argument, ++step_, task);
  end.step = ++step_;
  history.end(index, end);
}

void HandMadeRun::in_world(const std::function<void(engine::Runtime)>& body) {
  sim::Laws laws;
  laws.disk.check_buffers = false;  // the files come from the memory of a test
  shared_world->begin(calm_, laws, {});
  struct Playing {
    const std::function<void(engine::Runtime)>& body;
    engine::Runtime runtime;
  } playing{body, shared_world->runtime()};
  const auto play = [](void* argument) {
    const auto& all = *static_cast<Playing*>(argument);
    all.body(all.runtime);
  };
  shared_world->run({"main", 0}, play, &playing);
}

void HandMadeRun::write_file(engine::Runtime runtime, const std::string& name, engine::Bytes bytes,
                             bool synced, uint64_t offset) {
  engine::Device& device = **runtime.storage.open(name, {});
  engine::Signal finished(runtime.tasks);
  engine::Io io;
  io.kind = engine::IoKind::write;
  io.offset = offset;
  io.buffer = const_cast<std::byte*>(bytes.data());
  io.length = bytes.size();
  io.owner = &finished;
  io.done = [](engine::Io& request) { static_cast<engine::Signal*>(request.owner)->set(); };
  device.submit(io);
  finished.wait();
  if (!synced) return;
  engine::Signal durable(runtime.tasks);
  io = {};
  io.kind = engine::IoKind::sync;
  io.owner = &durable;
  io.done = [](engine::Io& request) { static_cast<engine::Signal*>(request.owner)->set(); };
  device.submit(io);
  durable.wait();
}

std::string HandMadeRun::label(Judge judge) {
  const Judgement judgement = judged(judge);
  return judgement.finding ? judgement.finding->label : "nothing";
}

}  // namespace orrery::scenarios
