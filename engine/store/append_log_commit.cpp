// SPDX-License-Identifier: Apache-2.0
// Commits: one who waits leads a round for all who wait.
//
// A round makes durable what had been appended and given up when it began. It goes in steps, and
// what a step says is true because the steps before have ended: the entries are on the device, the
// device has synced them, a file or a record names their end, they are acknowledged, and only then
// is anything given up that an older commit would need.
#include <algorithm>

#include "engine/store/append_log.hpp"
#include "engine/store/blocking_io.hpp"
#include "engine/store/events.hpp"

namespace orrery::engine {

Result<LogAddr> AppendLog::commit(LogAddr from) {
  CHECK(open_, "a commit of a closed log");
  const Goal wanted = goal(log_.tail());
  TRY(wait_for(wanted, true));
  TRY(look_for_loss(from, wanted.until));
  return wanted.until;
}

Result<void> AppendLog::wait_commit(const Written& entry) {
  CHECK(open_, "a wait for a commit of a closed log");
  Goal wanted = goal(entry.end);
  wanted.begin = 0;
  wanted.marks = 0;
  TRY(wait_for(wanted, false));
  return look_for_loss(entry.address, entry.end);
}

// The number of rounds comes last: a round that is not counted yet covers all that is asked for.
AppendLog::Goal AppendLog::goal(LogAddr until) const {
  Goal goal;
  goal.until = until;
  goal.begin = soft_begin_.load();
  goal.marks = marks_turn_.load();
  goal.rounds = rounds_.load();
  return goal;
}

bool AppendLog::reached(const Goal& goal) const {
  return committed_until_.load() >= goal.until && committed_begin_.load() >= goal.begin &&
         committed_marks_.load() >= goal.marks;
}

Result<void> AppendLog::wait_for(const Goal& goal, bool may_lead) {
  Flusher& flusher = log_.flusher();
  for (;;) {
    const uint32_t ticket = flusher.ticket();
    if (reached(goal)) return {};
    if (flusher.failed()) return flusher.failure();
    if (const std::optional<Error> failure = failure_after(goal.rounds)) return *failure;
    uint32_t nobody = 0;
    if (may_lead && leading_.compare_exchange(nobody, 1)) {
      lead();
    } else {
      SOMETIMES(may_lead, "a commit is covered by the round of another");
      flusher.wait(ticket);
    }
  }
}

// A round that began after the goal was set would have reached it.
std::optional<Error> AppendLog::failure_after(uint32_t rounds) {
  const Lock lock(mutex_);
  if (failed_round_ <= rounds) return std::nullopt;
  return failure_;
}

void AppendLog::lead() {
  const uint32_t round = rounds_.fetch_add(1) + 1;
  const Result<void> ended = run_round();
  if (!ended) {
    note(events::kAppendLogCommitFailed, static_cast<int64_t>(last_number_),
         static_cast<int64_t>(ended.error().code));
    const Lock lock(mutex_);
    failed_round_ = round;
    failure_ = ended.error();
  }
  leading_.store(0);
  log_.flusher().wake_all();
}

Result<void> AppendLog::run_round() {
  CommitInfo info = last_file_;
  info.number = ++last_number_;
  // One after the other: a compiler may take the arguments of a call in any order.
  const LogAddr now = begin();
  info.begin = std::max(now, committed_begin_.load());
  // Before the end is known: a position is not above it.
  const uint32_t marks = take_marks(info.marks);
  Self& self = runtime_.tasks.self();
  if (options_.fast_commit && !log_.main_is_null()) {
    std::array<std::byte, CommitRecord::kSize> record{};
    encode_commit_record({info.number, info.begin}, record);
    TRY_ASSIGN(const Written written, append(EntryKind::commit, record));
    info.until = written.end;
  }
  epoch_.resume(self);
  const LogAddr tail = log_.shift_ro_to_tail(self);
  epoch_.suspend(self);
  if (!options_.fast_commit || log_.main_is_null()) info.until = tail;
  TRY(log_.flusher().wait_for(info.until));
  if (log_.main_is_null()) {
    publish(info, marks);
    give_up_below(info.begin);
    return {};
  }
  TRY(sync_blocking(runtime_.tasks, *main_));
  // Of a record among the entries nobody would get past a hole, and it says nothing of marks.
  const uint32_t hole_turn = log_.flusher().hole_turn();
  const bool new_holes = hole_turn != filed_holes_;
  if (!options_.fast_commit || new_holes || marks != filed_marks_) {
    TRY(write_file(info));
    filed_holes_ = hole_turn;
    filed_marks_ = marks;
  }
  publish(info, marks);
  const bool due = ++since_file_ >= options_.file_interval || info.begin > last_file_.begin;
  if (options_.fast_commit && due && last_file_.number != info.number) {
    // The record has made the commit durable. What cannot be given up now can be later.
    const Result<void> written = write_file(info);
    SOMETIMES(!written, "a commit record was durable, and its file could not be written");
  }
  // Until its file was durable, one of those before was the newest.
  if (last_file_.number == info.number) files_.remove_below(info.number);
  give_up_below(last_file_.begin);
  return {};
}

Result<void> AppendLog::write_file(const CommitInfo& info) {
  CommitInfo filed = info;
  filed.holes = log_.flusher().holes();
  filed.holes.drop_below(info.begin);
  filed.page_bits = options_.ring.page_bits;
  filed.sector = options_.ring.sector_size;
  TRY(files_.write(filed));
  last_file_ = filed;
  since_file_ = 0;
  return {};
}

void AppendLog::publish(const CommitInfo& info, uint32_t marks) {
  CHECK(info.until >= committed_until_.load(), "commit {} goes back to {}", info.number,
        info.until);
  CHECK(info.until <= log_.load(Boundary::flushed), "commit {} is not flushed", info.number);
  committed_begin_.store(info.begin);
  committed_until_.store(info.until);
  committed_marks_.store(marks);
  note(events::kAppendLogCommitted, info.until, info.begin, static_cast<int64_t>(info.number));
  log_.flusher().wake_all();
}

uint32_t AppendLog::take_marks(CommitMarks& marks) {
  const Lock lock(mutex_);
  marks = marks_;
  return marks_turn_.load();
}

Result<void> AppendLog::set_cookie(Bytes cookie) {
  const Lock lock(mutex_);
  TRY(marks_.set_cookie(cookie));
  marks_turn_.fetch_add(1);
  return {};
}

Result<void> AppendLog::set_position(std::string_view name, LogAddr address) {
  if (address > log_.tail() || address % kRecordAlign != 0) {
    return Error{Errc::invalid, "a position where the log is not", address};
  }
  const Lock lock(mutex_);
  TRY(marks_.set_position(name, address));
  marks_turn_.fetch_add(1);
  return {};
}

void AppendLog::drop_position(std::string_view name) {
  const Lock lock(mutex_);
  if (marks_.drop_position(name)) marks_turn_.fetch_add(1);
}

void AppendLog::adopt_marks(const CommitMarks& marks) {
  const Lock lock(mutex_);
  marks_ = marks;
}

CommitMarks AppendLog::marks() {
  const Lock lock(mutex_);
  return marks_;
}

void AppendLog::give_up_below(LogAddr begin) {
  if (begin <= log_.load(Boundary::begin)) return;
  // It is all flushed: only a log that has failed can say no, and that has nothing to give up.
  if (log_.shift_begin(runtime_.tasks.self(), begin)) log_.truncate_device(begin);
}

Result<void> AppendLog::look_for_loss(LogAddr from, LogAddr until) {
  const Holes holes = log_.flusher().holes();
  const Hole* const lost = holes.first_in(from, until);
  if (lost == nullptr) return {};
  SOMETIMES(true, "a commit was told of what a tolerant log had lost");
  return Error{Errc::io, "entries that the log has lost", lost->from};
}

}  // namespace orrery::engine
