// SPDX-License-Identifier: Apache-2.0
// A small store in a plain runtime, a session, and words for what tests do with them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/store/store.hpp"
#include "tests/catch.hpp"
#include "tests/engine/store/plain_runtime.hpp"

namespace orrery::engine::testing {

inline StoreOptions small_options(bool null_main) {
  StoreOptions options;
  options.page_bits = 9;
  options.memory_bits = 12;  // eight pages
  options.mutable_permille = 500;
  options.index_bits = 4;
  options.sector_size = 64;
  options.segment_bits = 20;
  options.epoch_slots = 8;
  options.main_is_null = null_main;
  options.prefix = "db";
  return options;
}

/// Adds to a number, or starts at it. Grows the value by a byte when asked to.
class Adder final : public Modifier {
 public:
  explicit Adder(uint64_t amount, size_t growth = 0) : amount_(amount), growth_(growth) {}
  size_t initial_size() override { return 8; }
  void initialise(MutableBytes now) override { put(now.data(), amount_); }
  size_t updated_size(Bytes old) override { return old.size() + growth_; }
  void update(Bytes old, MutableBytes now) override {
    std::memcpy(now.data(), old.data(), old.size());
    put(now.data(), get<uint64_t>(old.data()) + amount_);
  }

 private:
  uint64_t amount_;
  size_t growth_;
};

/// A session that copies what became of an operation into the context that came with it.
inline Owned<Session> started_session(Store& store) {
  SessionOptions options;
  options.id = 1;
  options.completed = [](void* context, const OpResult& result) {
    *static_cast<OpResult*>(context) = result;
  };
  auto started = store.start_session(options);
  REQUIRE(started);
  return std::move(*started);
}

using Model = std::map<std::string, std::string>;

struct Answer {
  std::string value;  // or what went wrong, in angle brackets
  OpResult result;
  bool was_pending = false;
};

/// The value of a key, waiting for the device if needed.
inline Answer ask(Session& session, std::string_view key) {
  Answer answer;
  answer.value.resize(1000);
  OpResult later;
  const MutableBytes room{reinterpret_cast<std::byte*>(answer.value.data()), answer.value.size()};
  answer.result = session.read(bytes_of(key), room, &later);
  answer.was_pending = answer.result.status == Status::pending;
  if (answer.was_pending) {
    session.complete_pending(true);
    answer.result = later;
  }
  const OpResult& result = answer.result;
  answer.value.resize(result.value_size);
  if (result.status == Status::not_found) answer.value = "<none>";
  if (result.status == Status::failed) {
    answer.value = "<" + std::string(name_of(result.error.code)) + ">";
  }
  return answer;
}

struct Fixture {
  explicit Fixture(const StoreOptions& options) : Fixture(options, Bugs{}) {}
  Fixture(const StoreOptions& options, const Bugs& some_bugs) : bugs(some_bugs) {
    auto opened = Store::open(plain.runtime(), options, bugs);
    REQUIRE(opened);
    store = std::move(*opened);
    session = started_session(*store);
  }

  /// Closes everything and looks for what was left behind.
  void close() {
    session->close();
    session = {};
    store->close();
    store = {};
    CHECK(plain.live_blocks == 0);
    CHECK(plain.live_frames == 0);
    CHECK(plain.queue_size() == 0);
  }

  OpResult upsert(std::string_view key, std::string_view value) {
    return session->upsert(bytes_of(key), bytes_of(value));
  }
  OpResult erase(std::string_view key) { return session->erase(bytes_of(key)); }

  /// The value of a key, waiting for the device if needed; or what went wrong, in angle brackets.
  std::string read(std::string_view key) {
    const Answer answer = ask(*session, key);
    last_was_pending = answer.was_pending;
    last = answer.result;
    return answer.value;
  }
  uint64_t number(std::string_view key) {
    const std::string text = read(key);
    REQUIRE(text.size() >= 8);
    return get<uint64_t>(reinterpret_cast<const std::byte*>(text.data()));
  }
  OpResult add(std::string_view key, uint64_t amount, size_t growth = 0) {
    Adder adder(amount, growth);
    OpResult later;
    const OpResult result = session->rmw(bytes_of(key), adder, &later);
    last_was_pending = result.status == Status::pending;
    if (!last_was_pending) return result;
    session->complete_pending(true);
    return later;
  }
  LogAddr at(Boundary which) const { return store->log().load(which); }

  /// The chain of boundaries, as it must always be.
  void check_chain() const {
    CHECK(at(Boundary::closed) <= at(Boundary::safe_head));
    CHECK(at(Boundary::safe_head) <= at(Boundary::head));
    CHECK(at(Boundary::head) <= at(Boundary::flushed));
    CHECK(at(Boundary::flushed) <= at(Boundary::safe_ro));
    CHECK(at(Boundary::safe_ro) <= at(Boundary::ro));
    CHECK(at(Boundary::ro) <= store->log().tail());
  }

  PlainRuntime plain;
  Bugs bugs;
  Owned<Store> store;
  Owned<Session> session;
  OpResult last;
  bool last_was_pending = false;
};

inline std::string key_of(int number) { return "key-" + std::to_string(number); }
inline std::string value_of(int number, size_t size = 20) {
  std::string value = "value-" + std::to_string(number);
  value.resize(size, '.');
  return value;
}

/// Each key that was ever used holds what the model says.
template <typename Reader>
void check_contents(Reader& reader, const Model& wanted, int keys) {
  for (int i = 0; i < keys; ++i) {
    const auto found = wanted.find(key_of(i));
    INFO(key_of(i));
    REQUIRE(reader.read(key_of(i)) == (found == wanted.end() ? "<none>" : found->second));
  }
}

}  // namespace orrery::engine::testing
