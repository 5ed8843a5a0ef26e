// SPDX-License-Identifier: Apache-2.0
// The files of a checkpoint: when its range is fixed, and when it becomes one.
//
// A checkpoint exists from the moment its metadata and the name of it are durable. All that the
// metadata speaks of is durable before: the snapshot, the main log as far as it is named, and the
// name of the snapshot.
#include <algorithm>
#include <charconv>

#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"
#include "engine/store/names.hpp"
#include "engine/store/outstanding.hpp"

namespace orrery::engine {
namespace {

// The token in a device name that follows `prefix`, or 0.
uint64_t token_in(std::string_view name, std::string_view prefix);

}  // namespace

// Tokens are never used twice: the files of an earlier life are somebody's checkpoint.
void CheckpointDriver::skip_used_tokens() {
  CHECK(next_token_ > 0, "a token of zero means none");
  const auto visit = [](void* context, std::string_view name) {
    auto& driver = *static_cast<CheckpointDriver*>(context);
    const uint64_t token = token_in(name, driver.options_.prefix);
    driver.next_token_ = std::max(driver.next_token_, token + 1);
  };
  runtime_.storage.list(options_.prefix, visit, this);
}

// Entering WAIT_FLUSH: everybody works in the next version by now.
Result<void> CheckpointDriver::capture(Self& self) {
  info_.head = log_.load(Boundary::head);
  info_.final = snapshot_.fix_final();
  info_.snapshot_final = info_.final;
  fuzzy_end_.store(info_.final);
  info_.page_bits = options_.page_bits;
  info_.sector = options_.sector_size;
  info_.null_main = log_.main_is_null();
  const DeviceName name = DeviceName::snapshot(options_.prefix, info_.token);
  DeviceOptions device;
  device.segment_size = uint64_t{1} << options_.segment_bits;
  device.sector_size = options_.sector_size;
  auto opened = runtime_.storage.open(name.view(), device);
  if (!opened) {
    snapshot_.release_final();
    return opened.error();
  }
  snapshot_device_ = *opened;
  const LogAddr start = log_.load(info_.null_main ? Boundary::head : Boundary::flushed);
  SOMETIMES(start > info_.final, "the log was flushed past the end of the snapshot");
  info_.snapshot_start =
      snapshot_.begin(self, start, info_.start, info_.version, *snapshot_device_);
  return {};
}

// Entering PERSISTENCE_CALLBACK: every page of the snapshot was written.
Result<void> CheckpointDriver::commit() {
  CHECK(snapshot_device_ != nullptr, "a checkpoint without a snapshot is committed");
  info_.flushed = info_.snapshot_start;
  if (!info_.null_main) {
    info_.flushed = log_.load(Boundary::flushed);
    // The main log may have gone on beyond what the checkpoint captures.
    if (!bugs_.spec_d9()) info_.flushed = std::min(info_.flushed, info_.final);
    TRY(sync_device(log_.flusher().device()));
  }
  CHECK(info_.flushed >= info_.snapshot_start, "a gap between the log and the snapshot");
  TRY(sync_device(*snapshot_device_));
  // First the name of the snapshot, or a crash might leave metadata without one.
  TRY(runtime_.storage.sync_names());
  TRY(write_metadata());
  TRY(runtime_.storage.sync_names());
  note(events::kMetadataCommitted, static_cast<int64_t>(info_.version), info_.flushed, info_.final);
  return {};
}

Result<void> CheckpointDriver::write_metadata() {
  Array<SessionPoint> points;
  TRY_ASSIGN(const size_t count, collect_sessions(points));
  const size_t size = metadata_size_max(count, options_.sector_size);
  TRY_ASSIGN(void* const block, runtime_.memory.allocate(size, 512, "metadata"));
  auto* const bytes = static_cast<std::byte*>(block);
  const auto write = [&]() -> Result<void> {
    DeviceOptions device;
    device.sector_size = options_.sector_size;
    const DeviceName name = DeviceName::metadata(options_.prefix, info_.token);
    TRY_ASSIGN(Device* const file, runtime_.storage.open(name.view(), device));
    Io io;
    io.kind = IoKind::write;
    io.buffer = bytes;
    io.length = encode_metadata(info_, {points.data(), count}, {bytes, size});
    Result<void> written = run_io(*file, io);
    if (written) written = sync_device(*file);
    file->close();
    return written;
  };
  const Result<void> written = write();
  runtime_.memory.free(block);
  return written;
}

Result<size_t> CheckpointDriver::collect_sessions(Array<SessionPoint>& points) {
  const Lock lock(mutex_);
  size_t count = 0;
  for (const SessionView* view = sessions_; view != nullptr; view = view->next) ++count;
  if (count == 0) return count;
  TRY_ASSIGN(points, Array<SessionPoint>::make(runtime_.memory, count, "session points"));
  size_t place = 0;
  for (const SessionView* view = sessions_; view != nullptr; view = view->next) {
    points[place++] = point_of(*view);
  }
  CHECK(place == count, "the list of sessions changed under its mutex");
  return count;
}

// A session that has slept all the while has not entered the next version, but what it has finished
// belongs to this one all the same.
SessionPoint CheckpointDriver::point_of(const SessionView& view) const {
  for (;;) {
    const uint64_t entered = view.entered_version.load();
    if (entered >= info_.next_version) return {view.id, view.commit_serial.load()};
    const uint64_t serial = view.serial.load();
    if (view.entered_version.load() == entered) return {view.id, serial};
    SOMETIMES(true, "a session woke while its commit point was read");
  }
}

Result<void> CheckpointDriver::sync_device(Device& device) {
  Io io;
  io.kind = IoKind::sync;
  return run_io(device, io);
}

// Waits for one request. Requires: not protected.
Result<void> CheckpointDriver::run_io(Device& device, Io& io) {
  CHECK(!epoch_.protected_here(runtime_.tasks.self()), "a wait for a device inside the epoch");
  Signal finished(runtime_.tasks);
  io.owner = &finished;
  io.done = [](Io& request) { static_cast<Signal*>(request.owner)->set(); };
  device.submit(io);
  finished.wait();
  if (io.error != Errc::ok) return Error{io.error, "a file of a checkpoint could not be written"};
  if (io.transferred < io.length) return Error{Errc::io, "a file of a checkpoint was cut short"};
  return {};
}

void CheckpointDriver::close_files() {
  if (snapshot_device_ != nullptr) snapshot_device_->close();
  snapshot_device_ = nullptr;
  if (!failed_) return;
  // A removal that fails leaves a file that no metadata speaks of, or metadata that is complete.
  const DeviceName metadata = DeviceName::metadata(options_.prefix, info_.token);
  const DeviceName snapshot = DeviceName::snapshot(options_.prefix, info_.token);
  Result<void> removed = runtime_.storage.remove(metadata.view());
  removed = runtime_.storage.remove(snapshot.view());
  removed = runtime_.storage.sync_names();
  SOMETIMES(!removed, "the files of a failed checkpoint could not be removed for good");
}

namespace {

uint64_t token_in(std::string_view name, std::string_view prefix) {
  constexpr std::string_view kFolder = "/cpr-checkpoints/";
  constexpr size_t kDigits = 16;
  if (!name.starts_with(prefix)) return 0;
  name.remove_prefix(prefix.size());
  if (!name.starts_with(kFolder)) return 0;
  name.remove_prefix(kFolder.size());
  if (name.size() < kDigits) return 0;
  uint64_t token = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + kDigits, token, 16);
  return parsed.ptr == name.data() + kDigits && token != UINT64_MAX ? token : 0;
}

}  // namespace
}  // namespace orrery::engine
