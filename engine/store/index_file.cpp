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

// The bytes of a file of buckets in pieces of equal size; the last one is padded to a sector.
struct Pieces {
  uint64_t bytes = 0;
  size_t piece = 0;
  IndexLoader* loader = nullptr;

  size_t size_of(uint64_t number) const {
    return std::min<uint64_t>(piece, bytes - number * piece);
  }
  // As they come.
  static Result<void> load(void* context, uint64_t number, Bytes read) {
    const auto& pieces = *static_cast<const Pieces*>(context);
    if (pieces.loader == nullptr) return {};
    return pieces.loader->load(number * pieces.piece / sizeof(Bucket),
                               read.first(pieces.size_of(number)));
  }
};

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
  const uint64_t total = (uint64_t{1} << index.index_bits) + index.overflow;
  const uint64_t bytes = total * sizeof(Bucket);
  if (file.size() < bytes) return Error{Errc::corrupt, "an index that is too short"};
  const size_t room = index_chunk(sizeof(Bucket) << index.index_bits, index.sector);
  Pieces pieces{bytes, room, loader};
  ReadAhead reads(runtime, {&Pieces::load, &pieces});
  TRY(reads.begin(room));
  uint32_t sum = 0;
  const Result<void> read =
      reads.each((bytes + room - 1) / room,
                 [&](uint64_t number) -> Result<ReadAhead::Piece> {
                   const uint64_t length = round_up(pieces.size_of(number), index.sector);
                   return ReadAhead::Piece{&file, number * room, length};
                 },
                 [&](uint64_t number, const ReadAhead::Taken& taken) -> Result<void> {
                   TRY(taken.read);
                   sum = crc32c(taken.bytes.first(pieces.size_of(number)), sum);
                   return {};
                 });
  TRY(read);
  if (sum == index.checksum) return {};
  return Error{Errc::corrupt, "the checksum of an index"};
}

}  // namespace
}  // namespace orrery::engine
