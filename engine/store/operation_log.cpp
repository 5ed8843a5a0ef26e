// SPDX-License-Identifier: Apache-2.0
#include "engine/store/operation_log.hpp"

#include <algorithm>

#include "engine/store/events.hpp"

namespace orrery::engine {
namespace {

constexpr std::string_view kEmptied = "emptied";  // a position of the commits
constexpr Error kInDoubt{Errc::uncertain, "nobody knows whether a recovered store would be empty"};

// A prefix in a buffer of its own.
class Prefix {
 public:
  explicit Prefix(std::string_view store);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 128> text_{};
  size_t size_ = 0;
};

AppendLogOptions options_of(const StoreOptions& store, std::string_view prefix, EpochSlots& slots,
                            const Bugs& bugs);
size_t size_of(const LoggedOperation& operation);
bool is_known(LoggedKind kind);
bool has_key(LoggedKind kind);

}  // namespace

void encode_logged_head(const LoggedOperation& operation, MutableBytes out) {
  CHECK(out.size() >= kLoggedHead, "the head of an operation in {} bytes", out.size());
  CHECK(is_known(operation.kind), "an operation of no kind is logged");
  put(out.data(), uint32_t{static_cast<uint8_t>(operation.kind)});
  put(out.data() + 4, static_cast<uint32_t>(operation.key.size()));
  put(out.data() + 8, static_cast<int64_t>(operation.version));
  put(out.data() + 16, operation.session);
  put(out.data() + 24, operation.serial);
}

Result<LoggedOperation> decode_logged(Bytes payload) {
  const Error senseless{Errc::corrupt, "a logged operation that makes no sense"};
  if (payload.size() < kLoggedHead) return senseless;
  const auto kind = get<uint32_t>(payload.data());
  const auto key_size = get<uint32_t>(payload.data() + 4);
  const auto version = get<int64_t>(payload.data() + 8);
  LoggedOperation operation;
  operation.kind = static_cast<LoggedKind>(kind);
  if (kind > UINT8_MAX || !is_known(operation.kind) || version <= 0) return senseless;
  const Bytes rest = payload.subspan(kLoggedHead);
  if (key_size > rest.size() || (key_size > 0) != has_key(operation.kind)) return senseless;
  operation.version = static_cast<uint64_t>(version);
  operation.session = get<uint64_t>(payload.data() + 16);
  operation.serial = get<uint64_t>(payload.data() + 24);
  operation.key = rest.first(key_size);
  operation.value = rest.subspan(key_size);
  const bool has_value =
      operation.kind == LoggedKind::upsert || operation.kind == LoggedKind::nothing;
  if (!has_value && !operation.value.empty()) return senseless;
  return operation;
}

Result<LogAddr> OperationLog::look_for(const Runtime& runtime, const StoreOptions& store) {
  const Prefix prefix(store.prefix);
  const CommitFiles files(runtime, prefix.view(), store.sector_size);
  TRY_ASSIGN(const CommitInfo newest, files.find_newest());
  return newest.marks.position(kEmptied).value_or(0);
}

Result<void> OperationLog::open(const StoreOptions& store, EpochSlots& slots) {
  CHECK(!is_open(), "a log of operations is opened twice");
  const Prefix prefix(store.prefix);
  TRY_ASSIGN(log_, AppendLog::open(runtime_, options_of(store, prefix.view(), slots, bugs_)));
  return {};
}

Result<void> OperationLog::recover(const StoreOptions& store, EpochSlots& slots) {
  CHECK(!is_open(), "a log of operations is recovered twice");
  const Prefix prefix(store.prefix);
  TRY_ASSIGN(log_, AppendLog::recover(runtime_, options_of(store, prefix.view(), slots, bugs_)));
  return {};
}

void OperationLog::close() {
  if (!is_open()) return;
  log_->close();
  log_ = {};
}

Allocation OperationLog::reserve(const LoggedOperation& operation) {
  CHECK(takes(), "an operation is logged where none is to be");
  if (in_doubt_) return {Allocate::failed, kInvalidAddr, 0, kInDoubt};
  return log_->reserve(size_of(operation));
}

LogAddr OperationLog::fill(LogAddr address, const LoggedOperation& operation) {
  std::array<std::byte, kLoggedHead> head{};
  encode_logged_head(operation, head);
  const std::array<Bytes, 3> parts{Bytes(head), operation.key, operation.value};
  return log_->fill(address, parts).end;
}

Result<LogAddr> OperationLog::commit() {
  CHECK(is_open(), "a commit of a log of operations that is not open");
  return log_->commit(log_->begin());
}

Result<LogAddr> OperationLog::empty(uint64_t version, std::span<const SessionPoint> sessions) {
  TRY_ASSIGN(const Written place, append({LoggedKind::emptied, version, 0, 0, {}, {}}));
  for (const SessionPoint& one : sessions) {
    TRY(append({LoggedKind::session, version, one.id, one.serial, {}, {}}));
  }
  const std::optional<LogAddr> before = log_->marks().position(kEmptied);
  TRY(log_->set_position(kEmptied, place.address));
  const auto committed = commit();
  if (committed) {
    truncate_until(place.address);
    return place.end;
  }
  // The position may be durable all the same. What is logged next must not come behind it.
  if (before) {
    TRY(log_->set_position(kEmptied, *before));
  } else {
    log_->drop_position(kEmptied);
  }
  const auto taken_back = commit();
  SOMETIMES(taken_back, "a store was not emptied, and its log says so");
  SOMETIMES(!taken_back, "nobody knows whether a recovered store would be empty");
  if (taken_back) return committed.error();
  in_doubt_ = true;
  return kInDoubt;
}

Result<Written> OperationLog::append(const LoggedOperation& entry) {
  for (;;) {
    const Allocation room = reserve(entry);
    if (room.outcome == Allocate::ok) return Written{room.address, fill(room.address, entry)};
    if (room.outcome == Allocate::failed) return room.error;
    SOMETIMES(true, "a store that is emptied waits for its log");
    wait_for_room(room);
  }
}

void OperationLog::truncate_until(LogAddr address) {
  const Result<void> truncated = log_->truncate_until(address);
  CHECK(truncated, "the log of operations cannot begin at {}", address);
}

namespace {

Prefix::Prefix(std::string_view store) {
  constexpr std::string_view kSuffix = "/aof";
  CHECK(store.size() + kSuffix.size() <= text_.size(), "a prefix of {} characters", store.size());
  std::copy(store.begin(), store.end(), text_.begin());
  std::copy(kSuffix.begin(), kSuffix.end(), text_.begin() + static_cast<int64_t>(store.size()));
  size_ = store.size() + kSuffix.size();
}

AppendLogOptions options_of(const StoreOptions& store, std::string_view prefix, EpochSlots& slots,
                            const Bugs& bugs) {
  AppendLogOptions options;
  options.ring.page_bits = store.log_page_bits;
  options.ring.memory_bits = store.log_memory_bits;
  options.ring.sector_size = store.sector_size;
  options.ring.segment_bits = store.segment_bits;
  options.ring.keep_frames = store.keep_frames;
  options.ring.epoch_slots = store.epoch_slots;
  options.ring.main_io = store.main_io;
  options.ring.prefix = prefix;
  options.fast_commit = store.log_fast_commit;
  options.slots = &slots;
  options.bugs = &bugs;
  options.notes = events::kOfOperationLog;
  return options;
}

size_t size_of(const LoggedOperation& operation) {
  return kLoggedHead + operation.key.size() + operation.value.size();
}

bool is_known(LoggedKind kind) { return kind >= LoggedKind::upsert && kind <= LoggedKind::session; }

bool has_key(LoggedKind kind) { return kind < LoggedKind::emptied; }

}  // namespace
}  // namespace orrery::engine
