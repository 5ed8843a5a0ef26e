// SPDX-License-Identifier: Apache-2.0
// Emptying a store that is in use (engine-spec 1.10, with what it lacks: nobody is inside, and
// nothing is under way, when addresses go back).
//
// First everybody is asked to wait outside: a session that looks around finds the state word at
// RESET, leaves the epoch, and comes back when it is over. What was handed to a device is waited
// for: page writes, and reads of pending operations, which afterwards start anew. Then the
// checkpoints go, durably, or are void because a log of operations says so; and only then the
// contents, which nothing can stop any more.
#include "engine/store/events.hpp"
#include "engine/store/store.hpp"

namespace orrery::engine {

Result<LogAddr> Store::reset() {
  CHECK(open_, "a closed store is emptied");
  const Lock lock(reset_mutex_);
  Self& self = runtime_.tasks.self();
  CHECK(!epoch_.protected_here(self), "a store is emptied from inside of it");
  driver_.begin_reset();
  const auto emptied = empty(self);
  SOMETIMES(!emptied, "a store could not be emptied");
  // Whoever waits for a flush or a page waits for something that is gone.
  log_.flusher().wake_all();
  driver_.end_reset();
  return emptied;
}

Result<LogAddr> Store::empty(Self& self) {
  if (!bugs_.spec_d14()) epoch_.wait_until_empty(self);
  snapshot_.wait_until_idle();
  index_writer_.wait_until_idle();
  log_.flusher().close();
  reads_.wait_for_none();
  TRY(log_.prepare_reset(options_.first_address));
  TRY_ASSIGN(const LogAddr place, driver_.remove_all());
  generation_.fetch_add(1);
  keeps_from_.store(0);
  index_.clear();
  log_.reset(options_.first_address);
  note(events::kStoreEmptied, static_cast<int64_t>(driver_.version()));
  return place;
}

// A reset that begins after the look waits for this read.
bool Store::begin_read(uint64_t generation) {
  reads_.add();
  if (!driver_.resetting() && generation_.load() == generation) return true;
  reads_.remove();
  return false;
}

}  // namespace orrery::engine
