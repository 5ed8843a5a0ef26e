// SPDX-License-Identifier: Apache-2.0
#include "engine/store/events.hpp"

namespace orrery::engine::events {

std::string_view name_of(uint16_t kind) {
  switch (of_main(kind)) {
    case kBoundary: return "boundary";
    case kLogOpened: return "log-opened";
    case kLogRecovered: return "log-recovered";
    case kRecoveryEnded: return "recovery-ended";
    case kCheckpointStarted: return "checkpoint-started";
    case kTailSeen: return "tail-seen";
    case kPageOpened: return "page-opened";
    case kPageClosed: return "page-closed";
    case kCloseBegin: return "close-begin";
    case kCloseEnd: return "close-end";
    case kPageParked: return "page-parked";
    case kPageUnparked: return "page-unparked";
    case kSnapshotStarted: return "snapshot-started";
    case kSnapshotPageSubmitted: return "snapshot-page-submitted";
    case kSnapshotPageLeftOut: return "snapshot-page-left-out";
    case kSnapshotPageDone: return "snapshot-page-done";
    case kWalkBegin: return "walk-begin";
    case kWalkRange: return "walk-range";
    case kWalkStep: return "walk-step";
    case kWalkEnd: return "walk-end";
    case kCheckpointPhase: return "checkpoint-phase";
    case kCheckpointDone: return "checkpoint-done";
    case kOutdatedGone: return "outdated-gone";
    case kCheckpointLeft: return "checkpoint-left";
    case kMetadataCommitted: return "metadata-committed";
    case kIndexWritten: return "index-written";
    case kIndexCommitted: return "index-committed";
    case kIndexLoaded: return "index-loaded";
    case kStoreEmptying: return "store-emptying";
    case kStoreEmptied: return "store-emptied";
    case kStoreKept: return "store-kept";
    case kCheckpointsRemoved: return "checkpoints-removed";
    case kSessionStarted: return "session-started";
    case kSessionVersion: return "session-version";
    case kFlushAwaited: return "flush-awaited";
    case kFlushArrived: return "flush-arrived";
    case kMainWriteFailed: return "main-write-failed";
    case kLogFailed: return "log-failed";
    case kEpochEntered: return "epoch-entered";
    case kEpochRefreshed: return "epoch-refreshed";
    case kEpochLeft: return "epoch-left";
    case kHoleLeft: return "hole-left";
    case kAppendLogRecovered: return "append-log-recovered";
    case kAppendLogCommitted: return "append-log-committed";
    case kAppendLogCommitFailed: return "append-log-commit-failed";
    case kOperationsReplayed: return "operations-replayed";
    default: return {};
  }
}

}  // namespace orrery::engine::events
