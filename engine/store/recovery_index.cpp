// SPDX-License-Identifier: Apache-2.0
// The index of a checkpoint, loaded instead of built anew. It is a help and no more: where it is
// missing, damaged or of another shape, the log is walked from its beginning.
#include <algorithm>

#include "engine/base/crc32c.hpp"
#include "engine/store/blocking_io.hpp"
#include "engine/store/events.hpp"
#include "engine/store/names.hpp"
#include "engine/store/recovery.hpp"

namespace orrery::engine {

Result<void> Recovery::load_index() {
  recover_from_ = addresses_.begin;
  if (info_.index_token == 0) return {};
  const auto index = read_index_metadata(runtime_, options_, info_.index_token);
  if (!index && index.error().code == Errc::no_memory) return index.error();
  SOMETIMES(!index, "the metadata of an index could not be read");
  if (!index || !fits(*index)) return {};
  const Result<void> loaded = load_buckets(*index);
  if (loaded) {
    index_loaded_ = true;
    recover_from_ = index->start;
    // Whether what these lead to counts, the walk will tell.
    index_.rewind(recover_from_);
    note(events::kIndexLoaded, static_cast<int64_t>(index->token), index->start, index->final);
    return {};
  }
  index_.clear();
  if (loaded.error().code == Errc::no_memory) return loaded;
  SOMETIMES(true, "an index could not be loaded and was built anew");
  return {};
}

bool Recovery::fits(const IndexInfo& index) const {
  if (index.index_bits != options_.index_bits || index.tag_bits != options_.tag_bits) return false;
  if (index.sector != options_.sector_size || index.final > info_.final) return false;
  // What a cache has lost in the middle, a chain must not lead through.
  return index.start > addresses_.begin && !was_left_out();
}

// Who loads an index believes the chains of the log. Before the first of them is changed for an
// index of another shape, all that were written for the old ones go: a crash may leave some chains
// as they were and others not.
Result<void> Recovery::forget_indexes() {
  if (indexes_forgotten_ || !may_write_) return {};
  TRY(remove_indexes(runtime_, options_));
  indexes_forgotten_ = true;
  return {};
}

Result<void> Recovery::load_buckets(const IndexInfo& index) {
  TRY(index_.make_overflow(index.overflow));
  const DeviceName name = DeviceName::index_table(options_.prefix, index.token);
  TRY_ASSIGN(Device* const file, runtime_.storage.open(name.view(), file_options(options_)));
  const Result<void> read = read_buckets(*file, index);
  file->close();
  TRY(read);
  return index_.repair(addresses_.begin, index.final);
}

Result<void> Recovery::read_buckets(Device& file, const IndexInfo& index) {
  const uint64_t total = index_.table_size() + index.overflow;
  const uint64_t bytes = total * sizeof(Bucket);
  if (file.size() < bytes) return Error{Errc::corrupt, "an index that is too short"};
  const size_t room = round_up(kIndexChunk, options_.sector_size);
  TRY_ASSIGN(auto chunk,
             Array<std::byte>::make(runtime_.memory, room, "index chunk", kIoAlignment));
  uint32_t sum = 0;
  uint64_t number = 0;
  for (uint64_t offset = 0; offset < bytes; offset += kIndexChunk) {
    const size_t used = std::min<uint64_t>(kIndexChunk, bytes - offset);
    const size_t size = round_up(used, options_.sector_size);
    TRY(read_blocking(runtime_.tasks, file, offset, {chunk.data(), size}));
    sum = crc32c({chunk.data(), used}, sum);
    for (size_t at = 0; at < used; at += sizeof(Bucket), ++number) {
      index_.load_bucket(number, {chunk.data() + at, sizeof(Bucket)});
    }
  }
  if (sum == index.checksum) return {};
  return Error{Errc::corrupt, "the checksum of an index"};
}

}  // namespace orrery::engine
