// SPDX-License-Identifier: Apache-2.0
// The files of a checkpoint: when its range is fixed, and when it becomes one.
//
// A checkpoint exists from the moment its metadata and the name of it are durable. All that the
// metadata speaks of is durable before: the snapshot, the main log as far as it is named, and the
// name of the snapshot.
#include <algorithm>

#include "engine/base/crc32c.hpp"
#include "engine/store/blocking_io.hpp"
#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"
#include "engine/store/index_file.hpp"
#include "engine/store/names.hpp"
#include "engine/store/snapshot_file.hpp"

namespace orrery::engine {

Result<void> CheckpointDriver::check(const CheckpointRequest& request) const {
  if (request.log == LogCheckpoint::none && !request.index) {
    return Error{Errc::invalid, "a checkpoint of nothing"};
  }
  if (request.log == LogCheckpoint::fold_over && log_.main_is_null()) {
    return Error{Errc::invalid, "a cache has no main device to fold over to"};
  }
  return {};
}

// Tokens are never used twice: the files of an earlier life are somebody's checkpoint.
Result<void> CheckpointDriver::skip_used_tokens() {
  CHECK(next_token_ > 0, "a token of zero means none");
  const auto visit = [](void* context, std::string_view name) {
    auto& driver = *static_cast<CheckpointDriver*>(context);
    const uint64_t token = std::max(token_of_checkpoint(name, driver.options_.prefix),
                                    token_of_index(name, driver.options_.prefix));
    driver.next_token_ = std::max(driver.next_token_, token + 1);
  };
  return runtime_.storage.list(options_.prefix, visit, this);
}

// Entering WAIT_FLUSH: everybody works in the next version by now.
Result<void> CheckpointDriver::capture(Self& self) {
  if (machine_.index) {
    TRY(index_.outcome());
    index_final_ = log_.tail();
  }
  info_.head = log_.load(Boundary::head);
  info_.page_bits = options_.page_bits;
  info_.sector = options_.sector_size;
  info_.null_main = log_.main_is_null();
  info_.use_snapshot_file = machine_.log == LogCheckpoint::snapshot;
  if (info_.use_snapshot_file) return begin_snapshot(self);
  info_.final = log_.shift_ro_to_tail(self);
  info_.snapshot_start = info_.final;
  info_.snapshot_final = info_.final;
  fuzzy_end_.store(info_.final);
  folding_.store(1);
  return {};
}

Result<void> CheckpointDriver::begin_snapshot(Self& self) {
  info_.final = snapshot_.fix_final();
  info_.snapshot_final = info_.final;
  fuzzy_end_.store(info_.final);
  const DeviceName name = DeviceName::snapshot(options_.prefix, info_.token);
  auto opened = runtime_.storage.open(name.view(), page_file_options(options_));
  if (!opened) {
    snapshot_.release_final();
    return opened.error();
  }
  snapshot_device_ = *opened;
  const LogAddr start = log_.load(info_.null_main ? Boundary::head : Boundary::flushed);
  SOMETIMES(start > info_.final, "the log was flushed past the end of the snapshot");
  const auto begun = snapshot_.begin(self, start, info_, *snapshot_device_);
  if (!begun) {
    snapshot_.release_final();
    return begun.error();
  }
  info_.snapshot_start = *begun;
  return {};
}

// Entering PERSISTENCE_CALLBACK: all that the checkpoint captures was written.
Result<void> CheckpointDriver::commit() {
  info_.flushed = info_.snapshot_start;
  if (!info_.null_main) TRY(sync_log());
  if (bugs_.spec_d9()) {
    const Boundary now = info_.null_main ? Boundary::head : Boundary::flushed;
    info_.flushed = std::max(info_.flushed, log_.load(now));
  }
  CHECK(info_.flushed >= info_.snapshot_start, "a gap between the log and the snapshot");
  // What was given up meanwhile was perhaps not written: the flush passes over it.
  if (!info_.null_main) {
    const LogAddr begin = log_.load(Boundary::begin);
    SOMETIMES(begin > info_.begin, "a part of the log was given up while it was captured");
    info_.begin = std::max(info_.begin, std::min(begin, info_.final));
  }
  if (info_.use_snapshot_file) {
    CHECK(snapshot_device_ != nullptr, "a checkpoint without a snapshot is committed");
    TRY(snapshot_.outcome());
    TRY(sync_blocking(runtime_.tasks, *snapshot_device_));
    TRY(write_page_table());
  }
  if (machine_.index) TRY(index_.commit(index_final_));
  info_.index_token = machine_.index ? info_.token : kept_.index_token;
  TRY(commit_operations());
  // First the names of these files, or a crash might leave metadata without them.
  TRY(runtime_.storage.sync_names());
  const Result<void> described = describe();
  if (!described && !bugs_.spec_d4()) return described;
  note(events::kMetadataCommitted, static_cast<int64_t>(info_.version), info_.flushed, info_.final);
  commit_sessions();
  if (machine_.index) kept_.index_token = info_.token;
  kept_.add({info_.token, info_.index_token, info_.begin, info_.log_start});
  if (remove_outdated()) truncate_logs();
  return {};
}

// With its metadata the checkpoint begins to be one.
Result<void> CheckpointDriver::describe() {
  TRY(write_metadata());
  TRY(runtime_.storage.sync_names());
  return verify();
}

// A recovery that finds the checkpoint must find the log up to its place there, or what is logged
// afterwards would stand below that place. All that is of this version is logged by now.
Result<void> CheckpointDriver::commit_operations() {
  if (!operations_.is_open()) return {};
  TRY_ASSIGN(const LogAddr until, operations_.commit());
  CHECK(until >= info_.log_start, "operations are durable up to {}, and not to {}", until,
        info_.log_start);
  return {};
}

Result<void> CheckpointDriver::sync_log() {
  const LogAddr flushed = log_.load(Boundary::flushed);
  if (!info_.use_snapshot_file && flushed < info_.final) return log_.flusher().failure();
  // The main log may have gone on beyond what the checkpoint captures.
  info_.flushed = std::min(flushed, info_.final);
  return sync_blocking(runtime_.tasks, log_.flusher().device());
}

Result<void> CheckpointDriver::commit_index() {
  index_final_ = log_.tail();
  TRY(index_.commit(index_final_));
  TRY(runtime_.storage.sync_names());
  if (options_.checkpoints_kept != 0) TRY(verify_index());
  note(events::kIndexCommitted, static_cast<int64_t>(info_.token), index_.info().start,
       index_final_);
  kept_.index_token = info_.token;
  (void)remove_outdated();
  return {};
}

// Others are removed because this one is there: so all of it is read back first.
Result<void> CheckpointDriver::verify() {
  if (options_.checkpoints_kept == 0) return {};
  TRY_ASSIGN(const FoundCheckpoint found, read_metadata(runtime_, options_, info_.token));
  if (found.info != info_) return Error{Errc::corrupt, "metadata that is not what was written"};
  if (info_.pages > 0) {
    SnapshotFile snapshot(runtime_, options_);
    TRY(snapshot.open(info_));
    TRY(snapshot.read_all());
  }
  return machine_.index ? verify_index() : Result<void>();
}

Result<void> CheckpointDriver::verify_index() {
  TRY_ASSIGN(const IndexInfo index, read_index_metadata(runtime_, options_, info_.token));
  if (index == index_.info()) return read_index_table(runtime_, options_, index, nullptr);
  return Error{Errc::corrupt, "metadata of an index that is not what was written"};
}

Result<void> CheckpointDriver::write_page_table() {
  const PageTable& pages = snapshot_.pages();
  info_.pages = static_cast<uint64_t>(pages.count());
  if (info_.pages == 0) return {};
  const size_t size = round_up(pages.encoded_size(), options_.sector_size);
  TRY_ASSIGN(auto bytes,
             Array<std::byte>::make(runtime_.memory, size, "page table file", kIoAlignment));
  pages.encode({bytes.data(), size});
  info_.pages_checksum = crc32c({bytes.data(), pages.encoded_size()});
  const DeviceName name = DeviceName::page_table(options_.prefix, info_.token);
  return write_file(runtime_, options_, name.view(), {bytes.data(), size});
}

Result<void> CheckpointDriver::write_metadata() {
  Array<SessionPoint> points;
  TRY_ASSIGN(const size_t count, collect_sessions(points, &CheckpointDriver::point_of));
  const size_t size = metadata_size_max(count, options_.sector_size);
  if (size > kMetadataMax) return Error{Errc::too_large, "metadata of too many sessions"};
  TRY_ASSIGN(auto bytes, Array<std::byte>::make(runtime_.memory, size, "metadata", kIoAlignment));
  const size_t used = encode_metadata(info_, {points.data(), count}, {bytes.data(), size});
  const DeviceName name = DeviceName::metadata(options_.prefix, info_.token);
  return write_file(runtime_, options_, name.view(), {bytes.data(), used});
}

Result<size_t> CheckpointDriver::collect_sessions(Array<SessionPoint>& points, PointOf of) {
  const Lock lock(mutex_);
  const auto sessions = sessions_.all();
  if (sessions.empty()) return 0;
  TRY_ASSIGN(points, Array<SessionPoint>::make(runtime_.memory, sessions.size(), "session points"));
  for (size_t place = 0; place < sessions.size(); ++place) {
    points[place] = (this->*of)(sessions[place]);
    sessions[place].captured = points[place].serial;
  }
  return sessions.size();
}

// A session that has slept all the while has not entered the next version, but what it has finished
// belongs to this one all the same.
SessionPoint CheckpointDriver::point_of(const KnownSession& session) const {
  if (session.open == nullptr) {
    const bool entered = session.version >= info_.next_version;
    SOMETIMES(entered, "a session was closed in the version after that of a checkpoint");
    return {session.id, entered ? session.commit_serial : session.serial};
  }
  const SessionView& view = *session.open;
  for (;;) {
    const uint64_t entered = view.entered_version.load();
    if (entered >= info_.next_version) return {view.id, view.commit_serial.load()};
    const uint64_t serial = view.serial.load();
    if (view.entered_version.load() == entered) return {view.id, serial};
    SOMETIMES(true, "a session woke while its commit point was read");
  }
}

void CheckpointDriver::commit_sessions() {
  const Lock lock(mutex_);
  for (KnownSession& known : sessions_.all()) known.committed = known.captured;
}

// There is perhaps no checkpoint any more that a client could count on.
void CheckpointDriver::forget_committed() {
  const Lock lock(mutex_);
  for (KnownSession& known : sessions_.all()) known.committed = 0;
}

SessionPoint CheckpointDriver::present_of(const KnownSession& session) const {
  return {session.id, session.open == nullptr ? session.serial : session.open->serial.load()};
}

void CheckpointDriver::close_files() {
  folding_.store(0);
  if (snapshot_device_ != nullptr) snapshot_device_->close();
  snapshot_device_ = nullptr;
  if (machine_.index) {
    index_.close();
    index_end_.store(log_.tail());
  }
}

// A removal that fails leaves files that no metadata speaks of, or metadata that is complete.
void CheckpointDriver::remove_failed() {
  const Result<void> removed = remove_checkpoint(runtime_, options_, info_.token);
  SOMETIMES(!removed, "the files of a failed checkpoint could not be removed for good");
  if (removed) return;
  note(events::kCheckpointLeft, static_cast<int64_t>(info_.token),
       static_cast<int64_t>(removed.error().code));
}

Result<LogAddr> CheckpointDriver::remove_all() {
  CHECK(resetting(), "all checkpoints are removed while sessions work");
  if (operations_.is_open()) return void_all();
  note(events::kStoreEmptying);
  kept_ = {};
  forget_committed();
  TRY(remove_others(runtime_, options_, kept_));
  // Also those that were removed before, and could come back.
  TRY(runtime_.storage.sync_names());
  return 0;
}

// Every session waits outside, so what it says of itself is what it has done.
Result<LogAddr> CheckpointDriver::void_all() {
  Array<SessionPoint> points;
  TRY_ASSIGN(const size_t count, collect_sessions(points, &CheckpointDriver::present_of));
  note(events::kStoreEmptying);
  const auto place = operations_.empty(state().version, {points.data(), count});
  if (!place) {
    if (place.error().code == Errc::uncertain) {
      forget_committed();
    } else {
      note(events::kStoreKept);
    }
    return place.error();
  }
  kept_ = {};
  forget_committed();
  // They are void. What cannot be removed now goes with the next one that is taken.
  const Result<void> removed = remove_others(runtime_, options_, kept_);
  SOMETIMES(!removed, "checkpoints that are void could not be removed");
  return place;
}

// Errors: then some are left, and may be recovered from.
Result<void> CheckpointDriver::remove_outdated() {
  // Without one of the log that is kept, others may be the last there is of an earlier life.
  if (options_.checkpoints_kept == 0 || kept_.count == 0) return {};
  kept_.limit_to(options_.checkpoints_kept);
  note(events::kCheckpointsRemoved, static_cast<int64_t>(kept_.count));
  // What could not be removed now goes with the next one.
  const Result<void> removed = remove_others(runtime_, options_, kept_);
  SOMETIMES(!removed, "outdated checkpoints could not be removed");
  return removed;
}

// Behind the commit: until then an older checkpoint was the newest one, and needs its part. As long
// as none is ever removed, nothing of the logs is.
void CheckpointDriver::truncate_logs() {
  if (options_.checkpoints_kept == 0) return;
  if (!info_.null_main) log_.truncate_device(kept_.begin());
  if (operations_.is_open()) operations_.truncate_until(kept_.log_start());
  note(events::kOutdatedGone, static_cast<int64_t>(kept_.count), kept_.begin());
}

}  // namespace orrery::engine
