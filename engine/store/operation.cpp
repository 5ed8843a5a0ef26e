// SPDX-License-Identifier: Apache-2.0
// The loop around the attempts of an operation, the making of a record, and the entry that tells of
// it.
#include "engine/store/operation.hpp"

#include <algorithm>

#include "engine/store/events.hpp"
#include "engine/store/store.hpp"

namespace orrery::engine {
namespace {

// So far behind a new record memory is fetched for those that follow: the exchange that links a
// record waits until the processor has written it.
constexpr uintptr_t kExpected = 512;

}  // namespace

OperationRun::OperationRun(Session& session, Operation& operation)
    : session_(session),
      store_(session.store_),
      log_(session.store_.log_),
      view_(session.view_),
      operation_(operation),
      self_(session.store_.runtime_.tasks.self()) {}

OpResult OperationRun::execute() {
  store_.epoch_.resume(self_);
  store_.driver_.refresh(self_, view_);
  for (;;) {
    const Outcome outcome = attempt();
    if (outcome == Outcome::done) break;
    if (outcome == Outcome::on_disk) {
      result_.status = Status::pending;
      break;
    }
    wait_for(outcome);
  }
  // An allocation that no attempt could use stays behind as an invalid record of known size.
  if (result_.status != Status::pending) session_.answered(result_);
  store_.epoch_.suspend(self_);
  return result_;
}

void OperationRun::wait_for(Outcome outcome) {
  Tasks& tasks = store_.runtime_.tasks;
  switch (outcome) {
    case Outcome::retry_now: tasks.yield(); return;
    case Outcome::retry_allocation: log_.flusher().try_complete(); [[fallthrough]];
    case Outcome::retry_later:
      refresh();
      tasks.yield();
      return;
    case Outcome::shift: refresh(); return;
    case Outcome::wait_for_flush:
      if (store_.bugs_.canary_stay()) return;
      note_wait(events::kFlushAwaited);
      store_.epoch_.suspend(self_);
      log_.flusher().wait(flush_ticket_);
      store_.epoch_.resume(self_);
      // A whole checkpoint may have passed while this task was outside.
      if (!store_.bugs_.spec_h1()) store_.driver_.refresh(self_, view_);
      note_wait(events::kFlushArrived);
      return;
    case Outcome::wait_for_log:
      SOMETIMES(true, "an operation waits for the log of operations");
      store_.epoch_.suspend(self_);
      store_.operations_.wait_for_room(room_);
      store_.epoch_.resume(self_);
      store_.driver_.refresh(self_, view_);
      return;
    case Outcome::done:
    case Outcome::on_disk: break;
  }
  CHECK(false, "nothing to wait for");
}

void OperationRun::note_wait(uint16_t kind) const {
  note(kind, static_cast<int64_t>(view_.id), static_cast<int64_t>(view_.version));
}

// From here on nothing that was read before counts.
void OperationRun::refresh() {
  store_.epoch_.protect_and_drain(self_);
  store_.driver_.refresh(self_, view_);
}

OperationRun::Outcome OperationRun::append(const Link& link, const Content& content) {
  const auto key_length = static_cast<int64_t>(operation_.key.size());
  const int64_t size = record_size(key_length, static_cast<int64_t>(content.size));
  if (size > log_.geometry().page_size()) {
    return fail({Errc::too_large, "a record that does not fit on a page"});
  }
  Draft draft;
  if (const auto refused = allocate(link, size, draft)) return *refused;
  const LogAddr latest = link.entry.word.address();
  CHECK(draft.address > latest, "a record at {} before its predecessor at {}", draft.address,
        latest);
  // Only now: the allocation may have moved ro.
  draft.elides = may_elide(link);
  const LogAddr prev = draft.elides ? RecordHeader{log_.at(latest).load_word()}.prev() : latest;
  draft.header = static_cast<uint64_t>(prev >= kFirstValid ? prev : kInvalidAddr);
  if (content.tombstone) draft.header |= RecordHeader::kTombstone;
  if (draft.size > size) draft.header |= RecordHeader::kFiller;
  // Later phases allocate above the end of the checkpoint, and may last into the next cycle, which
  // would take the mark for its own.
  const bool before_end =
      view_.phase == Phase::in_progress || view_.phase == Phase::wait_index_checkpoint;
  if (before_end) draft.header |= RecordHeader::kInNewVersion;
  write_record(draft, content);
  const LoggedKind kind = content.tombstone ? LoggedKind::erase : LoggedKind::upsert;
  if (const auto refused = reserve_entry(kind, content.value)) {
    save(draft);
    return *refused;
  }
  const Outcome outcome = link_record(link, draft);
  fill_entry(outcome == Outcome::done);
  if (outcome == Outcome::done) succeed(draft.address, content.size);
  return outcome;
}

// Room for a record; or the outcome of an attempt that got none.
std::optional<OperationRun::Outcome> OperationRun::allocate(const Link& link, int64_t size,
                                                            Draft& draft) {
  if (reuse_saved(size, link.entry.word.address(), draft)) return std::nullopt;
  const Allocation allocation = log_.allocate(self_, size);
  flush_ticket_ = allocation.flush_ticket;
  draft.address = allocation.address;
  draft.size = size;
  switch (allocation.outcome) {
    case Allocate::ok: return std::nullopt;
    case Allocate::wait: return Outcome::wait_for_flush;
    case Allocate::retry: return Outcome::retry_allocation;
    case Allocate::failed: break;
  }
  return fail(allocation.error);
}

// Sealed and invalid: recovery takes the seal off, and must not take this for a record then.
void OperationRun::write_record(const Draft& draft, const Content& content) const {
  const auto key_length = static_cast<int64_t>(operation_.key.size());
  const auto length = static_cast<int64_t>(content.size);
  const PageRef at = log_.at(draft.address);
  at.expect_write(kExpected);
  at.store_word(draft.header | RecordHeader::kSealed);
  at.plus(kHeaderSize).store(static_cast<int32_t>(key_length));
  at.plus(kKeyOffset).copy_in(operation_.key);
  at.plus(value_length_offset(key_length)).store(static_cast<int32_t>(length));
  if (!content.zeros && length > 0) at.plus(value_offset(key_length)).copy_in(content.value);
  if ((draft.header & RecordHeader::kFiller) == 0) return;
  at.plus(filler_offset(key_length, length)).store(filler_length(draft.size, key_length, length));
}

// A copy must not bring back what is being given up. The allocation may have looked around, so this
// is asked now: whoever gives something up waits for those who were told that it is kept.
OperationRun::Outcome OperationRun::link_record(const Link& link, const Draft& draft) {
  if (link.copied != kInvalidAddr && link.copied < store_.keeps_from_.load()) {
    SOMETIMES(true, "what a read would copy is being given up");
    save(draft);
    return Outcome::retry_now;
  }
  uint64_t expected = link.entry.word.word;
  const EntryWord linked = EntryWord::make(link.entry.word.tag(), draft.address);
  const PageRef at = log_.at(draft.address);
  if (!link.entry.entry->compare_exchange(expected, linked.word)) {
    SOMETIMES(true, "an operation lost the race for its index entry");
    save(draft);
    return Outcome::retry_now;
  }
  at.store_word(draft.header | RecordHeader::kValid | RecordHeader::kDirty |
                RecordHeader::kModified);
  if (link.source != kInvalidAddr) seal(link.source, draft.elides);
  return Outcome::done;
}

// For the next attempt. It stays invalid, and its size stays what it is.
void OperationRun::save(const Draft& draft) {
  const uint64_t filler = draft.header & RecordHeader::kFiller;
  log_.at(draft.address).store_word(RecordHeader::kSealed | filler | uint64_t{kTempInvalid});
  operation_.saved = draft.address;
  operation_.saved_size = draft.size;
  operation_.saved_version = view_.version;
  operation_.saved_phase = view_.phase;
}

// The record that an earlier attempt allocated, if it can still be written. It must have room, and
// for a filler if it has too much, or who walks the page would stumble; it must be mutable, or it
// may have been flushed as it is; and the checkpoint must not have moved on, or the record would be
// where its kind cannot be.
bool OperationRun::reuse_saved(int64_t size, LogAddr latest, Draft& draft) {
  const LogAddr saved = operation_.saved;
  if (saved == kInvalidAddr) return false;
  operation_.saved = kInvalidAddr;
  if (operation_.saved_size < size) return false;
  if (operation_.saved_version != view_.version || operation_.saved_phase != view_.phase) {
    return false;
  }
  if (saved <= latest || saved < log_.load(Boundary::ro)) return false;
  // Whoever makes the transition to WAIT_FLUSH, or looks around while it is made, has still the
  // view of before: what is to be captured may be in the writer's hands.
  if (saved < store_.driver_.fuzzy_end()) {
    SOMETIMES(true, "a saved allocation was within what a checkpoint captures");
    return false;
  }
  // An index checkpoint changes no version: one may have begun and ended since, and whoever loads
  // it looks for what it does not hold above its start alone.
  if (saved < store_.driver_.index_end()) {
    SOMETIMES(true, "a saved allocation was older than an index checkpoint");
    return false;
  }
  CHECK(saved >= log_.load(Boundary::head), "a mutable record at {} is below head", saved);
  SOMETIMES(true, "a saved allocation was used again");
  SOMETIMES(operation_.saved_size > size, "a saved allocation was larger than the record");
  draft.address = saved;
  draft.size = operation_.saved_size;
  return true;
}

// True if the record that is replaced may leave its chain, so that nobody has to pass it: it is the
// newest one there, it was not written out and will not be before it says that it is invalid, and
// neither a checkpoint under way nor an index that may be loaded knows it.
bool OperationRun::may_elide(const Link& link) const {
  if (link.source == kInvalidAddr || link.source != link.entry.word.address()) return false;
  if (view_.phase != Phase::rest || link.source < store_.driver_.index_end()) return false;
  return link.source >= log_.load(Boundary::ro);
}

// True if its chain would be empty without it.
bool OperationRun::leaves_nothing(const Link& link) const {
  const RecordHeader header{log_.at(link.source).load_word()};
  return header.prev() < kFirstValid;
}

// Takes the only record of a chain out of it.
OperationRun::Outcome OperationRun::unlink(const Link& link) {
  if (const auto refused = reserve_entry(LoggedKind::erase, {})) return *refused;
  uint64_t expected = link.entry.word.word;
  const bool unlinked = link.entry.entry->compare_exchange(expected, 0);
  if (unlinked) seal(link.source, true);
  fill_entry(unlinked);
  SOMETIMES(unlinked, "an erased record left its chain, and nothing in its place");
  return unlinked ? succeed(link.source, 0) : Outcome::retry_now;
}

// So that whoever still comes to the old record tries again. The allocation may have let it go.
void OperationRun::seal(LogAddr source, bool elided) {
  if (source < log_.load(Boundary::head)) {
    SOMETIMES(true, "a record was evicted while it was being replaced");
    return;
  }
  const PageRef at = log_.at(source);
  const RecordHeader header{at.load_word()};
  CHECK(header.has(RecordHeader::kValid), "an invalid record at {} is sealed", source);
  SOMETIMES(elided, "a replaced record left its chain");
  const uint64_t gone = elided ? RecordHeader::kValid | RecordHeader::kDirty : 0;
  change_bits(at, header, RecordHeader::kSealed, gone);
}

// Room for what this attempt is about to do; or the outcome of an attempt that got none. With room
// the effect, or the proof that there is none, and fill_entry() must follow without a wait.
std::optional<OperationRun::Outcome> OperationRun::reserve_entry(LoggedKind kind, Bytes value) {
  CHECK(!room_taken_, "an operation takes room for two entries");
  if (operation_.kind == OpKind::read || !store_.operations_.takes()) return std::nullopt;
  entry_ = {kind, 0, view_.id, session_.serial_ + 1, operation_.key, value};
  room_ = store_.operations_.reserve(entry_);
  room_taken_ = room_.outcome == Allocate::ok;
  if (room_taken_) return std::nullopt;
  return room_.outcome == Allocate::failed ? fail(room_.error) : Outcome::wait_for_log;
}

// Still under the latch: the entries of a key stand in the order of their effects.
void OperationRun::fill_entry(bool happened) {
  if (!room_taken_) return;
  if (!happened) entry_.kind = LoggedKind::nothing;
  SOMETIMES(!happened, "an operation had taken room in the log for nothing");
  entry_.version = view_.version;
  const LogAddr end = store_.operations_.fill(room_.address, entry_);
  if (happened) result_.log_address = end;
  room_taken_ = false;
}

OperationRun::Outcome OperationRun::succeed(LogAddr address, size_t value_size) {
  result_.status = Status::ok;
  result_.address = address;
  result_.version = view_.version;
  result_.value_size = value_size;
  return Outcome::done;
}

OperationRun::Outcome OperationRun::missing() {
  result_.status = Status::not_found;
  result_.version = view_.version;
  return Outcome::done;
}

OperationRun::Outcome OperationRun::fail(const Error& error) {
  CHECK(error.code != Errc::ok, "an operation fails for no reason");
  result_.status = Status::failed;
  result_.error = error;
  result_.version = view_.version;
  return Outcome::done;
}

OperationRun::Outcome OperationRun::deliver(Bytes value, LogAddr address) {
  const size_t size = std::min(value.size(), operation_.output.size());
  if (size > 0) std::memcpy(operation_.output.data(), value.data(), size);
  return succeed(address, value.size());
}

}  // namespace orrery::engine
