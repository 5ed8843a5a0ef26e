// SPDX-License-Identifier: Apache-2.0
// One run: a plan goes in, a world is built and a scenario played in it, oracles judge, and a Run
// comes out.
//
// A Plan is a tape, or a seed and what was said about it. A Run is a value to look at: oracles and
// reports read it and never touch the world. It is valid until the runner's next run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/history.hpp"
#include "scenarios/plan.hpp"
#include "sim/tape.hpp"

namespace orrery::scenarios {

enum class Verdict : uint8_t { ok, failed, inconclusive };

/// A broken promise, with its evidence.
struct Finding {
  std::string oracle;  // a name of the oracle catalogue
  std::string label;   // what was broken, in words without numbers
  std::string text;    // the same with the numbers of this run
  uint64_t step = 0;
  int64_t now_ns = 0;
  uint32_t task = sim::kNobody;    // index into trace.tasks
  std::vector<size_t> events;      // indices into trace.events
  std::vector<size_t> operations;  // indices into the history
  uint64_t generation = 0;         // the page lifetime that was misused; 0 = none
  uint64_t touching = 0;           // the page lifetime that was really touched; 0 = none
  uint64_t request = UINT64_MAX;   // index into trace.requests
  sim::Site site;
  std::string role;  // the label of the actor that was at it; empty for the world and for oracles

  /// The name under which the same failure is found again: oracle, label and role.
  std::string signature;
};

/// What was seen in one run. The references are into the runner.
struct Run {
  const Plan* plan = nullptr;
  Verdict verdict = Verdict::ok;
  std::optional<Finding> finding;
  std::string not_judged;  // why the verdict is inconclusive; else empty
  uint64_t digest = 0;
  uint64_t steps = 0;
  uint64_t points = 0;
  uint64_t switches = 0;
  int64_t virtual_ns = 0;
  bool completed = false;         // everything that was started has ended
  std::vector<uint64_t> reached;  // by row of engine::kBugs; 0 where the switch was off
  const sim::Trace* trace = nullptr;
  const sim::World* world = nullptr;
  const History* history = nullptr;

  /// The deviations that took effect, in order.
  const std::vector<sim::Taken>& taken() const { return trace->taken; }
};

/// Plays runs one after the other in one world. One per process.
class Runner {
 public:
  Runner();
  ~Runner();

  const Run& play(const Plan& plan);
  /// The same with choices from elsewhere: what the plan says about them does not count.
  const Run& play(const Plan& plan, sim::Source& source);

  /// Fatal signals are left to a debugger (--abort).
  void leave_signals_alone(bool alone);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The tape that replays `run`: its plan with the deviations that took effect.
sim::Tape tape_of(const Run& run);

const char* name_of(Verdict verdict);

/// The revision of the source that this binary was built from.
std::string_view revision();

}  // namespace orrery::scenarios
