// SPDX-License-Identifier: Apache-2.0
// Stores that log their operations, one after the other on one storage, and words for what tests do
// with them.
#pragma once

#include "engine/store/names.hpp"
#include "engine/store/operation_log.hpp"
#include "tests/engine/store/store_fixture.hpp"

namespace orrery::engine::testing {

inline StoreOptions logging_options(bool fast = false) {
  StoreOptions options = small_options(false);
  options.log_operations = true;
  options.log_page_bits = 9;
  options.log_memory_bits = 11;  // four pages
  options.log_fast_commit = fast;
  options.segment_bits = 10;
  options.checkpoints_kept = 1;
  return options;
}

/// One storage, and the stores that live on it one after the other.
class LoggingLives {
 public:
  explicit LoggingLives(const StoreOptions& some_options) : options(some_options) { open(); }

  void open() { take(Store::open(plain.runtime(), options, bugs)); }
  Result<void> try_recover() {
    auto recovered = Store::recover(plain.runtime(), options, bugs);
    if (!recovered) return recovered.error();
    take(std::move(recovered));
    return {};
  }
  void recover() {
    const auto recovered = try_recover();
    INFO((recovered ? "" : recovered.error().what));
    REQUIRE(recovered);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, device] : plain.devices) all.push_back(name);
    return all;
  }
  /// The process dies. Nothing is committed by that.
  void die() {
    session->close();
    session = {};
    store->close();
    store = {};
  }
  void close() {
    die();
    CHECK(plain.live_blocks == 0);
    CHECK(plain.live_frames == 0);
  }

  OpResult set(const std::string& key, const std::string& value) {
    const OpResult result = session->upsert(bytes_of(key), bytes_of(value));
    REQUIRE(result.status == Status::ok);
    CHECK(result.log_address > last_entry);
    last_entry = result.log_address;
    model[key] = value;
    return result;
  }
  OpResult erase(const std::string& key) {
    const OpResult result = session->erase(bytes_of(key));
    REQUIRE(result.status == Status::ok);
    CHECK(result.log_address > last_entry);
    last_entry = result.log_address;
    model.erase(key);
    return result;
  }
  OpResult add(const std::string& key, uint64_t amount) {
    Adder adder(amount, amount % 3);
    OpResult later;
    OpResult result = session->rmw(bytes_of(key), adder, &later);
    if (result.status == Status::pending) {
      session->complete_pending(true);
      result = later;
    }
    REQUIRE(result.status == Status::ok);
    CHECK(result.log_address > last_entry);
    last_entry = result.log_address;
    model[key] = read(key);
    return result;
  }
  void fill(int first, int last, const std::string& mark) {
    for (int i = first; i < last; ++i) set(key_of(i), mark + value_of(i));
  }
  LogAddr commit() {
    const auto until = store->commit_log();
    INFO((until ? "" : until.error().what));
    REQUIRE(until);
    CHECK(*until >= last_entry);
    return *until;
  }
  uint64_t checkpoint(const CheckpointRequest& request = {}) {
    const auto ticket = store->start_checkpoint(request);
    REQUIRE(ticket);
    const auto ended = store->wait_checkpoint(*ticket);
    INFO((ended ? "" : ended.error().what));
    REQUIRE(ended);
    last_checkpoint = ended->info;
    return ticket->token;
  }
  std::string read(const std::string& key) {
    const Answer answer = ask(*session, key);
    CHECK(answer.result.log_address == 0);
    return answer.value;
  }
  /// Each key that was ever used holds what the model says.
  void check(const Model& wanted, int keys) { check_contents(*this, wanted, keys); }
  PlainDevice& device() { return *plain.devices.at("db/aof/log"); }

  StoreOptions options;
  Bugs bugs;
  PlainRuntime plain;
  Owned<Store> store;
  Owned<Session> session;
  Model model;
  CheckpointInfo last_checkpoint;
  LogAddr last_entry = 0;

 private:
  void take(Result<Owned<Store>> opened) {
    INFO((opened ? "" : opened.error().what));
    REQUIRE(opened);
    store = std::move(*opened);
    session = started_session(*store);
    last_entry = 0;
  }
};

}  // namespace orrery::engine::testing
