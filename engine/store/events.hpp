// SPDX-License-Identifier: Apache-2.0
// What a store says about itself, through engine::note(kind, a, b, c).
//
// Each event is reported right after the operation that made it true, with no visible operation in
// between, so that the order of the notes is the order of what happened. All values are logical:
// addresses of the log, page numbers, versions, ids; never a pointer.
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery::engine::events {

/// Added to the kind of every event of another log than the main one: of its boundaries, pages,
/// writes and epoch.
inline constexpr uint16_t kOfOperationLog = 500;

/// a = which Boundary, b = its new value, c = its old value.
inline constexpr uint16_t kBoundary = 1;
/// A log begins, empty. a = where all its boundaries and its tail are, b = pages in its ring.
inline constexpr uint16_t kLogOpened = 8;
/// The tail was seen to be at least there. a = address.
inline constexpr uint16_t kTailSeen = 9;
/// The tail entered a new page. a = page, b = the first address given out in it.
inline constexpr uint16_t kPageOpened = 2;
/// The frame of an evicted page was renewed, retired or parked. a = page.
inline constexpr uint16_t kPageClosed = 3;
/// The close worker starts on a range. a = from, b = until.
inline constexpr uint16_t kCloseBegin = 4;
/// The close worker has no more to do. a = until.
inline constexpr uint16_t kCloseEnd = 5;
/// Eviction left a frame alive for the snapshot writes that read it. a = page, b = pins.
inline constexpr uint16_t kPageParked = 6;
/// The last of those writes has ended and the frame was retired. a = page.
inline constexpr uint16_t kPageUnparked = 7;

/// A log was recovered. a = begin, b = head, c = flushed; the tail is where it was opened.
inline constexpr uint16_t kLogRecovered = 46;
/// A recovery has ended. a = its Errc, b = version, c = token of the checkpoint; 0 if there is
/// none.
inline constexpr uint16_t kRecoveryEnded = 47;
/// The index of a checkpoint was loaded. a = token, b = start, c = final.
inline constexpr uint16_t kIndexLoaded = 48;

/// A checkpoint begins. a = token, b = the version that it is to capture.
inline constexpr uint16_t kCheckpointStarted = 29;
/// The range of a snapshot is fixed. a = start, b = final, c = version.
inline constexpr uint16_t kSnapshotStarted = 10;
/// A snapshot page is about to be handed to the device. a = page, b = from, c = until.
inline constexpr uint16_t kSnapshotPageSubmitted = 11;
/// A snapshot page was found wholly evicted and is not written. a = page.
inline constexpr uint16_t kSnapshotPageLeftOut = 12;
/// A snapshot page, written or left out, is about to be counted down. a = page, b = its Errc.
inline constexpr uint16_t kSnapshotPageDone = 13;

/// The walk after a snapshot page was written. a = the page written, b = first address, c = width.
inline constexpr uint16_t kWalkBegin = 20;
/// Follows kWalkBegin: a = from, b = until of the request, c = safe_ro as the walk read it.
inline constexpr uint16_t kWalkRange = 21;
/// One record of a walk. a = address of its header, b = its size, c = 1 if Dirty was cleared.
inline constexpr uint16_t kWalkStep = 22;
/// a = the page written, b = the address where the walk ended.
inline constexpr uint16_t kWalkEnd = 23;

/// The state word changed. a = Phase, b = version, c = where the records of the next version begin
/// (0 at rest).
inline constexpr uint16_t kCheckpointPhase = 30;
/// a = the version that was to be captured, b = its Errc, c = token.
inline constexpr uint16_t kCheckpointDone = 31;
/// The metadata and its name are durable. a = version, b = flushed, c = final.
inline constexpr uint16_t kMetadataCommitted = 32;
/// The buckets of an index checkpoint were written, or could not be. a = token, b = its Errc.
inline constexpr uint16_t kIndexWritten = 36;
/// An index checkpoint and its name are durable. a = token, b = start, c = final.
inline constexpr uint16_t kIndexCommitted = 37;
/// From here on older checkpoints of the log are removed. a = how many of the newest are kept.
inline constexpr uint16_t kCheckpointsRemoved = 38;
/// They are gone, and what they alone needed. a = how many are kept, b = where the log of the
/// oldest one begins.
inline constexpr uint16_t kOutdatedGone = 44;
/// The files of a checkpoint that failed could not be removed for good: a recovery may find it. a =
/// token, b = the Errc of the removal. kCheckpointDone follows.
inline constexpr uint16_t kCheckpointLeft = 43;
/// The store is being emptied: from here on any checkpoint may be gone.
inline constexpr uint16_t kStoreEmptying = 42;
/// It was not: no checkpoint that its log of operations goes with is gone.
inline constexpr uint16_t kStoreKept = 49;
/// The store was emptied: no key and no checkpoint is left of before. a = the version it is in.
inline constexpr uint16_t kStoreEmptied = 39;
/// A session opens. a = session id, b = version, c = its operations that are in the store.
inline constexpr uint16_t kSessionStarted = 27;
/// A session entered a version. a = session id, b = version.
inline constexpr uint16_t kSessionVersion = 33;
/// An operation leaves the epoch until a page was flushed. a = session id, b = its version.
inline constexpr uint16_t kFlushAwaited = 34;
/// It is back, and goes on. a = session id, b = its version.
inline constexpr uint16_t kFlushArrived = 35;

/// A write of the main log failed. a = page, b = attempts so far, c = its Errc.
inline constexpr uint16_t kMainWriteFailed = 40;
/// The main log gave up: flushed_until moves no more. a = page, b = its Errc.
inline constexpr uint16_t kLogFailed = 41;

/// The task entered the epoch: from here on it is protected. a = the epoch that it announced.
inline constexpr uint16_t kEpochEntered = 50;
/// It looked around while protected. a = the epoch that it announced.
inline constexpr uint16_t kEpochRefreshed = 51;
/// It left: what it had read is nothing any more. a = 1 if it had come for nothing but the actions
/// that were left to be run.
inline constexpr uint16_t kEpochLeft = 52;

/// A tolerant log gave a range up that it could not write. a = from, b = until, c = its Errc.
inline constexpr uint16_t kHoleLeft = 60;
/// An append log was recovered, and will be found like this again. a = begin, b = tail, c =
/// incarnation.
inline constexpr uint16_t kAppendLogRecovered = 61;
/// A commit of an append log is durable. a = until, b = begin, c = its number.
inline constexpr uint16_t kAppendLogCommitted = 62;
/// A commit of an append log failed; the log goes on. a = its number, b = its Errc.
inline constexpr uint16_t kAppendLogCommitFailed = 63;
/// The log of operations was replayed. a = from, b = until, c = the highest version of it; 0 if it
/// had nothing to say.
inline constexpr uint16_t kOperationsReplayed = 64;

/// True for an event of the log of operations; `of_main` is then the kind without the addition.
constexpr bool is_of_operation_log(uint16_t kind) { return kind >= kOfOperationLog && kind < 1000; }
constexpr uint16_t of_main(uint16_t kind) {
  return is_of_operation_log(kind) ? static_cast<uint16_t>(kind - kOfOperationLog) : kind;
}

/// The name of an event, for traces; empty for a kind that is not ours.
std::string_view name_of(uint16_t kind);

}  // namespace orrery::engine::events
