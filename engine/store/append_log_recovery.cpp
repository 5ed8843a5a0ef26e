// SPDX-License-Identifier: Apache-2.0
#include "engine/store/append_log_recovery.hpp"

#include <algorithm>

#include "engine/store/blocking_io.hpp"
#include "engine/store/events.hpp"

namespace orrery::engine {

Result<void> AppendLogRecovery::run() {
  auto newest = log_.files_.find_newest();
  if (!newest && newest.error().code == Errc::not_found) return log_.files_.why_none();
  TRY_ASSIGN(found_, std::move(newest));
  TRY_ASSIGN(const uint64_t highest, log_.files_.highest_number());
  // Each life has a file of a higher number than the one before: no more lives than that are lost
  // with those that are damaged. Nothing that they have left behind may be taken for this life's.
  const uint64_t lost = highest - found_.number;
  if (lost >= UINT32_MAX - found_.incarnation) {
    return Error{lost == 0 ? Errc::invalid : Errc::corrupt, "a log of too many lives"};
  }
  TRY(check_geometry());
  geometry_ = HybridLog::geometry_of(log_.options_.ring);
  TRY(log_.open_device(found_.until > found_.begin));
  TRY(look_at_device());
  const auto size = static_cast<size_t>(geometry_.aligned_page);
  TRY_ASSIGN(page_, Array<std::byte>::make(runtime_.memory, size, "recovered page", kIoAlignment));
  if (found_.fast) TRY(follow_records());
  found_.holes.drop_above(found_.until);
  TRY(log_.start(found_.until));
  TRY(load_tail_page());
  log_.soft_begin_.store(found_.begin);
  log_.committed_begin_.store(found_.begin);
  log_.log_.flusher().adopt_holes(found_.holes);
  log_.adopt_marks(found_.marks);
  // Another process may have died before it had synced what is read here.
  TRY(sync_blocking(runtime_.tasks, *log_.main_));
  log_.incarnation_ = found_.incarnation + static_cast<uint32_t>(lost) + 1;
  log_.last_number_ = std::max(found_.number, highest) + 1;
  CommitInfo info = found_;
  info.number = log_.last_number_;
  info.incarnation = log_.incarnation_;
  info.fast = log_.options_.fast_commit;
  TRY(log_.write_file(info));
  log_.filed_holes_ = log_.log_.flusher().hole_turn();
  log_.files_.remove_below(info.number);
  note(events::kAppendLogRecovered, info.begin, info.until, info.incarnation);
  return {};
}

Result<void> AppendLogRecovery::check_geometry() const {
  const StoreOptions& ring = log_.options_.ring;
  if (found_.page_bits != ring.page_bits) {
    return Error{Errc::invalid, "a log of another page size",
                 static_cast<int64_t>(found_.page_bits)};
  }
  if (found_.sector != ring.sector_size) {
    return Error{Errc::invalid, "a log of another sector size",
                 static_cast<int64_t>(found_.sector)};
  }
  return {};
}

// What was never written reads as zeros: a log that was cut short would be taken for one that ends.
Result<void> AppendLogRecovery::look_at_device() const {
  LogAddr end = found_.until;  // below it, what is in no hole was written
  for (size_t place = found_.holes.size(); place > 0; --place) {
    const Hole& hole = found_.holes[place - 1];
    if (hole.from < end && hole.until >= end) end = hole.from;
  }
  if (end <= found_.begin) return {};
  const auto sector = static_cast<uint64_t>(geometry_.sector);
  if (log_.main_->size() >= round_up(geometry_.file_offset(end), sector)) return {};
  return Error{Errc::corrupt, "a log that is too short", end};
}

Result<void> AppendLogRecovery::follow_records() {
  at_ = found_.until;
  for (;;) {
    TRY_ASSIGN(const bool more, follow_page());
    if (!more) return {};
  }
}

// From at_ to the end of its page. False if the log ends before.
Result<bool> AppendLogRecovery::follow_page() {
  const LogAddr start = geometry_.page_start(geometry_.page(at_));
  const LogAddr end = start + geometry_.page_size();
  if (geometry_.file_offset(start) >= log_.main_->size()) return false;
  TRY(read_page(end));
  while (at_ < end) {
    const Hole* const hole = found_.holes.first_in(at_, at_ + 1);
    if (hole != nullptr) {
      at_ = hole->until;
      continue;
    }
    const auto offset = static_cast<size_t>(at_ - start);
    const auto entry = look_at_entry(Bytes(page_.data(), known_).subspan(offset), at_);
    if (!entry || entry->kind == EntryKind::none) return false;
    if (entry->incarnation != found_.incarnation) {
      SOMETIMES(true, "recovery met what an earlier life of the log had left");
      return false;
    }
    if (entry->kind == EntryKind::page_end) {
      at_ = end;
      break;
    }
    if (!take(*entry)) return false;
    at_ += entry->size;
  }
  return true;
}

// True if the search may go on behind the entry.
bool AppendLogRecovery::take(const EntryView& entry) {
  if (entry.kind != EntryKind::commit) return true;
  const auto record = decode_commit_record(entry.payload);
  if (!record || record->number <= found_.number) return false;
  if (record->begin < found_.begin || record->begin > at_) return false;
  found_.number = record->number;
  found_.begin = record->begin;
  found_.until = at_ + entry.size;
  SOMETIMES(true, "a recovery followed a commit record");
  return true;
}

// What the device has of the page, up to `until`; zeros behind. There may be none of it: a log that
// ends in a hole. A failed read is no proof that nothing is there.
Result<void> AppendLogRecovery::read_page(LogAddr until) {
  const LogAddr start = geometry_.page_start(geometry_.page(until - 1));
  const auto sector = static_cast<uint64_t>(geometry_.sector);
  const uint64_t offset = geometry_.file_offset(start);
  std::fill(page_.begin(), page_.end(), std::byte{0});
  known_ = static_cast<size_t>(until - start);
  const uint64_t size = round_down(log_.main_->size(), sector);
  if (size <= offset) return {};
  const uint64_t length = std::min(round_up(known_, sector), size - offset);
  const MutableBytes there{page_.data(), length};
  if (log_.bugs_.spec_d24()) {
    (void)read_blocking(runtime_.tasks, *log_.main_, offset, there);
    return {};
  }
  return log_.main_io().read(offset, there);
}

// The next flush of that page writes it again from the sector of the tail on, and so needs what is
// below; what lies behind the tail must not come back with it.
Result<void> AppendLogRecovery::load_tail_page() {
  LogAddresses addresses;
  addresses.begin = found_.begin;
  addresses.flushed = found_.until;
  addresses.tail = found_.until;
  const LogAddr start = geometry_.page_start(geometry_.page(found_.until));
  addresses.head = std::max(start, found_.begin);
  if (addresses.head < found_.until) {
    TRY(read_page(found_.until));
    log_.log_.frames().at(start).copy_in(Bytes(page_.data(), known_));
  }
  return log_.log_.recover_to(addresses);
}

}  // namespace orrery::engine
