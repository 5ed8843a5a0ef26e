// SPDX-License-Identifier: Apache-2.0
#include "engine/store/session.hpp"

#include <algorithm>
#include <array>

#include "engine/store/operation.hpp"
#include "engine/store/store.hpp"

namespace orrery::engine {
namespace {

constexpr size_t kPrefetched =
    32;  // at once; of more, the first might be gone from the cache again

}  // namespace

Session::Session(Store& store, const SessionOptions& options)
    : store_(store), completed_(options.completed), reads_(store.runtime_.tasks) {
  view_.id = options.id;
}

Session::~Session() {
  if (open_) close();
}

Result<void> Session::allocate_staging(size_t size) {
  CHECK(size > 0, "staging buffers of no size");
  Memory& memory = store_.runtime_.memory;
  TRY_ASSIGN(old_value_, Array<std::byte>::make(memory, size, "staging for old values"));
  TRY_ASSIGN(new_value_, Array<std::byte>::make(memory, size, "staging for new values"));
  return {};
}

Result<void> Session::open() {
  CHECK(!open_, "a session is opened twice");
  TRY(store_.driver_.add_session(view_));
  serial_ = view_.serial.peek();
  open_ = true;
  return {};
}

OpResult Session::read(Bytes key, MutableBytes output, void* context) {
  Operation operation;
  operation.kind = OpKind::read;
  operation.key = key;
  operation.output = output;
  operation.context = context;
  return execute(operation);
}

OpResult Session::upsert(Bytes key, Bytes value, void* context) {
  Operation operation;
  operation.kind = OpKind::upsert;
  operation.key = key;
  operation.value = value;
  operation.value_size = value.size();
  operation.context = context;
  return execute(operation);
}

OpResult Session::upsert_zeros(Bytes key, size_t value_size, void* context) {
  Operation operation;
  operation.kind = OpKind::upsert;
  operation.key = key;
  operation.value_size = value_size;
  operation.zeros = true;
  operation.context = context;
  return execute(operation);
}

OpResult Session::rmw(Bytes key, Modifier& modifier, void* context) {
  Operation operation;
  operation.kind = OpKind::rmw;
  operation.key = key;
  operation.modifier = &modifier;
  operation.context = context;
  return execute(operation);
}

OpResult Session::erase(Bytes key, void* context) {
  Operation operation;
  operation.kind = OpKind::erase;
  operation.key = key;
  operation.context = context;
  return execute(operation);
}

OpResult Session::execute(Operation& operation) {
  CHECK(open_, "an operation on a closed session");
  const auto page_size = static_cast<size_t>(store_.log_.geometry().page_size());
  OpResult refused;
  refused.status = Status::failed;
  if (operation.key.empty()) {
    refused.error = {Errc::invalid, "a key of no bytes"};
    return answered(refused);
  }
  if (operation.key.size() > page_size || operation.value_size > page_size) {
    refused.error = {Errc::too_large, "a key or value larger than a page"};
    return answered(refused);
  }
  if (operation.zeros && store_.operations_.takes()) {
    refused.error = {Errc::invalid, "zeros that are not written cannot be logged"};
    return answered(refused);
  }
  operation.hash = hash_of(operation.key);
  store_.index_.prefetch(operation.hash);  // on its way while this task enters the epoch
  for (;;) {
    const OpResult result = OperationRun(*this, operation).execute();
    if (result.status != Status::pending) return result;
    // The device is asked from outside the epoch: whatever it does, nobody waits for this task.
    const OpResult started = start_pending(operation);
    if (started.status == Status::pending) return started;
    if (!is_stale(started)) return answered(started);
  }
}

// Of an operation that has its answer, and counts. Those that found theirs inside the store counted
// there.
OpResult Session::answered(const OpResult& result) {
  view_.serial.store(++serial_, std::memory_order_release);
  return result;
}

void Session::prefetch(std::span<const Bytes> keys) {
  CHECK(open_, "a closed session needs nothing");
  Self& self = store_.runtime_.tasks.self();
  std::array<uint64_t, kPrefetched> hashes;
  while (!keys.empty()) {
    const size_t count = std::min(keys.size(), kPrefetched);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = hash_of(keys[i]);
      store_.index_.prefetch(hashes[i]);
    }
    store_.epoch_.resume(self);
    // Who empties the store waits for those who came before, and for nobody who comes now.
    for (size_t i = 0; i < count && !store_.driver_.resetting(); ++i) {
      const FoundEntry entry = store_.index_.find_tag(hashes[i]);
      if (entry.entry != nullptr) store_.log_.prefetch(entry.word.address());
    }
    store_.epoch_.suspend(self);
    keys = keys.subspan(count);
  }
}

// True if the store was emptied since the operation found where its record was.
bool Session::is_stale(const OpResult& result) {
  SOMETIMES(result.error.code == Errc::cancelled, "a store was emptied under a pending operation");
  return result.status == Status::failed && result.error.code == Errc::cancelled;
}

void Session::refresh() {
  CHECK(open_, "a refresh of a closed session");
  Self& self = store_.runtime_.tasks.self();
  store_.epoch_.resume(self);
  store_.driver_.refresh(self, view_);
  store_.epoch_.suspend(self);
}

void Session::complete_pending(bool wait) {
  CHECK(open_, "a closed session has nothing pending");
  Tasks& tasks = store_.runtime_.tasks;
  for (;;) {
    const uint32_t turn = ready_turn_.load();  // before the look: what comes later ends the wait
    deliver_ready();
    const Instant due = issue_due();
    if (!wait || pending_count_ == 0) return;
    if (store_.log_.flusher().try_complete()) continue;
    tasks.wait(ready_turn_, turn, due);
  }
}

void Session::abandon() {
  CHECK(open_, "a closed session has nothing to give up");
  abandoned_ = true;
  cancel_reads();
  close();
}

void Session::close() {
  complete_pending(true);
  reads_.wait_for_none();
  store_.driver_.remove_session(view_);
  open_ = false;
}

}  // namespace orrery::engine
