// SPDX-License-Identifier: Apache-2.0
// A store on the machine under load: sessions on threads, checkpoints meanwhile, all written down.
//
// In come the store's options and the sizes of the load, which are counts and never times. Out come
// the history of all operations, in an order of real time that a shared counter gives, and what is
// known of each checkpoint. It judges nothing but what an operation must not say at all.
#pragma once

#include <vector>

#include "engine/real/machine.hpp"
#include "engine/store/store.hpp"
#include "scenarios/history.hpp"

namespace orrery::tests {

struct NativeLoad {
  engine::StoreOptions options;
  uint32_t sessions = 4;
  uint64_t operations = 6'000;  // of each session: longer than a thread runs undisturbed
  uint64_t flush_every = 0;     // operations of a session between two flushes of the log; 0 = never
  uint64_t commit_every = 0;    // the same for commits of the log of operations
  uint64_t checkpoints = 3;
  uint64_t resets = 0;  // how often the store is emptied; what a checkpoint held is then gone
  uint64_t keys = 64;
  uint64_t value_max = 64;  // bytes
};

struct NativeCheckpoint {
  engine::CheckpointResult result;
  uint64_t written_by = 0;  // by then all its files were complete
};

struct NativeRun {
  std::vector<scenarios::Operation> operations;  // in the order in which they began
  std::vector<NativeCheckpoint> checkpoints;
  int failures = 0;  // operations, checkpoints or flushes that said they failed
  bool evicted = false;
};

/// Opens a store, plays the load, reads every key once more, commits what it logs, closes the
/// store.
NativeRun play_natively(engine::Machine& machine, const NativeLoad& load);

/// Recovers a store that has logged such a load, and reads every key.
std::vector<scenarios::Operation> recover_natively(engine::Machine& machine,
                                                   const NativeLoad& load);

}  // namespace orrery::tests
