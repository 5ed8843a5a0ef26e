// SPDX-License-Identifier: Apache-2.0
// How far every session has come: those that are open, those that were closed, and those that a
// checkpoint or a log of operations knows of. A checkpoint says it of each of them, so that a
// client finds out after a crash, whenever it comes back, which of its operations are there.
//
// Nothing here waits or is visible: whoever owns it guards it. A session is remembered until it is
// forgotten on purpose.
#pragma once

#include <cstdint>
#include <span>

#include "engine/runtime/atomic.hpp"
#include "engine/runtime/memory.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/system_state.hpp"

namespace orrery::engine {

/// A session as the driver sees it.
struct SessionView {
  uint64_t id = 0;
  Phase phase = Phase::rest;  // only the session uses these two
  uint64_t version = 0;
  Atomic<uint64_t> entered_version{0};
  Atomic<uint64_t> serial{0};         // operations finished, with whatever answer
  Atomic<uint64_t> commit_serial{0};  // those finished before it entered `entered_version`
};

/// One session. While it is open its view says how far it is.
struct KnownSession {
  uint64_t id = 0;
  uint64_t version = 0;        // that it had entered last
  uint64_t serial = 0;         // operations finished
  uint64_t commit_serial = 0;  // those finished before it entered `version`
  uint64_t captured = 0;   // operations that the checkpoint under way holds, once it is described
  uint64_t committed = 0;  // that the newest committed checkpoint of the log holds
  SessionView* open = nullptr;
};

class SessionPoints {
 public:
  explicit SessionPoints(Memory& memory) : memory_(memory) {}

  /// What is known of a session; null if that is nothing.
  KnownSession* find(uint64_t id);
  /// The same, made if it was not there, with all numbers 0. Errors: no_memory.
  Result<KnownSession*> find_or_add(uint64_t id);
  /// Requires: it is known, and not open.
  void forget(uint64_t id);

  /// In the order in which they were first heard of.
  std::span<KnownSession> all() { return {known_.data(), count_}; }

 private:
  Memory& memory_;
  Array<KnownSession> known_;
  size_t count_ = 0;
};

}  // namespace orrery::engine
