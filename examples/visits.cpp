// SPDX-License-Identifier: Apache-2.0
// visits FOLDER NAME...: counts each name once more, durably, and says how often it came so far.
#include <cstdio>

#include "engine/real/machine.hpp"
#include "engine/store/store.hpp"

using namespace orrery::engine;

/// Adds one to a number. The store may ask for it more than once.
struct Increment final : Modifier {
  uint64_t count = 0;  // afterwards
  size_t initial_size() override { return sizeof count; }
  size_t updated_size(Bytes) override { return sizeof count; }
  void initialise(MutableBytes now) override { put(now.data(), count = 1); }
  void update(Bytes old, MutableBytes now) override {
    put(now.data(), count = get<uint64_t>(old.data()) + 1);
  }
};

static Result<void> count(Store& store, Session& session, const char* name) {
  Increment increment;
  OpResult later;
  OpResult result = session.rmw(bytes_of(name), increment, &later);
  if (result.status == Status::pending) {  // its record had left memory
    session.complete_pending(true);
    result = later;
  }
  if (result.status == Status::failed) return result.error;
  TRY(store.commit_log());  // durable from here on: now it may be told
  std::printf("%s %llu\n", name, static_cast<unsigned long long>(increment.count));
  return {};
}

static Result<void> run(const char* folder, char** names) {
  TRY_ASSIGN(const auto machine, Machine::open({folder}));
  const StoreOptions options{.page_bits = 16, .memory_bits = 22, .log_operations = true};
  const Bugs none;
  auto opened = Store::recover(machine->runtime(), options, none);
  if (!opened && opened.error().code == Errc::not_found) {
    opened = Store::open(machine->runtime(), options, none);
  }
  TRY_ASSIGN(const auto store, std::move(opened));
  SessionOptions client;
  client.completed = [](void* later, const OpResult& result) {
    *static_cast<OpResult*>(later) = result;
  };
  TRY_ASSIGN(const auto session, store->start_session(client));
  for (; *names != nullptr; ++names) TRY(count(*store, *session, *names));
  return {};
}

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("usage: visits FOLDER NAME...\n", stderr), 2;
  const Result<void> done = run(argv[1], argv + 2);
  if (!done) std::fprintf(stderr, "visits: %s\n", done.error().what);
  return done ? 0 : 1;
}
