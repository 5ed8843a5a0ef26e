// SPDX-License-Identifier: Apache-2.0
#include "engine/store/snapshot_file.hpp"

#include <algorithm>

#include "engine/base/crc32c.hpp"
#include "engine/store/blocking_io.hpp"
#include "engine/store/checkpoint_files.hpp"
#include "engine/store/hybrid_log.hpp"
#include "engine/store/names.hpp"

namespace orrery::engine {

SnapshotFile::SnapshotFile(const Runtime& runtime, const StoreOptions& options)
    : runtime_(runtime), options_(options), geometry_(HybridLog::geometry_of(options)) {}

Result<void> SnapshotFile::open(const CheckpointInfo& info) {
  CHECK(file_ == nullptr, "a snapshot is opened twice");
  CHECK(info.pages > 0, "a snapshot without pages is opened");
  info_ = info;
  const DeviceName name = DeviceName::snapshot(options_.prefix, info.token);
  TRY_ASSIGN(file_, open_existing(runtime_, name.view(), page_file_options(options_)));
  return read_table();
}

void SnapshotFile::close() {
  if (file_ != nullptr) file_->close();
  file_ = nullptr;
}

Result<void> SnapshotFile::read_table() {
  const int64_t first = geometry_.page(info_.snapshot_start);
  TRY(table_.begin(runtime_.memory, first, static_cast<int64_t>(info_.pages)));
  const DeviceName name = DeviceName::page_table(options_.prefix, info_.token);
  TRY_ASSIGN(Device* const file, open_existing(runtime_, name.view(), file_options(options_)));
  const size_t size = round_up(table_.encoded_size(), options_.sector_size);
  const auto read = [&]() -> Result<void> {
    if (file->size() < size) return Error{Errc::corrupt, "a page table that is too short"};
    TRY_ASSIGN(auto bytes,
               Array<std::byte>::make(runtime_.memory, size, "page table file", kIoAlignment));
    TRY(read_blocking(runtime_.tasks, *file, 0, {bytes.data(), size}));
    const Bytes entries{bytes.data(), table_.encoded_size()};
    if (crc32c(entries) != info_.pages_checksum) {
      return Error{Errc::corrupt, "the checksum of a page table"};
    }
    return table_.decode(entries);
  };
  const Result<void> done = read();
  file->close();
  return done;
}

Result<bool> SnapshotFile::read_page(int64_t page, MutableBytes buffer) {
  const LogAddr start = geometry_.page_start(page);
  const int64_t place = page - table_.first_page();
  if (file_ == nullptr || place < 0 || place >= table_.count()) {
    return Error{Errc::corrupt, "a page that is in no file of the checkpoint", start};
  }
  const PageTable::Entry entry = table_[page];
  if (entry.state == PageTable::State::left_out) return false;
  const LogAddr until = std::min(geometry_.page_end(page), info_.final);
  const MutableBytes image = buffer.first(static_cast<size_t>(until - start));
  const MutableBytes whole =
      buffer.first(round_up(image.size(), static_cast<uint64_t>(geometry_.sector)));
  const auto offset = static_cast<uint64_t>(place * geometry_.aligned_page);
  if (file_->size() < offset + whole.size()) {
    return Error{Errc::corrupt, "a snapshot that is too short", start};
  }
  TRY(read_blocking(runtime_.tasks, *file_, offset, whole));
  if (entry.state != PageTable::State::checked) return true;
  if (entry.from > image.size() || page_checksum(image.subspan(entry.from)) != entry.checksum) {
    return Error{Errc::corrupt, "the checksum of a snapshot page", start};
  }
  return true;
}

Result<void> SnapshotFile::read_all() {
  const auto size = static_cast<size_t>(geometry_.aligned_page);
  TRY_ASSIGN(auto page,
             Array<std::byte>::make(runtime_.memory, size, "page read back", kIoAlignment));
  for (int64_t number = 0; number < table_.count(); ++number) {
    TRY(read_page(table_.first_page() + number, {page.data(), size}));
  }
  return {};
}

}  // namespace orrery::engine
