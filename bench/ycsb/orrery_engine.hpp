// SPDX-License-Identifier: Apache-2.0
// Our store as a benchmark opens it: each of its threads has a session.
#pragma once

#include "bench/ycsb/engine.hpp"
#include "engine/real/machine.hpp"
#include "engine/store/store.hpp"

namespace orrery::bench {

class OrreryEngine final : public Engine {
 public:
  /// With `recovered`, what its newest checkpoint holds.
  static std::unique_ptr<OrreryEngine> open(const EngineOptions& options,
                                            const engine::StoreOptions& store,
                                            bool recovered = false);
  ~OrreryEngine() override;

  std::string name() const override { return "orrery"; }
  bool can_scan() const override { return false; }  // a hash index has no order
  std::unique_ptr<Client> client(uint64_t number) override;
  void settle() override;

  engine::Store& store() { return *store_; }

 private:
  EngineOptions options_;
  const engine::Bugs bugs_;
  std::unique_ptr<engine::Machine> machine_;
  engine::Owned<engine::Store> store_;
};

/// Sizes for so many records: what is in memory is all in memory, and an index with an entry for
/// each of them and a half more.
engine::StoreOptions store_options(const EngineOptions& options);

}  // namespace orrery::bench
