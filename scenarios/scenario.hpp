// SPDX-License-Identifier: Apache-2.0
// A scenario: a workload, the sizes it comes in, the faults it invites and the laws of its world.
//
// One file and one row in scenarios/catalogue.cpp. draw() turns a seed into sizes; play() runs as
// the first task of a world, with an engine of its own making, until everything it started has
// ended; the oracles of scenarios/oracles then judge what was seen. A scenario asks no choice,
// judges nothing and keeps no state: all that varies is in the sizes.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/runtime/runtime.hpp"
#include "engine/store/bugs.hpp"
#include "scenarios/history.hpp"
#include "scenarios/sizes.hpp"
#include "sim/world.hpp"

namespace orrery::scenarios {

/// What a run gives to the scenario it plays.
struct Stage {
  engine::Runtime runtime;
  const Sizes& sizes;
  const engine::Bugs& bugs;
  History& history;
  sim::Scheduler& scheduler;  // for steps and progress; nothing that the engine could see
  uint32_t life = 0;          // how often the world has crashed before
};

/// When a life of the store ends, and how.
struct Crash {
  uint64_t steps = 0;  // after its beginning; or after its files changed:
  bool power_lost = false;
  uint64_t names = 0;  // not 0: so many files were made, removed, or had their names synced
};

class Scenario {
 public:
  virtual const char* name() const = 0;
  virtual const char* sentence() const = 0;

  /// Every size of this scenario, in the order in which they are printed.
  virtual std::span<const SizeRow> sizes() const = 0;

  /// Sets every size. The same seed gives the same sizes for ever; `bugs` makes no difference.
  virtual void draw(uint64_t seed, Sizes& sizes) const = 0;

  /// Why these sizes do not go together; empty if they do. Each is inside its own bounds already.
  virtual std::string unfit(const Sizes&) const { return {}; }

  /// Raises what must be larger for these sizes to be safe at rest, as draw() has it: there a
  /// planted bug needs decisions. Who makes other sizes of drawn ones keeps to this.
  virtual void keep_safe(Sizes&) const {}

  /// Names of the faults that are enabled unless the caller says otherwise.
  virtual std::span<const char* const> faults() const { return {}; }

  virtual sim::Laws laws(const Sizes& sizes) const = 0;

  /// Changes how often something happens in a run of this seed, where what the seed draws for all
  /// scenarios would hardly show what this one is there for.
  virtual void shape(uint64_t /*seed*/, sim::Temper&) const {}

  /// True for a log that is a cache: what leaves memory is gone.
  virtual bool is_cache(const Sizes&) const { return false; }

  /// For a cache that recovers: how many pages below that of its tail it keeps in this life.
  virtual int64_t pages_kept(const Sizes&, uint32_t /*life*/) const { return 0; }

  /// False for a planted bug that no run can reach, because the scenario has another subject.
  virtual bool reaches(std::string_view /*bug*/) const { return true; }

  /// True if the world loses power in it. A fault that only shows then is refused elsewhere.
  virtual bool loses_power() const { return false; }

  /// The crash that ends this life, if its work does not; play() is called again afterwards, in the
  /// next life, with what the devices kept. None: this life is the last one.
  virtual std::optional<Crash> crash(const Sizes&, uint32_t /*life*/) const { return {}; }

  /// True if finding something wrong is the point: a canary.
  virtual bool must_fail() const { return false; }

  /// True if its runs depend on more than their plan: a canary for the check of determinism.
  virtual bool is_nondeterministic() const { return false; }

  /// True for the few scenarios that are too large for a campaign of many seeds.
  virtual bool is_large() const { return false; }

  virtual void play(Stage& stage) const = 0;

 protected:
  ~Scenario() = default;  // scenarios are constants
};

/// All scenarios, in catalogue order.
std::span<const Scenario* const> all_scenarios();

/// The scenario of that name, or null.
const Scenario* find_scenario(std::string_view name);

}  // namespace orrery::scenarios
