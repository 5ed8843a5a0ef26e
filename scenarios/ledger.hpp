// SPDX-License-Identifier: Apache-2.0
// What the clients of a log or a store asked and saw, as notes in the trace, for the oracles
// durability-ledger, operation-log, recovery, metadata and reasons.
//
// Each is written in the same breath as what it tells of: before the call that it announces, or
// right after the call whose answer it repeats. An entry is named by the number that its bytes say
// (scenarios/history.hpp); 0 stands for bytes that say none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/result.hpp"
#include "engine/runtime/points.hpp"

namespace orrery::scenarios::ledger {

/// A log was opened. a = the Errc, b = where it begins.
inline constexpr uint16_t kOpened = 2000;
/// A log was recovered, or was not. a = the Errc, b = where it begins, c = where it ends.
inline constexpr uint16_t kRecovered = 2001;
/// An entry of what was recovered, in order. a = number, b = address, c = end.
inline constexpr uint16_t kReadBack = 2002;
/// There are no more of them. a = the Errc that ended it.
inline constexpr uint16_t kReadBackEnded = 2003;
/// The log was closed; whoever had an answer has noted it.
inline constexpr uint16_t kClosed = 2004;

/// A client is about to append. a = number.
inline constexpr uint16_t kAsked = 2010;
/// It has. a = number, b = address, c = end.
inline constexpr uint16_t kAppended = 2011;
/// It has not, for certain. a = number.
inline constexpr uint16_t kRefused = 2012;
/// A commit promised durability. a = from, b = until.
inline constexpr uint16_t kAcknowledged = 2013;
/// A client is about to give up what lies below. a = address.
inline constexpr uint16_t kGivingUp = 2014;
/// A commit that he began after he had given that up has promised durability. a = address.
inline constexpr uint16_t kGivenUp = 2019;

/// The one client who sets the cookie of the log is about to; to a higher number each time. a =
/// number.
inline constexpr uint16_t kCookieAsked = 2016;
/// A commit that he began after that has promised durability. a = number.
inline constexpr uint16_t kCookieAcknowledged = 2017;
/// The cookie of a recovered log; follows kRecovered. a = number, or 0 if it has none.
inline constexpr uint16_t kCookieRecovered = 2018;

/// A commit of a store's log of operations promised durability. a = until.
inline constexpr uint16_t kOperationsAcknowledged = 2015;

/// A store is about to be recovered from a checkpoint up to a version, and to give up the newer
/// ones. a = the version; 0: there was none, and all is as it was.
inline constexpr uint16_t kGoesBack = 2030;
/// That has failed on the way. From now on the newest checkpoint that is left will do.
inline constexpr uint16_t kAsksForNewest = 2031;

/// Somebody asks for a recovery who may not have it: how that ends says nothing of the store. a =
/// the size of his sectors; 0: he has gone.
inline constexpr uint16_t kStrangerAsks = 2035;

/// A client was told what the newest committed checkpoint holds of its session, and may forget what
/// it has done up to there. a = session, b = operations, c = version of a checkpoint since whose
/// end it asked.
inline constexpr uint16_t kSessionCommitted = 2032;

/// A client was told that its checkpoint is durable. a = the version that it was to capture, 0 for
/// one of the index alone; b = token; c = the version of which the answer speaks.
inline constexpr uint16_t kCheckpointAcknowledged = 2033;
/// It was told that its checkpoint has ended, well or not. a = token.
inline constexpr uint16_t kCheckpointSaidEnded = 2034;

/// A call has ended in an error. a = which Call, b = the Errc, c = of an operation on a key: its
/// place in the history.
inline constexpr uint16_t kFailed = 2040;

enum class Call : int64_t {
  open,
  recover,
  start_session,
  operation,  // on a key
  start_checkpoint,
  wait_checkpoint,
  commit,
  flush,
  shift_begin,
  reset,
  append,
  read_log,
  open_log,  // an append log, where there may be one already
};

constexpr const char* name_of(Call call) {
  switch (call) {
    case Call::open: return "an opening";
    case Call::recover: return "a recovery";
    case Call::start_session: return "the start of a session";
    case Call::operation: return "an operation";
    case Call::start_checkpoint: return "the start of a checkpoint";
    case Call::wait_checkpoint: return "a checkpoint";
    case Call::commit: return "a commit";
    case Call::flush: return "a flush";
    case Call::shift_begin: return "giving up a part of the log";
    case Call::reset: return "a reset";
    case Call::append: return "an append";
    case Call::read_log: return "reading a log";
    case Call::open_log: return "the opening of a log";
  }
  return "a call";
}

inline void note_failure(Call call, engine::Errc code, size_t place = 0,
                         engine::Site site = engine::Site::current()) {
  engine::note(kFailed, static_cast<int64_t>(call), static_cast<int64_t>(code),
               static_cast<int64_t>(place), site);
}

/// Whether the call went well; notes it if it did not.
template <typename T>
bool succeeded(Call call, const engine::Result<T>& result,
               engine::Site site = engine::Site::current()) {
  if (!result) note_failure(call, result.error().code, 0, site);
  return result.has_value();
}

/// A reader begins. a = its number: 0 reads what is committed, 1 also what is not; b = where.
inline constexpr uint16_t kReaderBegins = 2020;
/// Readers 0 and 1 got an entry. a = number, b = address, c = end.
inline constexpr uint16_t kReadCommitted = 2021;
inline constexpr uint16_t kReadUncommitted = 2022;
/// A reader met damage. a = its number, b = address.
inline constexpr uint16_t kReaderFailed = 2023;

}  // namespace orrery::scenarios::ledger
