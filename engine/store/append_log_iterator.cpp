// SPDX-License-Identifier: Apache-2.0
#include "engine/store/append_log_iterator.hpp"

#include <algorithm>

namespace orrery::engine {

Result<void> AppendLogIterator::initialise() {
  const auto size = static_cast<size_t>(log_.log().geometry().aligned_page);
  TRY_ASSIGN(entry_, Array<std::byte>::make(runtime_.memory, size, "copied entry"));
  TRY_ASSIGN(page_, Array<std::byte>::make(runtime_.memory, size, "read page", kIoAlignment));
  if (options_.name.empty()) return {};
  next_ = std::max(next_, log_.marks().position(options_.name).value_or(0));
  return {};
}

Result<void> AppendLogIterator::keep_position() {
  CHECK(!options_.name.empty(), "a reader without a name keeps its position");
  return log_.set_position(options_.name, next_);
}

Result<std::optional<LogEntry>> AppendLogIterator::get_next() {
  CHECK(entry_.size() > 0, "an iterator was not initialised");
  for (;;) {
    // Holes are looked at later than the limit: they are known before it passes them.
    const LogAddr end = limit();
    while (skip()) {
    }
    if (next_ >= end) return std::optional<LogEntry>();
    const LogAddr before = next_;
    auto taken = read_one(end);
    if (taken && taken->has_value()) return taken;
    if (taken) continue;
    if (log_.begin() > before) {
      SOMETIMES(true, "what an iterator was reading was given up meanwhile");
      continue;
    }
    if (taken.error().code != Errc::corrupt || !options_.passes_damage) return taken;
    const Geometry& geometry = log_.log().geometry();
    next_ = geometry.page_end(geometry.page(before));
  }
}

// What stands at next_, if it is an entry; nothing if there is to be another look.
Result<std::optional<LogEntry>> AppendLogIterator::read_one(LogAddr limit) {
  TRY_ASSIGN(const bool loaded, load(limit));
  if (!loaded) return std::optional<LogEntry>();
  return take(limit);
}

// Counted in before the first look: who appends or closes later wakes this task.
Result<bool> AppendLogIterator::wait_for_more() {
  log_.waiting_readers_.add();
  const Result<bool> more = wait_behind_limit();
  log_.waiting_readers_.remove();
  return more;
}

Result<bool> AppendLogIterator::wait_behind_limit() {
  Flusher& flusher = log_.log_.flusher();
  for (;;) {
    const uint32_t ticket = flusher.ticket();
    // Before the look: what came before the end, or the failure, is still to be had.
    const bool ended = log_.ended_.load() != 0;
    const bool failed = flusher.failed();
    const LogAddr tail = options_.uncommitted ? log_.tail() : LogAddr{0};
    const LogAddr end = limit();
    const LogAddr begin = log_.begin();
    const LogAddr next = std::max(next_, begin);
    if (next < end) return true;
    if (ended && next >= tail) return false;
    if (failed) return flusher.failure();
    SOMETIMES(true, "a reader of a log waits for more");
    flusher.wait(ticket);
  }
}

LogAddr AppendLogIterator::limit() {
  if (!options_.uncommitted) return log_.committed_until();
  const LogAddr next = std::max(next_, log_.begin());
  const LogAddr safe = log_.safe_tail();
  return next < safe ? safe : log_.refresh_safe_tail();
}

// Over what is gone, or never came to be. True if there may be more of it.
bool AppendLogIterator::skip() {
  Flusher& flusher = log_.log_.flusher();
  const uint32_t turn = flusher.hole_turn();
  if (turn != hole_turn_) {
    hole_turn_ = turn;
    holes_ = flusher.holes();
  }
  LogAddr next = std::max(next_, log_.begin());
  if (const Hole* const hole = holes_.first_in(next, next + 1)) next = hole->until;
  return std::exchange(next_, next) != next;
}

// Copies what stands at next_. False if there is to be another look: it was lost, or left the
// memory of a log that has no other place.
Result<bool> AppendLogIterator::load(LogAddr limit) {
  Self& self = runtime_.tasks.self();
  EpochTable& epoch = log_.epoch_;
  epoch.resume(self);
  const LogAddr head = log_.log().load(Boundary::head);
  if (next_ >= head) {
    auto loaded = load_from_memory(limit);
    epoch.suspend(self);
    return loaded;
  }
  epoch.suspend(self);
  if (log_.log_.main_is_null()) return false;
  // It was in memory perhaps at the last look: a page that could not be written leaves it as well.
  if (skip()) {
    SOMETIMES(true, "what an iterator was about to read turned out to be lost");
    return false;
  }
  return load_from_device(limit, head);
}

// Requires: protected, and next_ is not below head.
Result<bool> AppendLogIterator::load_from_memory(LogAddr limit) {
  const Geometry& geometry = log_.log().geometry();
  const PageRef at = log_.log().at(next_);
  const int64_t room = std::min(limit, geometry.page_end(geometry.page(next_))) - next_;
  const uint64_t first = at.load_word();
  const int64_t size = std::max<int64_t>(claimed_size(first), kRecordAlign);
  if (size > room) return damage("an entry that leaves its page");
  entry_size_ = static_cast<size_t>(size);
  at.copy_out({entry_.data(), entry_size_});
  return true;
}

// What is below head was flushed.
Result<bool> AppendLogIterator::load_from_device(LogAddr limit, LogAddr head) {
  const Geometry& geometry = log_.log().geometry();
  const LogAddr start = geometry.page_start(geometry.page(next_));
  const LogAddr until = std::min({geometry.page_end(geometry.page(next_)), limit, head});
  if (start != page_start_ || until > page_until_) TRY(read_page(until));
  const auto offset = static_cast<size_t>(next_ - start);
  const auto room = static_cast<size_t>(until - next_);
  const int64_t claimed = claimed_size(get<uint64_t>(page_.data() + offset));
  entry_size_ = static_cast<size_t>(std::max<int64_t>(claimed, kRecordAlign));
  if (entry_size_ > room) return damage("an entry that leaves its page");
  std::memcpy(entry_.data(), page_.data() + offset, entry_size_);
  return true;
}

Result<void> AppendLogIterator::read_page(LogAddr until) {
  const Geometry& geometry = log_.log().geometry();
  const LogAddr start = geometry.page_start(geometry.page(until - 1));
  const auto sector = static_cast<uint64_t>(geometry.sector);
  const auto length = round_up(static_cast<uint64_t>(until - start), sector);
  page_until_ = 0;
  TRY(log_.main_io().read(geometry.file_offset(start),
                          {page_.data(), static_cast<size_t>(length)}));
  page_start_ = start;
  page_until_ = until;
  return {};
}

// What was copied, if it is an entry; nothing if it is to be passed over.
Result<std::optional<LogEntry>> AppendLogIterator::take(LogAddr limit) {
  TRY_ASSIGN(const EntryView view, look_at_entry({entry_.data(), entry_size_}, next_));
  if (view.kind == EntryKind::none) return damage("a place where nothing was written");
  if (view.incarnation == 0 || view.incarnation > log_.incarnation()) {
    return damage("an entry of a life that never was");
  }
  const LogAddr address = next_;
  if (view.kind == EntryKind::page_end) {
    const Geometry& geometry = log_.log().geometry();
    next_ = geometry.page_end(geometry.page(address));
    return std::optional<LogEntry>();
  }
  CHECK(address + view.size <= limit, "an entry at {} ends above {}", address, limit);
  next_ = address + view.size;
  if (view.kind == EntryKind::commit && !options_.commit_records) return std::optional<LogEntry>();
  return std::optional<LogEntry>({address, next_, view.payload, view.kind});
}

}  // namespace orrery::engine
