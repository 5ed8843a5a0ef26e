// SPDX-License-Identifier: Apache-2.0
#include "engine/store/index_file.hpp"

#include <algorithm>
#include <bit>

#include "engine/base/crc32c.hpp"
#include "engine/store/blocking_io.hpp"
#include "engine/store/checkpoint_files.hpp"
#include "engine/store/hash_index.hpp"
#include "engine/store/names.hpp"
#include "engine/store/read_ahead.hpp"

namespace orrery::engine {
namespace {

constexpr uint64_t kChunkMin = 4096;
constexpr uint64_t kChunkMax = uint64_t{4} << 20;

Result<void> read_buckets(const Runtime& runtime, Device& file, const IndexInfo& index,
                          const BucketTaker& taker);

}  // namespace

size_t index_chunk(uint64_t table_size, uint64_t sector) {
  const uint64_t share = std::bit_floor(table_size / 64);
  return std::max(std::clamp(share, kChunkMin, kChunkMax), sector);
}

Result<void> read_index_table(const Runtime& runtime, const StoreOptions& store,
                              const IndexInfo& index, const BucketTaker& taker) {
  const DeviceName name = DeviceName::index_table(store.prefix, index.token);
  TRY_ASSIGN(Device* const file, open_existing(runtime, name.view(), file_options(store)));
  const Result<void> read = read_buckets(runtime, *file, index, taker);
  file->close();
  return read;
}

namespace {

Result<void> read_buckets(const Runtime& runtime, Device& file, const IndexInfo& index,
                          const BucketTaker& taker) {
  const uint64_t total = (uint64_t{1} << index.index_bits) + index.overflow;
  const uint64_t bytes = total * sizeof(Bucket);
  if (file.size() < bytes) return Error{Errc::corrupt, "an index that is too short"};
  const size_t room = index_chunk(sizeof(Bucket) << index.index_bits, index.sector);
  ReadAhead reads(runtime);
  TRY(reads.begin(room));
  uint32_t sum = 0;
  uint64_t number = 0;
  uint64_t asked = 0;
  for (uint64_t offset = 0; offset < bytes; offset += room) {
    for (; asked < bytes && reads.has_room(); asked += room) {
      const uint64_t length = round_up(std::min<uint64_t>(room, bytes - asked), index.sector);
      reads.ask({&file, asked, length});
    }
    const ReadAhead::Taken taken = reads.take();
    TRY(taken.read);
    const Bytes chunk = taken.bytes.first(std::min<uint64_t>(room, bytes - offset));
    sum = crc32c(chunk, sum);
    for (size_t at = 0; at < chunk.size() && taker.take != nullptr; at += sizeof(Bucket)) {
      taker.take(taker.context, number++, chunk.subspan(at, sizeof(Bucket)));
    }
  }
  if (sum == index.checksum) return {};
  return Error{Errc::corrupt, "the checksum of an index"};
}

}  // namespace
}  // namespace orrery::engine
