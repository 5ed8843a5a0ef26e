// SPDX-License-Identifier: Apache-2.0
#include "engine/store/epoch.hpp"

#include <algorithm>

#include "engine/store/events.hpp"

namespace orrery::engine {

Result<void> EpochSlots::initialise(Memory& memory, uint32_t slots) {
  CHECK(slots > 0, "a table without slots lets nobody in");
  TRY_ASSIGN(owners_, Array<Owner>::make(memory, slots, "epoch slots"));
  return {};
}

void EpochSlots::acquire(Tasks& tasks, Self& self) {
  if (self.epoch_slot != 0) {
    ++self.epoch_slot_uses;
    return;
  }
  CHECK(self.id != 0, "a task without an identity cannot enter");
  const size_t count = owners_.size();
  for (size_t tries = 0;; ++tries) {
    const size_t place = (self.id + tries) % count;
    uint64_t owner = 0;
    if (owners_[place].id.compare_exchange(owner, self.id)) {
      self.epoch_slot = static_cast<uint32_t>(place + 1);
      self.epoch_slot_uses = 1;
      break;
    }
    if (tries % (2 * count) == 2 * count - 1) tasks.yield();  // two rounds, and all are taken
  }
  // Before the epoch is announced, so that who does not see this slot may leave it out.
  uint32_t highest = highest_.load();
  while (highest < self.epoch_slot && !highest_.compare_exchange(highest, self.epoch_slot)) {
  }
}

void EpochSlots::release(Self& self) {
  CHECK(self.epoch_slot != 0, "a slot is given back by a task that has none");
  CHECK(self.epoch_slot_uses > 0, "a slot is given back more often than it was taken");
  if (--self.epoch_slot_uses > 0) return;
  const size_t place = self.epoch_slot - 1;
  self.epoch_slot = 0;
  owners_[place].id.store(0, std::memory_order_release);
}

Result<void> EpochTable::initialise(Memory& memory) {
  CHECK(slots_.size() > 0, "the slots come first");
  TRY_ASSIGN(entries_, Array<Entry>::make(memory, slots_.size(), "epoch table"));
  return {};
}

void EpochTable::resume(Self& self) {
  slots_.acquire(tasks_, self);
  Entry& entry = entries_[self.epoch_slot - 1];
  CHECK(entry.owner_slot == 0, "task {} enters an epoch that it is already in", self.id);
  entry.owner_slot = self.epoch_slot;
  announce(self, events::kEpochEntered);
}

void EpochTable::protect_and_drain(Self& self) {
  CHECK(protected_here(self), "task {} refreshes an epoch that it is not in", self.id);
  announce(self, events::kEpochRefreshed);
}

void EpochTable::announce(Self& self, uint16_t kind) {
  // The announcement is sequentially consistent: it is seen before anything this task reads later.
  const int64_t epoch = current_.load();
  entries_[self.epoch_slot - 1].local_epoch.store(epoch);
  note(static_cast<uint16_t>(kind + notes_), epoch);
  if (drain_count_.load() > 0) drain(self, epoch);
}

void EpochTable::suspend(Self& self) {
  leave(self, Stay::work);
  if (drain_count_.load() > 0) suspend_drain(self);
}

void EpochTable::leave(Self& self, Stay stay) {
  CHECK(protected_here(self), "task {} leaves an epoch that it is not in", self.id);
  Entry& entry = entries_[self.epoch_slot - 1];
  entry.owner_slot = 0;  // first: afterwards the entry may be another task's
  entry.local_epoch.store(0);
  note(static_cast<uint16_t>(events::kEpochLeft + notes_), stay == Stay::actions ? 1 : 0);
  slots_.release(self);
}

// The last one out runs what is left. Who finds somebody inside may go: that one will.
void EpochTable::suspend_drain(Self& self) {
  while (drain_count_.load() > 0) {
    if (anybody_protected()) return;
    SOMETIMES(true, "the last task out of the epoch runs the remaining actions");
    resume(self);
    leave(self, Stay::actions);
  }
}

bool EpochTable::protected_here(const Self& self) const {
  return self.epoch_slot != 0 && entries_[self.epoch_slot - 1].owner_slot == self.epoch_slot;
}

void EpochTable::bump(Self& self, const Action& action) {
  CHECK(protected_here(self), "a bump by task {}, which is not protected", self.id);
  CHECK(action.run != nullptr, "a bump without an action");
  const int64_t prior = current_.fetch_add(1);
  if (drain_count_.load() > 0) {
    drain(self, prior + 1);
  } else {
    recompute(prior + 1);
  }
  while (!place(self, action, prior)) {
    SOMETIMES(true, "the drain list of the epoch is full");
    protect_and_drain(self);
    tasks_.yield();
  }
  protect_and_drain(self);
}

// Puts the action into a free slot, or into one whose old action may be run right now.
bool EpochTable::place(Self& self, const Action& action, int64_t prior) {
  for (DrainSlot& slot : drain_) {
    int64_t seen = slot.epoch.load();
    if (seen == kFree) {
      if (!slot.epoch.compare_exchange(seen, kEdited)) continue;
      slot.action = action;
      slot.epoch.store(prior);
      drain_count_.fetch_add(1);
      return true;
    }
    if (seen > safe_.load()) continue;
    if (!slot.epoch.compare_exchange(seen, kEdited)) continue;
    const Action old = slot.action;
    slot.action = action;
    slot.epoch.store(prior);
    run(old, self);
    return true;
  }
  return false;
}

int64_t EpochTable::recompute(int64_t current) {
  int64_t oldest = current;
  const uint32_t highest = slots_.highest();
  for (uint32_t place = 0; place < highest; ++place) {
    const int64_t local = entries_[place].local_epoch.load();
    if (local != 0) oldest = std::min(oldest, local);
  }
  CHECK(oldest > 0, "epoch {} is no epoch", oldest);
  safe_.store(oldest - 1);
  return oldest - 1;
}

void EpochTable::drain(Self& self, int64_t current) {
  const int64_t safe = recompute(current);
  for (DrainSlot& slot : drain_) {
    int64_t epoch = slot.epoch.load();
    if (epoch > safe) continue;
    if (!slot.epoch.compare_exchange(epoch, kEdited)) continue;
    const Action action = slot.action;
    slot.action = {};
    slot.epoch.store(kFree);
    drain_count_.fetch_sub(1);
    run(action, self);
    if (drain_count_.load() == 0) return;
  }
}

void EpochTable::run(const Action& action, Self& self) {
  CHECK(action.run != nullptr, "an action of the epoch is empty");
  const Actor actor(action.name);
  action.run(action.context, action.argument, self);
}

void EpochTable::mark(const Self& self, Marker marker, uint64_t version) {
  CHECK(protected_here(self), "task {} marks an epoch that it is not in", self.id);
  Atomic<uint64_t>& word = entries_[self.epoch_slot - 1].markers[static_cast<size_t>(marker)];
  word.store(version);
}

bool EpochTable::check_complete(Marker marker, uint64_t version) const {
  CHECK(static_cast<size_t>(marker) < kMarkers, "no such marker");
  const uint32_t highest = slots_.highest();
  for (uint32_t place = 0; place < highest; ++place) {
    const Entry& entry = entries_[place];
    if (entry.local_epoch.load() == 0) continue;
    if (entry.markers[static_cast<size_t>(marker)].load() != version) return false;
  }
  return true;
}

bool EpochTable::anybody_protected() const {
  const uint32_t highest = slots_.highest();
  for (uint32_t place = 0; place < highest; ++place) {
    if (entries_[place].local_epoch.load() != 0) return true;
  }
  return false;
}

// First those who came before, who may still bump; then what they left to be done; then whoever is
// just doing that.
void EpochTable::wait_until_empty(Self& self) {
  wait_for_all_to_leave();
  while (drain_count_.load() > 0) {
    resume(self);
    suspend(self);
    tasks_.yield();
  }
  wait_for_all_to_leave();
}

// One after the other: who was seen outside once may be inside again, but not with what he had.
void EpochTable::wait_for_all_to_leave() {
  const uint32_t highest = slots_.highest();
  for (uint32_t place = 0; place < highest; ++place) {
    while (entries_[place].local_epoch.load() != 0) tasks_.yield();
  }
}

bool EpochTable::quiet() const { return drain_count_.load() == 0 && !anybody_protected(); }

}  // namespace orrery::engine
