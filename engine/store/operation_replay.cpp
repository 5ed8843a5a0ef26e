// SPDX-License-Identifier: Apache-2.0
// From a checkpoint and the log of operations to all that was done: what the log holds from the
// checkpoint's place on and what is of a later version is done again, in the order of the log.
//
// It is done by a session, like anything else, but for the log. A crash in the middle leaves behind
// what a crash of a store that worked would: the next recovery begins with the same checkpoint. The
// store goes on in a version above all that was replayed: versions never go back along the log, so
// no later checkpoint takes an operation of an earlier life for one of its own.
#include <algorithm>

#include "engine/store/append_log_iterator.hpp"
#include "engine/store/events.hpp"
#include "engine/store/store.hpp"

namespace orrery::engine {
namespace {

constexpr uint64_t kReplaySession = UINT64_MAX;  // its id; no other session has it
static_assert(kReplaySession > SessionOptions::kIdMax);

Result<void> apply(Session& session, const LoggedOperation& operation) {
  const bool erases = operation.kind == LoggedKind::erase;
  const OpResult result =
      erases ? session.erase(operation.key) : session.upsert(operation.key, operation.value);
  CHECK(result.status != Status::pending, "an update without a question waits for the device");
  return result.status == Status::failed ? Result<void>(result.error) : Result<void>();
}

}  // namespace

// Finds the log of operations, and that it reaches back to the checkpoint.
Result<void> Store::open_operations() {
  if (operations_.is_open()) return {};
  const LogAddr start = recovered_.replay_from;
  const Result<void> found = operations_.recover(options_, epoch_slots_);
  const bool missing = !found && found.error().code == Errc::not_found;
  if (missing && start == 0) {
    SOMETIMES(true, "a store begins to log its operations after a checkpoint");
    return operations_.open(options_, epoch_slots_);
  }
  if (missing) return Error{Errc::corrupt, "the log of operations is gone", start};
  TRY(found);
  AppendLog& log = operations_.log();
  const LogAddr from = std::max(start, kFirstValid);
  const LogAddr until = log.committed_until();
  if (log.begin() <= from && from <= until) return {};
  return Error{Errc::corrupt, "the log of operations does not reach to the checkpoint",
               log.begin() > from ? log.begin() : until};
}

Result<void> Store::recover_operations() {
  TRY(open_operations());
  const LogAddr from = std::max(recovered_.replay_from, kFirstValid);
  SessionOptions options;
  options.id = kReplaySession;
  TRY_ASSIGN(Owned<Session> session,
             make_owned<Session>(runtime_.memory, "session", *this, options));
  TRY(session->allocate_staging(1));
  TRY(session->open());
  operations_.set_replaying(true);
  const auto replayed = replay(*session, from);
  operations_.set_replaying(false);
  session->close();
  TRY(forget_session(kReplaySession));
  TRY(replayed);
  driver_.go_on_in(*replayed + 1);
  return {};
}

// The highest version that was replayed.
Result<uint64_t> Store::replay(Session& session, LogAddr from) {
  AppendLog& log = operations_.log();
  const LogAddr until = log.committed_until();
  IteratorOptions options;
  options.from = from;
  AppendLogIterator iterator(runtime_, log, options);
  TRY(iterator.initialise());
  uint64_t highest = 0;
  for (;;) {
    TRY_ASSIGN(const std::optional<LogEntry> entry, iterator.get_next());
    if (!entry) break;
    const auto operation = decode_logged(entry->payload);
    if (!operation) return Error{Errc::corrupt, operation.error().what, entry->address};
    if (operation->kind == LoggedKind::nothing) continue;
    SOMETIMES(operation->version <= recovered_.info.version,
              "an operation was in the checkpoint and behind its place in the log");
    if (operation->version <= recovered_.info.version) continue;
    highest = std::max(highest, operation->version);
    // Either the replay began here, or the store was not emptied after all.
    if (operation->kind == LoggedKind::emptied) continue;
    if (operation->kind != LoggedKind::session) TRY(apply(session, *operation));
    TRY(driver_.replayed(operation->session, operation->serial));
  }
  note(events::kOperationsReplayed, from, until, static_cast<int64_t>(highest));
  SOMETIMES(highest > recovered_.info.next_version, "versions of several lives were replayed");
  return highest;
}

}  // namespace orrery::engine
