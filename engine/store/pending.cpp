// SPDX-License-Identifier: Apache-2.0
// Operations that need a record from the device.
//
// A completion does no more than hand the request back to its session. The session, when it comes
// to complete_pending, looks at what was read: it may ask again where the device failed, ask for
// more bytes, or follow the chain to the next record; once it knows what the device says about the
// key, it runs the operation again with that finding. If the chain has grown meanwhile, what is
// newer in memory wins.
#include <algorithm>
#include <utility>

#include "engine/store/operation.hpp"
#include "engine/store/store.hpp"

namespace orrery::engine {
namespace {

// Enough for the header and lengths of most records; what is missing costs a second read.
constexpr int64_t kFirstRead = 64;

}  // namespace

struct PendingRead {
  Io io;
  Session* session = nullptr;
  PendingRead* next = nullptr;   // in the list of what is ready
  PendingRead* older = nullptr;  // in the list of all of the session
  PendingRead* newer = nullptr;
  Operation operation;  // its key is a copy that follows this struct
  LogAddr address = kInvalidAddr;
  int64_t requested = 0;  // bytes of the record that were asked for
  uint32_t attempts = 0;  // at this request that failed
  Instant due;            // of the next attempt, where a pause comes before it
  int64_t skew = 0;       // bytes before the record, because reads begin at a sector
  std::byte* buffer = nullptr;
  size_t buffer_size = 0;
};

OpResult Session::start_pending(const Operation& operation) {
  Memory& memory = store_.runtime_.memory;
  OpResult result;
  result.status = Status::failed;
  result.version = view_.version;
  const size_t key_size = operation.key.size();
  auto block =
      memory.allocate(sizeof(PendingRead) + key_size, alignof(PendingRead), "pending read");
  if (!block) {
    result.error = block.error();
    return result;
  }
  auto& pending = *new (*block) PendingRead();
  std::byte* const key = static_cast<std::byte*>(*block) + sizeof(PendingRead);
  std::memcpy(key, operation.key.data(), key_size);
  pending.session = this;
  pending.operation = operation;
  pending.operation.key = {key, key_size};
  pending.operation.finding = nullptr;
  pending.operation.saved = kInvalidAddr;
  pending.address = operation.disk_address;
  pending.older = pending_;
  if (pending_ != nullptr) pending_->newer = &pending;
  pending_ = &pending;
  ++pending_count_;
  const int64_t guess =
      std::max(kFirstRead, value_offset(static_cast<int64_t>(key_size)) + kFirstRead);
  const Result<void> issued = issue_read(pending, guess);
  if (issued) {
    result.status = Status::pending;
    return result;
  }
  free_pending(pending);
  result.error = issued.error();
  return result;
}

// Asks for `size` bytes at the pending address, or for as many as the page has.
Result<void> Session::issue_read(PendingRead& pending, int64_t size) {
  const Geometry& geometry = store_.log_.geometry();
  Memory& memory = store_.runtime_.memory;
  const int64_t limit = geometry.page_size() - geometry.offset(pending.address);
  pending.requested = std::min(size, limit);
  const uint64_t offset = geometry.file_offset(pending.address);
  const uint64_t start = round_down(offset, static_cast<uint64_t>(geometry.sector));
  const uint64_t end = round_up(offset + static_cast<uint64_t>(pending.requested),
                                static_cast<uint64_t>(geometry.sector));
  pending.skew = static_cast<int64_t>(offset - start);
  if (end - start > pending.buffer_size) {
    memory.free(pending.buffer);
    pending.buffer = nullptr;
    pending.buffer_size = 0;
    TRY_ASSIGN(void* const buffer, memory.allocate(end - start, 512, "read buffer"));
    pending.buffer = static_cast<std::byte*>(buffer);
    pending.buffer_size = end - start;
  }
  Io& io = pending.io;
  io = {};
  io.kind = IoKind::read;
  io.offset = start;
  io.length = end - start;
  io.buffer = pending.buffer;
  io.done = &Session::read_done;
  io.owner = &pending;
  CHECK(pending.requested > 0, "a read of no bytes at {}", pending.address);
  if (!store_.begin_read(pending.operation.generation)) {
    return Error{Errc::cancelled, "the store was emptied"};
  }
  reads_.add();
  store_.log_.flusher().device().submit(io);
  return {};
}

// Makes the reads again whose pause is over. Returns when the next one will be; kNever: none waits.
Instant Session::issue_due() {
  if (waiting_ == nullptr) return kNever;
  const Instant now = store_.runtime_.clock.now();
  Instant next = kNever;
  PendingRead* waiting = std::exchange(waiting_, nullptr);
  while (waiting != nullptr) {
    PendingRead& pending = *std::exchange(waiting, waiting->next);
    if (pending.due > now && !abandoned_) {
      next = std::min(next, pending.due);
      pending.next = std::exchange(waiting_, &pending);
      continue;
    }
    if (abandoned_) {
      continue_read(pending);
    } else if (!issue_read(pending, pending.requested)) {
      SOMETIMES(true, "a store was emptied before a read was tried again");
      run_again(pending);
    }
  }
  return next;
}

// On any task. Once the request is in the list, it may be gone; the session stays until reads_ has
// counted this completion.
void Session::read_done(Io& io) {
  auto* const pending = static_cast<PendingRead*>(io.owner);
  Session& session = *pending->session;
  Store& store = session.store_;
  Tasks& tasks = store.runtime_.tasks;
  PendingRead* head = session.ready_.load();
  do {
    pending->next = head;
  } while (!session.ready_.compare_exchange(head, pending));
  session.ready_turn_.fetch_add(1);
  tasks.wake(session.ready_turn_, kEverybody);
  store.end_read();
  session.reads_.remove();
}

void Session::deliver_ready() {
  PendingRead* taken = ready_.exchange(nullptr);
  PendingRead* in_order = nullptr;
  while (taken != nullptr) {
    PendingRead* const after = taken->next;
    taken->next = in_order;
    in_order = taken;
    taken = after;
  }
  while (in_order != nullptr) {
    PendingRead* const after = in_order->next;
    continue_read(*in_order);
    in_order = after;
  }
}

void Session::continue_read(PendingRead& pending) {
  DiskFinding finding;
  finding.initial_latest = pending.operation.initial_latest;
  if (abandoned_) {
    SOMETIMES(true, "a pending operation was given up");
    OpResult given_up;
    given_up.status = Status::failed;
    given_up.error = {Errc::cancelled, "the session was given up"};
    given_up.version = view_.version;
    return finish(pending, answered(given_up));
  }
  // What was read is of the contents that it was asked of, and perhaps of none.
  if (pending.operation.generation != store_.generation()) return run_again(pending);
  const Result<bool> known = look_at_read(pending, finding);
  if (!known && known.error().code == Errc::cancelled) return run_again(pending);
  OpResult result;
  result.version = view_.version;
  if (!known) {
    result.status = Status::failed;
    result.error = known.error();
    return finish(pending, answered(result));
  }
  if (!*known) return;  // another read is under way
  pending.operation.finding = &finding;
  run_again(pending);
}

// With what is known from the device, if anything. The records that were newer in memory may have
// left it, too: they come first.
void Session::run_again(PendingRead& pending) {
  for (;;) {
    OpResult result = OperationRun(*this, pending.operation).execute();
    if (result.status != Status::pending) return finish(pending, result);
    SOMETIMES(true, "a pending operation was started again");
    result = start_pending(pending.operation);
    if (is_stale(result)) {
      pending.operation.finding = nullptr;
      continue;
    }
    if (result.status != Status::pending) return finish(pending, answered(result));
    return free_pending(pending);
  }
}

// True if the device has said all it has to say about the key; false if it was asked again.
Result<bool> Session::look_at_read(PendingRead& pending, DiskFinding& finding) {
  const Io& io = pending.io;
  if (pending.address < store_.log_.load(Boundary::begin)) {
    SOMETIMES(true, "what was read had been given up meanwhile");
    return true;  // whatever the device has said
  }
  if (io.error != Errc::ok) {
    return read_failed(pending, {io.error, "a record could not be read", pending.address});
  }
  const Geometry& geometry = store_.log_.geometry();
  const int64_t limit = geometry.page_size() - geometry.offset(pending.address);
  const int64_t transferred = static_cast<int64_t>(std::min(io.transferred, io.length));
  const int64_t available = std::clamp(transferred - pending.skew, int64_t{0}, limit);
  const Bytes bytes{pending.buffer + pending.skew, static_cast<size_t>(available)};
  TRY_ASSIGN(const ImageStage stage, look_at_image(bytes, limit));
  if (!stage.complete && io.transferred < io.length) {
    return read_failed(pending, {Errc::io, "a read was short", pending.address});
  }
  pending.attempts = 0;
  if (!stage.complete) {
    CHECK(stage.needed > pending.requested, "{} bytes are needed and {} were read", stage.needed,
          pending.requested);
    TRY(issue_read(pending, stage.needed));
    return false;
  }
  const RecordHeader header = stage.image.header;
  if (!header.has(RecordHeader::kValid)) {
    return Error{Errc::corrupt, "an invalid record in a chain", pending.address};
  }
  if (std::ranges::equal(stage.image.key, pending.operation.key)) {
    finding.found = true;
    finding.address = pending.address;
    finding.tombstone = header.has(RecordHeader::kTombstone);
    finding.value = stage.image.value;
    return true;
  }
  if (header.prev() >= pending.address) {
    return Error{Errc::corrupt, "a chain that does not go down", pending.address};
  }
  if (header.prev() < store_.log_.load(Boundary::begin)) return true;  // there is no such key
  SOMETIMES(true, "a chain was followed on the device");
  pending.address = header.prev();
  TRY(issue_read(pending,
                 value_offset(static_cast<int64_t>(pending.operation.key.size())) + kFirstRead));
  return false;
}

// Asks the same again, now or after a pause, unless the policy has no more attempts.
Result<bool> Session::read_failed(PendingRead& pending, const Error& error) {
  const RetryPolicy& policy = store_.log_.flusher().policy();
  if (error.code == Errc::cancelled || ++pending.attempts >= policy.attempts) return error;
  SOMETIMES(true, "a read of a pending operation is tried again");
  if (policy.retry_delay_us == 0) {
    TRY(issue_read(pending, pending.requested));
  } else {
    pending.due = store_.runtime_.clock.now() + policy.retry_delay();
    pending.next = std::exchange(waiting_, &pending);
  }
  return false;
}

void Session::finish(PendingRead& pending, const OpResult& result) {
  CHECK(result.status != Status::pending, "a pending result is delivered");
  void* const context = pending.operation.context;
  free_pending(pending);
  if (completed_ != nullptr) completed_(context, result);
}

// Some have been finished, and wait to be looked at: the device knows nothing of them.
void Session::cancel_reads() {
  Device& device = store_.log_.flusher().device();
  for (PendingRead* pending = pending_; pending != nullptr; pending = pending->older) {
    const bool asked_back = device.cancel(pending->io);
    SOMETIMES(asked_back, "a read was asked back from its device");
  }
}

void Session::free_pending(PendingRead& pending) {
  CHECK(pending_count_ > 0, "more operations finish than were pending");
  if (pending.older != nullptr) pending.older->newer = pending.newer;
  (pending.newer != nullptr ? pending.newer->older : pending_) = pending.older;
  --pending_count_;
  store_.runtime_.memory.free(pending.buffer);
  store_.runtime_.memory.free(&pending);
}

}  // namespace orrery::engine
