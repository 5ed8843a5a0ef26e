// SPDX-License-Identifier: Apache-2.0
#include "engine/store/index_writer.hpp"

#include <algorithm>

#include "engine/base/crc32c.hpp"
#include "engine/store/blocking_io.hpp"
#include "engine/store/checkpoint_files.hpp"
#include "engine/store/events.hpp"
#include "engine/store/index_file.hpp"
#include "engine/store/names.hpp"

namespace orrery::engine {

void IndexWriter::initialise(const StoreOptions& options, Event& changed) {
  CHECK(options_ == nullptr, "the index writer is initialised twice");
  options_ = &options;
  changed_ = &changed;
}

Result<void> IndexWriter::open(uint64_t token, uint64_t version, LogAddr start) {
  CHECK(finished(), "an index checkpoint begins while another is written");
  CHECK(device_ == nullptr, "the file of an index checkpoint is still open");
  info_ = {};
  info_.token = token;
  info_.version = version;
  info_.index_bits = options_->index_bits;
  info_.tag_bits = options_->tag_bits;
  info_.start = start;
  info_.sector = options_->sector_size;
  error_.store(Errc::ok);
  const size_t size = index_chunk(sizeof(Bucket) << info_.index_bits, info_.sector);
  TRY_ASSIGN(buffer_, Array<std::byte>::make(runtime_.memory, size, "index chunk", kIoAlignment));
  const DeviceName name = DeviceName::index_table(options_->prefix, token);
  TRY_ASSIGN(device_, runtime_.storage.open(name.view(), file_options(*options_)));
  // From now on it counts as under way: others may ask before it starts.
  running_.store(1);
  outstanding_.add();
  return {};
}

void IndexWriter::start(Self& self) {
  CHECK(device_ != nullptr, "an index checkpoint without a file is started");
  const Name name{"start-index-writer", info_.token};
  epoch_.bump(self, {&IndexWriter::begin, this, 0, name});
}

// An epoch action: everybody who was inside has looked around since.
void IndexWriter::begin(void* context, int64_t, Self&) {
  auto& writer = *static_cast<IndexWriter*>(context);
  const Name name{"index-writer", writer.info_.token};
  if (writer.runtime_.tasks.spawn(name, &IndexWriter::run_task, &writer)) return;
  SOMETIMES(true, "no task to write the index");
  writer.end(Errc::no_memory);
}

void IndexWriter::run_task(void* context) { static_cast<IndexWriter*>(context)->run(); }

void IndexWriter::run() {
  const Result<void> written = write_buckets();
  SOMETIMES(!written, "the index could not be written");
  end(written ? Errc::ok : written.error().code);
}

void IndexWriter::end(Errc code) {
  error_.store(code);
  note(events::kIndexWritten, static_cast<int64_t>(info_.token), static_cast<int64_t>(code));
  running_.store(0);
  changed_->set();
  outstanding_.remove();
}

// The overflow buckets are counted once the table has been copied: every link of the table leads to
// one of these. A link of theirs may lead to a newer one, which holds newer entries only.
Result<void> IndexWriter::write_buckets() {
  const uint64_t sector = options_->sector_size;
  uint64_t total = index_.table_size();
  uint32_t sum = 0;
  uint64_t offset = 0;
  for (uint64_t number = 0; number < total;) {
    size_t used = 0;
    for (; used < buffer_.size() && number < total; ++number, used += sizeof(Bucket)) {
      index_.copy_bucket(number, {buffer_.data() + used, sizeof(Bucket)});
      if (number + 1 != index_.table_size()) continue;
      info_.overflow = index_.overflow_count();
      total += info_.overflow;
    }
    sum = crc32c({buffer_.data(), used}, sum);
    const size_t size = round_up(used, sector);
    std::fill(buffer_.begin() + used, buffer_.begin() + size, std::byte{0});
    const auto written = write_blocking(runtime_.tasks, *device_, offset, {buffer_.data(), size});
    if (!written && !bugs_.spec_d3()) return written;
    offset += size;
  }
  info_.checksum = sum;
  return {};
}

Result<void> IndexWriter::outcome() const {
  CHECK(finished(), "the outcome of an index checkpoint that is still being written");
  const Errc code = error_.load();
  if (code == Errc::ok) return {};
  return Error{code, "the index could not be written"};
}

Result<void> IndexWriter::commit(LogAddr final) {
  TRY(outcome());
  info_.final = final;
  TRY(sync_blocking(runtime_.tasks, *device_));
  const size_t size = index_metadata_size(options_->sector_size);
  TRY_ASSIGN(auto bytes,
             Array<std::byte>::make(runtime_.memory, size, "index metadata", kIoAlignment));
  const size_t used = encode_index_metadata(info_, {bytes.data(), size});
  // The name of the table before its metadata, or a crash might leave one without the other.
  TRY(runtime_.storage.sync_names());
  const DeviceName name = DeviceName::index_metadata(options_->prefix, info_.token);
  return write_file(runtime_, *options_, name.view(), {bytes.data(), used});
}

void IndexWriter::close() {
  CHECK(finished(), "the file of an index checkpoint is closed under its writer");
  if (device_ != nullptr) device_->close();
  device_ = nullptr;
  buffer_ = {};
}

}  // namespace orrery::engine
