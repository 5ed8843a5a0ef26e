// SPDX-License-Identifier: Apache-2.0
// Epoch protection: who may still hold on to what he read a moment ago.
//
// A task that is inside the store is *protected*: its entry in the table names the epoch in which
// it last looked around. bump(action) starts a new epoch, and the action runs once every task that
// was protected before has looked around again or left: on whichever protected task notices first,
// at any place where it enters, refreshes, bumps or leaves. Actions run once each, in no order, and
// may bump themselves. There is no thread behind this; the last one out runs what is left.
//
// A task's place in the table is its slot. One EpochSlots may serve several tables: a task that is
// protected in two of them has the same slot in both.
#pragma once

#include <array>
#include <cstdint>

#include "engine/runtime/memory.hpp"
#include "engine/runtime/points.hpp"
#include "engine/runtime/tasks.hpp"

namespace orrery::engine {

/// What a bump leaves to be done. The context outlives it.
struct Action {
  void (*run)(void* context, int64_t argument, Self& self) = nullptr;
  void* context = nullptr;
  int64_t argument = 0;
  Name name;  // the actor that owns what the action does
};

/// Who has which slot.
class EpochSlots {
 public:
  Result<void> initialise(Memory& memory, uint32_t slots);
  /// Gives the task a slot, or another use of the one it has. Waits while all are taken.
  void acquire(Tasks& tasks, Self& self);
  void release(Self& self);
  uint32_t size() const { return static_cast<uint32_t>(owners_.size()); }
  /// Slots above this were never used: nobody need look at them.
  uint32_t highest() const { return highest_.load(); }

 private:
  // Each operation writes its own: in one cache line two tasks would wait for each other.
  struct alignas(64) Owner {
    Atomic<uint64_t> id{0};  // Self::id, or 0
  };
  Array<Owner> owners_;  // slot n is owners_[n - 1]
  Atomic<uint32_t> highest_{0};
};

/// The markers by which the phases of a checkpoint know that every protected task has seen them.
enum class Marker : uint8_t { prepare, in_progress, unused, wait_flush, persistence_callback };
inline constexpr size_t kMarkers = 6;

class EpochTable {
 public:
  /// `notes` is added to the kind of every event of this table.
  EpochTable(Tasks& tasks, EpochSlots& slots, uint16_t notes = 0)
      : tasks_(tasks), slots_(slots), notes_(notes) {}
  Result<void> initialise(Memory& memory);

  /// Enters. Requires: the task is not protected here.
  void resume(Self& self);
  /// Leaves; runs waiting actions if nobody else is inside.
  void suspend(Self& self);
  /// Looks around: what was read before may no longer be used. May run actions.
  void protect_and_drain(Self& self);
  bool protected_here(const Self& self) const;

  /// Requires: protected. May run this action and others before it returns.
  void bump(Self& self, const Action& action);

  void mark(const Self& self, Marker marker, uint64_t version);
  /// True if every protected task has this marker.
  bool check_complete(Marker marker, uint64_t version) const;

  /// Returns once every task that is inside has been outside, and all actions have been run.
  /// Requires: not protected; whoever comes in meanwhile leaves again without a bump.
  void wait_until_empty(Self& self);

  /// True if nobody is inside and nothing waits to be run.
  bool quiet() const;

 private:
  static constexpr int64_t kFree = INT64_MAX;
  static constexpr int64_t kEdited = INT64_MAX - 1;
  static constexpr size_t kDrainSlots = 16;

  struct alignas(64) Entry {
    Atomic<int64_t> local_epoch{0};  // 0 = not protected
    uint32_t owner_slot = 0;         // only its owner looks: the slot while protected here, else 0
    std::array<Atomic<uint64_t>, kMarkers> markers{};
  };
  struct DrainSlot {
    Atomic<int64_t> epoch{kFree};
    Action action;  // belongs to who has set `epoch` to kEdited
  };

  /// Tells everybody in which epoch this task is, and runs what may be run; `kind` is the event.
  void announce(Self& self, uint16_t kind);
  int64_t recompute(int64_t current);
  void drain(Self& self, int64_t current);
  enum class Stay : uint8_t { work, actions };  // what a task was inside for
  void leave(Self& self, Stay stay);
  void suspend_drain(Self& self);
  bool place(Self& self, const Action& action, int64_t prior);
  bool anybody_protected() const;
  void wait_for_all_to_leave();
  static void run(const Action& action, Self& self);

  Tasks& tasks_;
  EpochSlots& slots_;
  uint16_t notes_;
  Array<Entry> entries_;  // slot n is entries_[n - 1]
  std::array<DrainSlot, kDrainSlots> drain_{};
  Atomic<uint32_t> drain_count_{0};
  Atomic<int64_t> current_{1};
  Atomic<int64_t> safe_{0};  // actions of this epoch and older may run; may go back, harmlessly
};

/// Protected for a scope, if the task was not already: device completions may come inline.
class EpochGuard {
 public:
  EpochGuard(EpochTable& epoch, Self& self)
      : epoch_(epoch), self_(self), entered_(!epoch.protected_here(self)) {
    if (entered_) epoch_.resume(self_);
  }
  ~EpochGuard() {
    if (entered_) epoch_.suspend(self_);
  }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;

 private:
  EpochTable& epoch_;
  Self& self_;
  bool entered_;
};

}  // namespace orrery::engine
