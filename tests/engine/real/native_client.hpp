// SPDX-License-Identifier: Apache-2.0
// One client of a store on the machine: a session, and a stream of operations that follows from its
// number.
//
// It notes both ends of each operation, in an order of real time that a counter gives which all
// clients share. It judges nothing but what an operation must not say at all.
#pragma once

#include <array>
#include <atomic>

#include "engine/store/store.hpp"
#include "scenarios/history.hpp"

namespace orrery::tests {

/// What a client writes down, of one client alone.
class Notebook {
 public:
  /// Before the engine is called; `operation` says what is asked, and when. Returns the name of the
  /// note for end().
  virtual size_t begin(const scenarios::Operation& operation) = 0;
  virtual void end(size_t note, const scenarios::Ending& ending) = 0;

 protected:
  ~Notebook() = default;
};

/// Gives each call a step of its own.
uint64_t next_step(std::atomic<uint64_t>& clock);

struct ClientOptions {
  uint32_t id = 0;         // of the session
  uint64_t keys = 0;       // it uses
  uint64_t value_max = 0;  // bytes
  uint64_t written = 0;    // numbers that it had given out before
};

class NativeClient {
 public:
  /// Requires: all that is referred to outlives it.
  NativeClient(engine::Store& store, std::atomic<uint64_t>& clock, Notebook& notes,
               const ClientOptions& options)
      : store_(store),
        clock_(clock),
        notes_(notes),
        options_(options),
        written_(options.written),
        state_(uint64_t{options.id} * 7919 + 1 + options.written) {}

  void open();
  void close() { session_->close(); }
  /// Some operation on some key.
  void do_one();
  void read_all();
  /// To every key it looks like an erase.
  void empty_store();

  /// The next number of its stream, below `bound`.
  uint64_t draw(uint64_t bound);
  /// Operations that said they failed.
  int failures() const { return failures_; }

 private:
  struct Asked {
    bool answered = false;
    engine::OpResult result;
  };

  void prefetch();
  void upsert(uint64_t key);
  void add(uint64_t key, uint64_t amount);
  void erase(uint64_t key);
  void read(uint64_t key);
  engine::Bytes name_of(uint64_t key);
  size_t begin(scenarios::OpKind kind, uint64_t key, uint64_t argument);
  engine::OpResult wait(const engine::OpResult& first, const Asked& asked);
  void end(size_t note, const engine::OpResult& result, uint64_t number, bool garbage);

  static constexpr size_t kKeyMax = 32;
  static constexpr size_t kValueMax = 512;

  engine::Store& store_;
  std::atomic<uint64_t>& clock_;
  Notebook& notes_;
  ClientOptions options_;
  uint64_t written_;
  uint64_t state_;
  int failures_ = 0;
  engine::Owned<engine::Session> session_;
  std::array<std::byte, kKeyMax> key_room_{};
  std::array<std::byte, kValueMax> value_room_{};
};

}  // namespace orrery::tests
