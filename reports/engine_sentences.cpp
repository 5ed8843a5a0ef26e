// SPDX-License-Identifier: Apache-2.0
#include "reports/engine_sentences.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/store/events.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

using scenarios::Run;
using sim::Event;
namespace events = engine::events;

std::string operation_log_sentence(const Event& e);
std::string snapshot_sentence(const Run& run, const Event& e);
std::string store_sentence(const Run& run, const Event& e);
std::string range_text(const Run& run, int64_t from, int64_t until);

}  // namespace

std::string engine_sentence(const Run& run, const Event& event) {
  if (events::is_of_operation_log(event.kind)) return operation_log_sentence(event);
  const bool of_snapshot = event.kind >= events::kSnapshotStarted && event.kind <= events::kWalkEnd;
  return of_snapshot ? snapshot_sentence(run, event) : store_sentence(run, event);
}

namespace {

std::string recovery_sentence(const Run& run, const Event& e) {
  switch (e.kind) {
    case events::kCheckpointStarted:
      return fmt::format("starts checkpoint {} of version {}", e.a, e.b);
    case events::kLogRecovered:
      return fmt::format("recovers the log: begin {}, head {}, flushed {}", grouped(e.a),
                         grouped(e.b), address_text(run, e.c));
    case events::kRecoveryEnded:
      if (e.c == 0) return fmt::format("recovery ended: {}", errc_text(e.a));
      return fmt::format("has recovered version {} from checkpoint {}", e.b, e.c);
    case events::kStoreEmptying: return "removes every checkpoint, to empty the store";
    case events::kStoreEmptied: return fmt::format("the store is empty, in version {}", e.a);
    case events::kStoreKept: return "the store could not be emptied, and keeps what it has";
    case events::kOperationsReplayed:
      return fmt::format("has replayed the log of operations from {} to {}, up to version {}",
                         grouped(e.a), grouped(e.b), e.c);
    case events::kIndexLoaded:
      return fmt::format("loads the index of checkpoint {}: the log counts from {} on", e.a,
                         address_text(run, e.b));
    default: return {};
  }
}

std::string session_sentence(const Event& e) {
  switch (e.kind) {
    case events::kSessionStarted:
      return fmt::format("session {} begins in version {}, with {} done", e.a, e.b,
                         counted(static_cast<uint64_t>(e.c), "operation"));
    case events::kSessionVersion: return fmt::format("session {} enters version {}", e.a, e.b);
    case events::kFlushAwaited:
      return fmt::format("session {} leaves the epoch in version {}, to wait for a flush", e.a,
                         e.b);
    case events::kFlushArrived:
      return fmt::format("session {} is back in the epoch, and goes on in version {}", e.a, e.b);
    default: return {};
  }
}

std::string store_sentence(const Run& run, const Event& e) {
  switch (e.kind) {
    case events::kCheckpointStarted:
    case events::kLogRecovered:
    case events::kRecoveryEnded:
    case events::kStoreEmptying:
    case events::kStoreEmptied:
    case events::kStoreKept:
    case events::kOperationsReplayed:
    case events::kIndexLoaded: return recovery_sentence(run, e);
    case events::kBoundary:
      return fmt::format("moves {} from {} to {}", boundary_name(e.a), grouped(e.c),
                         address_text(run, e.b));
    case events::kLogOpened: return "opens a log, empty, at " + address_text(run, e.a);
    case events::kTailSeen: return "sees the tail at " + address_text(run, e.a);
    case events::kPageOpened: return fmt::format("opens page {} at {}", grouped(e.a), grouped(e.b));
    case events::kPageClosed: return fmt::format("closes page {}: its frame is free", grouped(e.a));
    case events::kCloseBegin: return "begins to close " + range_text(run, e.a, e.b);
    case events::kCloseEnd: return "has closed all below " + address_text(run, e.a);
    case events::kPageParked:
      return fmt::format("parks page {}: evicted, but {} still reads its frame", grouped(e.a),
                         counted(static_cast<uint64_t>(e.b), "snapshot write"));
    case events::kPageUnparked:
      return fmt::format("frees page {}: the last write that read its frame ended", grouped(e.a));
    case events::kCheckpointPhase: return "the checkpoint enters " + phase_text(e.a, e.b);
    case events::kCheckpointDone:
      return fmt::format("the checkpoint of version {} ended: {}", e.a, errc_text(e.b));
    case events::kMetadataCommitted:
      return fmt::format("metadata of version {} is durable: flushed {}, final {}", e.a,
                         grouped(e.b), grouped(e.c));
    case events::kIndexWritten:
      return fmt::format("the buckets of index checkpoint {} are written: {}", e.a, errc_text(e.b));
    case events::kIndexCommitted:
      return fmt::format("index checkpoint {} is durable: start {}, final {}", e.a, grouped(e.b),
                         grouped(e.c));
    case events::kOutdatedGone:
      return fmt::format("has removed the older checkpoints: {} left, whose log begins at {}", e.a,
                         grouped(e.b));
    case events::kCheckpointLeft:
      return fmt::format(
          "the files of the failed checkpoint with token {} could not be removed: {}", e.a,
          errc_text(e.b));
    case events::kCheckpointsRemoved:
      return fmt::format("removes all checkpoints but {}",
                         counted(static_cast<uint64_t>(e.a), "newest one"));
    case events::kSessionStarted:
    case events::kSessionVersion:
    case events::kFlushAwaited:
    case events::kFlushArrived: return session_sentence(e);
    case events::kMainWriteFailed:
      return fmt::format("the main write of page {} failed ({}), attempt {}", grouped(e.a),
                         errc_text(e.c), e.b);
    case events::kLogFailed:
      return fmt::format("the main log gives up at page {} ({})", grouped(e.a), errc_text(e.b));
    case events::kEpochEntered: return fmt::format("enters epoch {}", grouped(e.a));
    case events::kEpochRefreshed: return fmt::format("looks around: epoch {}", grouped(e.a));
    case events::kEpochLeft: return "leaves the epoch";
    default: return {};
  }
}

// Its pages are not those of the store: addresses stand alone.
std::string operation_log_sentence(const Event& e) {
  const uint16_t kind = events::of_main(e.kind);
  const std::string_view name = events::name_of(e.kind);
  if (name.empty()) return {};
  if (kind == events::kBoundary) {
    return fmt::format("the log of operations: moves {} from {} to {}", boundary_name(e.a),
                       grouped(e.c), grouped(e.b));
  }
  return fmt::format("the log of operations: {} {} {} {}", name, e.a, e.b, e.c);
}

std::string snapshot_sentence(const Run& run, const Event& e) {
  switch (e.kind) {
    case events::kSnapshotStarted:
      return fmt::format("begins a snapshot of {}, version {}", range_text(run, e.a, e.b), e.c);
    case events::kSnapshotPageSubmitted:
      return fmt::format("snapshot page {}: hands {} to the device", grouped(e.a),
                         range_text(run, e.b, e.c));
    case events::kSnapshotPageLeftOut:
      return fmt::format("snapshot page {}: evicted already, not written", grouped(e.a));
    case events::kSnapshotPageDone:
      return fmt::format("snapshot page {}: counted down, {}", grouped(e.a), errc_text(e.b));
    case events::kWalkBegin:
      return fmt::format("walk after page {}: {} from {}", grouped(e.a),
                         counted(static_cast<uint64_t>(std::max<int64_t>(e.c, 0)), "byte"),
                         address_text(run, e.b));
    case events::kWalkRange:
      return fmt::format("its request was {}; safe_ro is {}", range_text(run, e.a, e.b),
                         address_text(run, e.c));
    case events::kWalkStep:
      return fmt::format("walks over {} at {}{}",
                         counted(static_cast<uint64_t>(std::max<int64_t>(e.b, 0)), "byte"),
                         address_text(run, e.a), e.c != 0 ? ", clears Dirty" : "");
    case events::kWalkEnd:
      return fmt::format("walk after page {} ends at {}", grouped(e.a), address_text(run, e.b));
    default: return {};
  }
}

std::string range_text(const Run& run, int64_t from, int64_t until) {
  return fmt::format("[{}, {})", address_text(run, from), grouped(until));
}

}  // namespace
}  // namespace orrery::reports
