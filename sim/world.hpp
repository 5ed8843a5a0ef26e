// SPDX-License-Identifier: Apache-2.0
// One simulated universe: builds a Runtime, runs something in it, and keeps what was seen.
//
// A World is made once and used for many runs: begin() forgets the run before in place, by clearing
// what was touched. In goes a Source of choices and the laws; out come a trace, a digest, the
// deviations taken, and perhaps a Failure. It judges nothing but what cannot wait: memory,
// deadlock, failed checks. It knows no engine.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/runtime/runtime.hpp"
#include "sim/device.hpp"
#include "sim/frames.hpp"
#include "sim/heap.hpp"
#include "sim/labels.hpp"
#include "sim/scheduler.hpp"
#include "sim/signals.hpp"

namespace orrery::sim {

struct Laws {
  Pace pace;
  DiskLaws disk;
  bool guarded =
      false;  // frames and blocks behind guard pages: what is wrong is a real access violation
  // Memory is laid out the other way round: other addresses, in another order. What happens must be
  // the same, or the subject depends on addresses.
  bool mirrored = false;
  bool checked = true;    // the accessor verifies pages
  bool detailed = false;  // every point is in the trace
};

class World {
 public:
  /// Why no world can be made on this machine, in one line with what would help; empty if one can.
  static std::string unfit_machine();

  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Requires: source and faults live until the run is over.
  void begin(Source& source, const Laws& laws, std::span<Fault* const> faults);

  engine::Runtime runtime() { return {scheduler_, scheduler_, disk_, frames_, heap_}; }

  /// Runs a task and all that it starts, to the end. May be called again after a crash.
  void run(Name name, void (*body)(void*), void* argument);

  /// The incarnation is forgotten: its tasks are gone, its memory and frames too, no code of it
  /// runs any more. The devices keep what they accepted; with `power_lost`, what was durable and a
  /// legal choice of the rest.
  void crash(bool power_lost);

  Scheduler& scheduler() { return scheduler_; }
  const Scheduler& scheduler() const { return scheduler_; }
  Disk& disk() { return disk_; }
  const Disk& disk() const { return disk_; }
  const Heap& heap() const { return heap_; }
  const FrameTable& frames() const { return frames_; }
  const Trace& trace() const { return trace_; }
  uint64_t digest() const { return scheduler_.digest; }
  /// A guarded run had more pages or blocks than there are guards for: the last of them had none.
  bool guards_ran_out() const { return frames_.guards_ran_out() || heap_.guards_ran_out(); }

  /// Signals are left to the debugger.
  void leave_signals_alone(bool alone) { signals_.leave_alone(alone); }

 private:
  static void landed(Scheduler& scheduler, const CaughtSignal& signal);
  static void check_failed(const engine::CheckFailure& failure);

  Trace trace_;
  Labels labels_;
  Scheduler scheduler_{trace_, labels_};
  Heap heap_{scheduler_};
  FrameTable frames_{scheduler_, trace_};
  Disk disk_{{scheduler_, trace_, labels_, heap_, frames_}};
  SignalCatcher signals_{&World::landed};
  Laws laws_;
};

}  // namespace orrery::sim
