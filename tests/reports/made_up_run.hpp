// SPDX-License-Identifier: Apache-2.0
// A small run that nobody played: two tasks, a page that is retired while a device still reads it,
// and one deviation of each kind that a story tells. For golden files: its places in the source are
// made up, and its numbers never change.
#pragma once

#include "reports/catalogue.hpp"
#include "scenarios/run.hpp"

namespace orrery::reports {

class MadeUpScenario final : public scenarios::Scenario {
 public:
  const char* name() const override { return "made-up"; }
  const char* sentence() const override { return "a run that nobody played"; }
  std::span<const scenarios::SizeRow> sizes() const override;
  void draw(uint64_t, scenarios::Sizes& sizes) const override;
  sim::Laws laws(const scenarios::Sizes&) const override { return {}; }
  void play(scenarios::Stage&) const override {}
};

/// Owns everything that the run points to.
struct MadeUpRun {
  MadeUpScenario scenario;
  scenarios::Plan plan;
  sim::Trace trace;
  scenarios::History history;
  scenarios::Run run;

  MadeUpRun();
  MadeUpRun(const MadeUpRun&) = delete;
  MadeUpRun& operator=(const MadeUpRun&) = delete;

 private:
  void happen();
};

}  // namespace orrery::reports
