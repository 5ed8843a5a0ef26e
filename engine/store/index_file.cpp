// SPDX-License-Identifier: Apache-2.0
#include "engine/store/index_file.hpp"

#include <algorithm>
#include <bit>

#include "engine/base/crc32c.hpp"
#include "engine/store/blocking_io.hpp"
#include "engine/store/checkpoint_files.hpp"
#include "engine/store/names.hpp"
#include "engine/store/read_ahead.hpp"

namespace orrery::engine {
namespace {

constexpr uint64_t kChunkMin = 4096;
constexpr uint64_t kChunkMax = uint64_t{4} << 20;

Result<void> read_buckets(const Runtime& runtime, Device& file, const IndexInfo& index,
                          IndexLoader* loader);

}  // namespace

size_t index_chunk(uint64_t table_size, uint64_t sector) {
  const uint64_t share = std::bit_floor(table_size / 64);
  return std::max(std::clamp(share, kChunkMin, kChunkMax), sector);
}

Result<void> read_index_table(const Runtime& runtime, const StoreOptions& store,
                              const IndexInfo& index, IndexLoader* loader) {
  const DeviceName name = DeviceName::index_table(store.prefix, index.token);
  TRY_ASSIGN(Device* const file, open_existing(runtime, name.view(), file_options(store)));
  const Result<void> read = read_buckets(runtime, *file, index, loader);
  file->close();
  return read;
}

namespace {

Result<void> read_buckets(const Runtime& runtime, Device& file, const IndexInfo& index,
                          IndexLoader* loader) {
  const uint64_t table = uint64_t{sizeof(Bucket)} << index.index_bits;
  const uint64_t bytes = table + index.overflow * sizeof(Bucket);
  if (file.size() < bytes) return Error{Errc::corrupt, "an index that is too short"};
  // The table is read to where it is to be, unless a sector is larger; what follows it is not.
  const size_t room =
      std::max<size_t>(std::min(index_chunk(table, index.sector), table), index.sector);
  const auto size_of = [&](uint64_t number) { return std::min(room, bytes - number * room); };
  ReadAhead reads(runtime);
  TRY(reads.begin(room));
  uint32_t sum = 0;
  const Result<void> read = reads.each(
      (bytes + room - 1) / room,
      [&](uint64_t number) -> Result<ReadAhead::Piece> {
        ReadAhead::Piece piece{&file, number * room, round_up(size_of(number), index.sector)};
        if (loader != nullptr && (number + 1) * room <= table) {
          piece.into = loader->place(number * room / sizeof(Bucket), room / sizeof(Bucket));
        }
        return piece;
      },
      [&](uint64_t number, const ReadAhead::Taken& taken) -> Result<void> {
        TRY(taken.read);
        const Bytes images = taken.bytes.first(size_of(number));
        sum = crc32c(images, sum);
        if (loader == nullptr) return {};
        return loader->load(number * room / sizeof(Bucket), images);
      });
  TRY(read);
  if (sum == index.checksum) return {};
  return Error{Errc::corrupt, "the checksum of an index"};
}

}  // namespace
}  // namespace orrery::engine
