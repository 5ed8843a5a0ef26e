// SPDX-License-Identifier: Apache-2.0
#include "engine/store/append_log.hpp"

#include <algorithm>

#include "engine/store/append_log_recovery.hpp"
#include "engine/store/checkpoint_files.hpp"
#include "engine/store/events.hpp"

namespace orrery::engine {
namespace {

Result<void> validate_log(const AppendLogOptions& options);
void raise(Atomic<LogAddr>& word, LogAddr value);
EpochSlots& slots_of(const AppendLogOptions& options, EpochSlots& own);

}  // namespace

Result<Owned<AppendLog>> AppendLog::open(const Runtime& runtime, const AppendLogOptions& options) {
  TRY(validate_log(options));
  return make(runtime, options, false);
}

Result<Owned<AppendLog>> AppendLog::recover(const Runtime& runtime,
                                            const AppendLogOptions& options) {
  TRY(validate_log(options));
  if (options.ring.main_is_null) return Error{Errc::not_found, "a log without a device"};
  return make(runtime, options, true);
}

Result<Owned<AppendLog>> AppendLog::make(const Runtime& runtime, const AppendLogOptions& options,
                                         bool recovers) {
  TRY_ASSIGN(Owned<AppendLog> log,
             make_owned<AppendLog>(runtime.memory, "append log", runtime, options));
  Result<void> ready = recovers ? AppendLogRecovery(runtime, *log).run() : log->begin_new();
  if (!ready) {
    log->log_.frames().retire_all();
    if (log->main_ != nullptr) log->main_->close();
    return ready.error();
  }
  log->open_ = true;
  return log;
}

AppendLog::AppendLog(const Runtime& runtime, const AppendLogOptions& options)
    : runtime_(runtime),
      options_(options),
      bugs_(options.bugs != nullptr ? *options.bugs : no_bugs_),
      null_device_(options.ring.sector_size),
      epoch_(runtime.tasks, slots_of(options, own_slots_), options.notes),
      log_(runtime, epoch_, bugs_, options.notes),
      files_(runtime, {prefix_.data(), options.ring.prefix.size()}, options.ring.sector_size),
      waiting_readers_(runtime.tasks),
      mutex_(runtime.tasks) {
  std::copy(options.ring.prefix.begin(), options.ring.prefix.end(), prefix_.begin());
  options_.ring.prefix = {prefix_.data(), options.ring.prefix.size()};
}

Result<void> AppendLog::open_device(bool needed) {
  CHECK(main_ == nullptr, "the device of a log is opened twice");
  if (options_.ring.main_is_null) {
    main_ = &null_device_;
    return {};
  }
  const LogName name = LogName::main(options_.ring.prefix);
  const DeviceOptions device = page_file_options(options_.ring);
  TRY_ASSIGN(main_, needed ? open_existing(runtime_, name.view(), device)
                           : runtime_.storage.open(name.view(), device));
  return {};
}

// The log begins at `first`, with nothing in memory.
Result<void> AppendLog::start(LogAddr first) {
  if (options_.slots == nullptr) {
    TRY(own_slots_.initialise(runtime_.memory, options_.ring.epoch_slots));
  }
  TRY(epoch_.initialise(runtime_.memory));
  options_.ring.first_address = first;
  TRY(log_.initialise(options_.ring, *main_));
  log_.mark_page_ends({&AppendLog::page_end, this});
  if (options_.tolerant) log_.flusher().tolerate_failures();
  for (Atomic<LogAddr>* word : {&soft_begin_, &safe_tail_, &committed_begin_, &committed_until_}) {
    word->store(first);
  }
  return {};
}

Result<void> AppendLog::begin_new() {
  // First, for what is refused makes nothing.
  if (!options_.ring.main_is_null) {
    TRY_ASSIGN(last_number_, first_number());
  }
  TRY(open_device(false));
  // What has bytes was a log: its entries would be taken for those of this one.
  if (main_->size() > 0) return Error{Errc::corrupt, "a log without a commit file"};
  TRY(start(options_.ring.first_address));
  TRY(log_.ensure_page_after_tail());
  if (log_.main_is_null()) return {};
  CommitInfo info;
  info.number = last_number_;
  info.incarnation = incarnation_;
  info.fast = options_.fast_commit;
  info.begin = options_.ring.first_address;
  info.until = options_.ring.first_address;
  return write_file(info);
}

// That of the first commit of a new log. Errors: exists if there is one already.
Result<uint64_t> AppendLog::first_number() const {
  const auto found = files_.find_newest();
  if (found) return Error{Errc::exists, "there is a log of this name already"};
  if (found.error().code != Errc::not_found) return found.error();
  TRY_ASSIGN(const uint64_t highest, files_.highest_number());
  return highest + 1;
}

AppendLog::~AppendLog() {
  if (open_) close();
}

void AppendLog::close() {
  CHECK(open_, "an append log is closed twice");
  CHECK(leading_.load() == 0, "an append log is closed during a commit");
  end_waits();
  waiting_readers_.wait_for_none();
  log_.close();
  CHECK(epoch_.quiet(), "somebody is still inside a log that is being closed");
  main_->close();
  open_ = false;
}

void AppendLog::end_waits() {
  ended_.store(1);
  log_.flusher().wake_all();
}

uint64_t AppendLog::page_end(const void* log, LogAddr address) {
  return page_end_word(address, static_cast<const AppendLog*>(log)->incarnation());
}

// Appending.

Result<void> AppendLog::check_size(size_t length) const {
  if (length == 0) return Error{Errc::invalid, "an entry without bytes"};
  const auto page = static_cast<uint64_t>(log_.geometry().page_size());
  if (length > page || entry_size(length) > log_.geometry().page_size()) {
    return Error{Errc::too_large, "an entry that does not fit on a page"};
  }
  return {};
}

Result<Written> AppendLog::enqueue(Bytes payload) { return append(EntryKind::data, payload); }

Result<std::optional<Written>> AppendLog::try_enqueue(Bytes payload) {
  const Allocation room = reserve(payload.size());
  if (room.outcome == Allocate::failed) return room.error;
  if (room.outcome == Allocate::ok) {
    return std::optional<Written>(fill(room.address, {&payload, 1}));
  }
  // A device that finishes requests when it is asked to may need it for the next page.
  log_.flusher().try_complete();
  return std::optional<Written>();
}

Result<Written> AppendLog::append(EntryKind kind, Bytes payload) {
  for (;;) {
    const Allocation room = reserve(payload.size());
    if (room.outcome == Allocate::failed) return room.error;
    if (room.outcome == Allocate::ok) {
      write(kind, room.address, {&payload, 1});
      return Written{room.address, room.address + entry_size(payload.size())};
    }
    wait_for_room(room);
  }
}

Allocation AppendLog::reserve(size_t length) {
  CHECK(open_, "an entry for a closed log");
  Allocation room;
  room.outcome = Allocate::failed;
  const Result<void> possible = check_size(length);
  if (!possible || log_.flusher().failed()) {
    room.error = possible ? log_.flusher().failure() : possible.error();
    return room;
  }
  Self& self = runtime_.tasks.self();
  epoch_.resume(self);
  room = log_.allocate(self, entry_size(length));
  if (room.outcome != Allocate::ok) epoch_.suspend(self);
  return room;
}

Written AppendLog::fill(LogAddr address, std::span<const Bytes> parts) {
  size_t length = 0;
  for (const Bytes part : parts) length += part.size();
  write(EntryKind::data, address, parts);
  return {address, address + entry_size(length)};
}

void AppendLog::wait_for_room(const Allocation& refused) {
  if (refused.outcome == Allocate::wait) return log_.flusher().wait(refused.flush_ticket);
  CHECK(refused.outcome == Allocate::retry, "a wait for room that was given or refused");
  log_.flusher().try_complete();
  runtime_.tasks.yield();
}

// From the allocation to the first word nobody looks around: whoever drains the epoch knows that
// what was allocated before is complete.
void AppendLog::write(EntryKind kind, LogAddr address, std::span<const Bytes> parts) {
  Self& self = runtime_.tasks.self();
  CHECK(epoch_.protected_here(self), "an entry at {} is written without room", address);
  const EntryHeader header = make_entry_header(kind, address, incarnation(), parts);
  const PageRef at = log_.at(address);
  int64_t offset = kEntryHeader;
  for (const Bytes part : parts) {
    if (!part.empty()) at.plus(offset).copy_in(part);
    offset += static_cast<int64_t>(part.size());
  }
  at.plus(8).store_word(header.second);
  at.store_word(header.first);
  epoch_.suspend(self);
  wake_readers();
}

// One who counts himself in afterwards sees the tail as it is now.
void AppendLog::wake_readers() {
  if (waiting_readers_.count() > 0) log_.flusher().wake_all();
}

Result<void> AppendLog::truncate_until(LogAddr address) {
  CHECK(open_, "a closed log is truncated");
  if (address > log_.tail() || address % kRecordAlign != 0) {
    return Error{Errc::invalid, "the log cannot begin there", address};
  }
  raise(soft_begin_, address);
  return {};
}

LogAddr AppendLog::begin() const {
  // What left the memory of a log without a device is gone, and begin may not say so yet.
  const LogAddr least = options_.ring.main_is_null ? log_.load(Boundary::head) : LogAddr{0};
  const LogAddr begin = log_.load(Boundary::begin);
  const LogAddr soft = soft_begin_.load();
  return std::max({least, begin, soft});
}

LogAddr AppendLog::refresh_safe_tail() {
  Self& self = runtime_.tasks.self();
  epoch_.resume(self);
  const LogAddr tail = log_.tail();
  if (tail > safe_tail_.load()) {
    epoch_.bump(self, {[](void* log, int64_t address, Self&) {
                         auto& owner = *static_cast<AppendLog*>(log);
                         raise(owner.safe_tail_, address);
                         owner.wake_readers();
                       },
                       this,
                       tail,
                       {"safe-tail", static_cast<uint64_t>(tail)}});
  }
  epoch_.suspend(self);
  return safe_tail_.load();
}

namespace {

Result<void> validate_log(const AppendLogOptions& options) {
  TRY(validate(options.ring));
  if (options.file_interval == 0) return Error{Errc::invalid, "file_interval is zero"};
  return {};
}

void raise(Atomic<LogAddr>& word, LogAddr value) {
  LogAddr seen = word.load();
  while (seen < value && !word.compare_exchange(seen, value)) {
  }
}

EpochSlots& slots_of(const AppendLogOptions& options, EpochSlots& own) {
  return options.slots == nullptr ? own : *options.slots;
}

}  // namespace
}  // namespace orrery::engine
