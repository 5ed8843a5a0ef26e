// SPDX-License-Identifier: Apache-2.0
// The scenarios of an append-only log that dies and recovers. The play is in append_log.cpp, its
// clients in append_log_load.hpp.
#pragma once

#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

class AppendLogScenario : public Scenario {
 public:
  bool reaches(std::string_view bug) const override { return bug == "spec-d24"; }
  std::span<const SizeRow> sizes() const override;
  std::span<const char* const> faults() const override;
  bool loses_power() const override { return true; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }
  sim::Laws laws(const Sizes& sizes) const override;
  std::string unfit(const Sizes& sizes) const override;
  std::optional<Crash> crash(const Sizes& sizes, uint32_t life) const override;
  void play(Stage& stage) const override;
  void draw(uint64_t seed, Sizes& sizes) const override;

 protected:
  ~AppendLogScenario() = default;
};

}  // namespace orrery::scenarios
