// SPDX-License-Identifier: Apache-2.0
// The loop around the attempts of an operation, and the making of a record.
#include "engine/store/operation.hpp"

#include <algorithm>

#include "engine/store/events.hpp"
#include "engine/store/store.hpp"

namespace orrery::engine {

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
  if (result_.status != Status::pending)
    view_.serial.store(++session_.serial_, std::memory_order_release);
  store_.epoch_.suspend(self_);
  return result_;
}

void OperationRun::wait_for(Outcome outcome) {
  Tasks& tasks = store_.runtime_.tasks;
  switch (outcome) {
    case Outcome::retry_now: tasks.yield(); return;
    case Outcome::retry_allocation: log_.flusher().device().try_complete(); [[fallthrough]];
    case Outcome::retry_later:
      refresh();
      tasks.yield();
      return;
    case Outcome::shift: refresh(); return;
    case Outcome::wait_for_flush:
      note_wait(events::kFlushAwaited);
      store_.epoch_.suspend(self_);
      log_.flusher().wait(flush_ticket_);
      store_.epoch_.resume(self_);
      // A whole checkpoint may have passed while this task was outside.
      if (!store_.bugs_.spec_h1()) store_.driver_.refresh(self_, view_);
      note_wait(events::kFlushArrived);
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
  const auto length = static_cast<int64_t>(content.size);
  const int64_t size = record_size(key_length, length);
  if (size > log_.geometry().page_size()) {
    return fail({Errc::too_large, "a record that does not fit on a page"});
  }
  const LogAddr latest = link.entry.word.address();
  LogAddr address = reuse_saved(size, latest);
  if (address == kInvalidAddr) {
    const Allocation allocation = log_.allocate(self_, size);
    flush_ticket_ = allocation.flush_ticket;
    switch (allocation.outcome) {
      case Allocate::ok: break;
      case Allocate::wait: return Outcome::wait_for_flush;
      case Allocate::retry: return Outcome::retry_allocation;
      case Allocate::failed: return fail(allocation.error);
    }
    address = allocation.address;
  }
  CHECK(address > latest, "a record at {} before its predecessor at {}", address, latest);
  // Sealed and invalid: recovery takes the seal off, and must not take this for a record then.
  uint64_t header = static_cast<uint64_t>(latest >= kFirstValid ? latest : kInvalidAddr);
  if (content.tombstone) header |= RecordHeader::kTombstone;
  // Later phases allocate above the end of the snapshot, and may last into the next cycle, which
  // would take the mark for its own.
  const bool before_end =
      view_.phase == Phase::in_progress || view_.phase == Phase::wait_index_checkpoint;
  if (before_end) header |= RecordHeader::kInNewVersion;
  const PageRef at = log_.at(address);
  at.store_word(header | RecordHeader::kSealed);
  at.plus(kHeaderSize).store(static_cast<int32_t>(key_length));
  at.plus(kKeyOffset).copy_in(operation_.key);
  at.plus(value_length_offset(key_length)).store(static_cast<int32_t>(length));
  if (!content.zeros && length > 0) at.plus(value_offset(key_length)).copy_in(content.value);
  const Outcome outcome = link_record(link, address, size, header);
  if (outcome == Outcome::done) succeed(address, content.size);
  return outcome;
}

OperationRun::Outcome OperationRun::link_record(const Link& link, LogAddr address, int64_t size,
                                                uint64_t header) {
  uint64_t expected = link.entry.word.word;
  const EntryWord linked = EntryWord::make(link.entry.word.tag(), address);
  if (!link.entry.entry->compare_exchange(expected, linked.word)) {
    SOMETIMES(true, "an operation lost the race for its index entry");
    log_.at(address).store_word(RecordHeader::kSealed | kTempInvalid);
    operation_.saved = address;
    operation_.saved_size = size;
    operation_.saved_version = view_.version;
    operation_.saved_phase = view_.phase;
    return Outcome::retry_now;
  }
  log_.at(address).store_word(header | RecordHeader::kValid | RecordHeader::kDirty |
                              RecordHeader::kModified);
  if (link.source != kInvalidAddr) seal(link.source);
  return Outcome::done;
}

// The record that an earlier attempt allocated, if it can still be written. Its size must be the
// same, or who walks the page would stumble; it must be mutable, or it may have been flushed as it
// is; and the checkpoint must not have moved on, or the record would be where its kind cannot be.
LogAddr OperationRun::reuse_saved(int64_t size, LogAddr latest) {
  const LogAddr saved = operation_.saved;
  if (saved == kInvalidAddr) return kInvalidAddr;
  operation_.saved = kInvalidAddr;
  if (operation_.saved_size != size) return kInvalidAddr;
  if (operation_.saved_version != view_.version || operation_.saved_phase != view_.phase) {
    return kInvalidAddr;
  }
  if (saved <= latest || saved < log_.load(Boundary::ro)) return kInvalidAddr;
  CHECK(saved >= log_.load(Boundary::head), "a mutable record at {} is below head", saved);
  SOMETIMES(true, "a saved allocation was used again");
  return saved;
}

// So that whoever still comes to the old record tries again. The allocation may have let it go.
void OperationRun::seal(LogAddr source) {
  if (source < log_.load(Boundary::head)) {
    SOMETIMES(true, "a record was evicted while it was being replaced");
    return;
  }
  const PageRef at = log_.at(source);
  const RecordHeader header{at.load_word()};
  CHECK(header.has(RecordHeader::kValid), "an invalid record at {} is sealed", source);
  set_bits(at, header, RecordHeader::kSealed);
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
