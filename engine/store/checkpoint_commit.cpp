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
#include "engine/store/names.hpp"

namespace orrery::engine {
// Tokens are never used twice: the files of an earlier life are somebody's checkpoint.
void CheckpointDriver::skip_used_tokens() {
  CHECK(next_token_ > 0, "a token of zero means none");
  const auto visit = [](void* context, std::string_view name) {
    auto& driver = *static_cast<CheckpointDriver*>(context);
    const uint64_t token = token_of_checkpoint(name, driver.options_.prefix);
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
  const auto begun = snapshot_.begin(self, start, info_.start, info_.version, *snapshot_device_);
  if (!begun) {
    snapshot_.release_final();
    return begun.error();
  }
  info_.snapshot_start = *begun;
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
    TRY(sync_blocking(runtime_.tasks, log_.flusher().device()));
  }
  CHECK(info_.flushed >= info_.snapshot_start, "a gap between the log and the snapshot");
  TRY(sync_blocking(runtime_.tasks, *snapshot_device_));
  TRY(write_page_table());
  // First the names of these files, or a crash might leave metadata without them.
  TRY(runtime_.storage.sync_names());
  TRY(write_metadata());
  TRY(runtime_.storage.sync_names());
  note(events::kMetadataCommitted, static_cast<int64_t>(info_.version), info_.flushed, info_.final);
  return {};
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
  return write_file(DeviceName::page_table(options_.prefix, info_.token), {bytes.data(), size});
}

Result<void> CheckpointDriver::write_file(const DeviceName& name, MutableBytes bytes) {
  DeviceOptions device;
  device.sector_size = options_.sector_size;
  TRY_ASSIGN(Device* const file, runtime_.storage.open(name.view(), device));
  Result<void> written = write_blocking(runtime_.tasks, *file, 0, bytes);
  if (written) written = sync_blocking(runtime_.tasks, *file);
  file->close();
  return written;
}

Result<void> CheckpointDriver::write_metadata() {
  Array<SessionPoint> points;
  TRY_ASSIGN(const size_t count, collect_sessions(points));
  const size_t size = metadata_size_max(count, options_.sector_size);
  TRY_ASSIGN(auto bytes, Array<std::byte>::make(runtime_.memory, size, "metadata", kIoAlignment));
  const size_t used = encode_metadata(info_, {points.data(), count}, {bytes.data(), size});
  return write_file(DeviceName::metadata(options_.prefix, info_.token), {bytes.data(), used});
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

void CheckpointDriver::close_files() {
  if (snapshot_device_ != nullptr) snapshot_device_->close();
  snapshot_device_ = nullptr;
  if (!failed_) return;
  // A removal that fails leaves a file that no metadata speaks of, or metadata that is complete.
  const DeviceName metadata = DeviceName::metadata(options_.prefix, info_.token);
  const DeviceName snapshot = DeviceName::snapshot(options_.prefix, info_.token);
  const DeviceName pages = DeviceName::page_table(options_.prefix, info_.token);
  Result<void> removed = runtime_.storage.remove(metadata.view());
  removed = runtime_.storage.remove(pages.view());
  removed = runtime_.storage.remove(snapshot.view());
  removed = runtime_.storage.sync_names();
  SOMETIMES(!removed, "the files of a failed checkpoint could not be removed for good");
}

}  // namespace orrery::engine
