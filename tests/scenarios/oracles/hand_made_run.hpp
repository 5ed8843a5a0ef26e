// SPDX-License-Identifier: Apache-2.0
// A run that nobody played: a test writes down what is supposed to have happened, and an oracle
// judges it.
//
// Events, operations and requests are added one by one, each at a step of its own. What an oracle
// looks up in the world, such as files, is made by code that really runs in one.
#pragma once

#include <functional>
#include <string>

#include "engine/store/boundaries.hpp"
#include "scenarios/oracles/oracle.hpp"
#include "scenarios/run.hpp"
#include "sim/sources.hpp"

namespace orrery::scenarios {

class HandMadeScenario final : public Scenario {
 public:
  const char* name() const override { return "hand-made"; }
  const char* sentence() const override { return "what a test says"; }
  std::span<const SizeRow> sizes() const override { return {}; }
  void draw(uint64_t, Sizes&) const override {}
  sim::Laws laws(const Sizes&) const override { return {}; }
  bool is_cache(const Sizes&) const override { return cache; }
  bool is_large() const override { return true; }
  void play(Stage& stage) const override {
    if (body) body(stage);
  }

  int64_t pages_kept(const Sizes&, uint32_t) const override { return kept; }

  bool cache = false;
  int64_t kept = 0;  // pages, of a cache that is recovered
  std::function<void(Stage&)> body;
};

/// Puts into the history what no search can decide: additions to `key` that may or may not have
/// happened, and a read of a number that none of their many sums is. All of version 1.
void ask_too_much(History& history, uint64_t key);

class HandMadeRun {
 public:
  /// Pages of 512 bytes, four of them in a ring; sectors of 512 bytes; a throttled snapshot.
  HandMadeRun();
  ~HandMadeRun();
  HandMadeRun(const HandMadeRun&) = delete;
  HandMadeRun& operator=(const HandMadeRun&) = delete;

  HandMadeScenario scenario;
  Plan plan;
  sim::Trace trace;
  History history;
  Run run;

  /// One more event, of a task that has gone through `own` points by then.
  size_t event(uint16_t kind, int64_t a = 0, int64_t b = 0, int64_t c = 0, uint32_t task = 0,
               uint64_t own = 0);
  /// A boundary moves to `value`.
  size_t moves(engine::Boundary which, int64_t value);
  /// An operation of client 0 that begins and ends at the next steps.
  void does(OpKind kind, uint64_t key, uint64_t argument, const Ending& ending,
            uint32_t task = UINT32_MAX);

  /// Runs `body` as a task of the world that the run points to. A process has one world, which all
  /// hand-made runs of a test share: what another has made in it is gone.
  void in_world(const std::function<void(engine::Runtime)>& body);
  /// For in_world(): a file with these bytes; `synced` if they survive anything. Its name is not.
  static void write_file(engine::Runtime runtime, const std::string& name, engine::Bytes bytes,
                         bool synced = true, uint64_t offset = 0);

  Judgement judged(Judge judge) { return judge(run, scratch_); }
  /// The label of what the oracle found; "nothing" if that is so.
  std::string label(Judge judge);

 private:
  sim::Calm calm_;
  OracleScratch scratch_;
  uint64_t step_ = 0;
};

}  // namespace orrery::scenarios
