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

// Bytes that the checkpoint has of it.
size_t SnapshotFile::size_of(int64_t page) const {
  const LogAddr until = std::min(geometry_.page_end(page), info_.final);
  return static_cast<size_t>(until - geometry_.page_start(page));
}

Result<ReadAhead::Piece> SnapshotFile::place_of(int64_t page) const {
  const LogAddr start = geometry_.page_start(page);
  const int64_t place = page - table_.first_page();
  if (file_ == nullptr || place < 0 || place >= table_.count()) {
    return Error{Errc::corrupt, "a page that is in no file of the checkpoint", start};
  }
  ReadAhead::Piece piece;
  if (table_[page].state == PageTable::State::left_out) return piece;
  piece.offset = static_cast<uint64_t>(place * geometry_.aligned_page);
  piece.length = round_up(size_of(page), static_cast<uint64_t>(geometry_.sector));
  if (file_->size() < piece.offset + piece.length) {
    return Error{Errc::corrupt, "a snapshot that is too short", start};
  }
  piece.device = file_;
  return piece;
}

Result<void> SnapshotFile::check_page(int64_t page, Bytes bytes) const {
  const PageTable::Entry entry = table_[page];
  if (entry.state != PageTable::State::checked) return {};
  const Bytes image = bytes.first(size_of(page));
  if (entry.from <= image.size() && page_checksum(image.subspan(entry.from)) == entry.checksum) {
    return {};
  }
  return Error{Errc::corrupt, "the checksum of a snapshot page", geometry_.page_start(page)};
}

// Whoever reads back what he has written is in no hurry: sums are taken here, and not by those who
// finish the requests of sessions as well.
Result<void> SnapshotFile::read_all() {
  const auto page_of = [this](uint64_t number) {
    return table_.first_page() + static_cast<int64_t>(number);
  };
  ReadAhead reads(runtime_);
  TRY(reads.begin(static_cast<size_t>(geometry_.aligned_page)));
  return reads.each(
      static_cast<uint64_t>(table_.count()),
      [&](uint64_t number) { return place_of(page_of(number)); },
      [&](uint64_t number, const ReadAhead::Taken& taken) -> Result<void> {
        TRY(taken.read);
        return check_page(page_of(number), taken.bytes);
      });
}

}  // namespace orrery::engine
