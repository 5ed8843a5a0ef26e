// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the files of a checkpoint, as the engine and the oracles read them.
//
// Input: u16 length and bytes of the metadata's text, u16 length and bytes of the snapshot, the
// rest is the main log. The length and the checksum in front of the text are put there, or nothing
// would get past them; with the top bit of the first length set the text is the raw file instead.
// The two readers share no code: what the oracle reads without a flaw, the engine reads, and to the
// same numbers; what the engine reads it writes, and reads again as the same.
#include <algorithm>
#include <vector>

#include "engine/base/check.hpp"
#include "engine/base/crc32c.hpp"
#include "engine/store/metadata.hpp"
#include "fuzz/targets/target.hpp"
#include "scenarios/oracles/snapshot_reader.hpp"

namespace {

using namespace orrery;
using engine::Bytes;

constexpr size_t kSectorMax = 65536;

// Takes a length and so many bytes, as far as there are any.
Bytes take(Bytes& rest, bool& flag) {
  if (rest.size() < 2) return {};
  const auto head = engine::get<uint16_t>(rest.data());
  flag = (head & 0x8000) != 0;
  const size_t length = std::min<size_t>(head & 0x7FFF, rest.size() - 2);
  const Bytes taken = rest.subspan(2, length);
  rest = rest.subspan(2 + length);
  return taken;
}

std::vector<std::byte> framed(Bytes text) {
  std::vector<std::byte> file(8);
  engine::put(file.data(), static_cast<uint32_t>(text.size()));
  engine::put(file.data() + 4, engine::crc32c(text));
  file.insert(file.end(), text.begin(), text.end());
  return file;
}

void write_again(const engine::DecodedMetadata& read, std::span<engine::SessionPoint> sessions) {
  const uint64_t sector = read.info.sector;
  if (sector == 0 || sector > kSectorMax) return;  // no device has such sectors
  std::vector<std::byte> file(engine::metadata_size_max(sessions.size(), sector));
  const size_t used = engine::encode_metadata(read.info, sessions, file);
  std::vector<engine::SessionPoint> again(sessions.size());
  const auto decoded = engine::decode_metadata(Bytes(file).first(used), again);
  CHECK(decoded.has_value(), "metadata that was written is refused: {}", decoded.error().what);
  CHECK(decoded->info == read.info, "metadata is read as it was not written");
  CHECK(std::equal(again.begin(), again.end(), sessions.begin(), sessions.end()),
        "sessions are read as they were not written");
}

void write_again(const engine::IndexInfo& read) {
  if (read.sector == 0 || read.sector > kSectorMax) return;
  std::vector<std::byte> file(engine::index_metadata_size(read.sector));
  const size_t used = engine::encode_index_metadata(read, file);
  const auto decoded = engine::decode_index_metadata(Bytes(file).first(used));
  CHECK(decoded.has_value(), "metadata of an index is refused: {}", decoded.error().what);
  CHECK(*decoded == read, "metadata of an index is read as it was not written");
}

void compare(const scenarios::Checkpoint& seen, const engine::CheckpointInfo& info) {
  CHECK(seen.token == info.token, "token {} and {}", seen.token, info.token);
  CHECK(seen.version == info.version, "version {} and {}", seen.version, info.version);
  CHECK(seen.flushed == info.flushed, "flushed {} and {}", seen.flushed, info.flushed);
  CHECK(seen.snapshot_start == info.snapshot_start, "snapshot_start {} and {}", seen.snapshot_start,
        info.snapshot_start);
  CHECK(seen.start == info.start, "start {} and {}", seen.start, info.start);
  CHECK(seen.final == info.final, "final {} and {}", seen.final, info.final);
  CHECK(seen.head == info.head, "head {} and {}", seen.head, info.head);
  CHECK(seen.begin == info.begin, "begin {} and {}", seen.begin, info.begin);
  CHECK(seen.page_bits == info.page_bits, "page_bits {} and {}", seen.page_bits, info.page_bits);
  CHECK(seen.sector == info.sector, "sector {} and {}", seen.sector, info.sector);
  CHECK(seen.null_main == info.null_main, "null_main differs");
  CHECK(seen.pages == info.pages, "pages {} and {}", seen.pages, info.pages);
  CHECK(seen.pages_checksum == info.pages_checksum, "pages_checksum {} and {}", seen.pages_checksum,
        info.pages_checksum);
  CHECK(seen.use_snapshot_file == info.use_snapshot_file, "use_snapshot_file differs");
  CHECK(seen.index_token == info.index_token, "index_token {} and {}", seen.index_token,
        info.index_token);
  CHECK(seen.log_start == info.log_start, "log_start {} and {}", seen.log_start, info.log_start);
}

}  // namespace

int LLVMFuzzerInitialize(int*, char***) { return 0; }

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes rest{reinterpret_cast<const std::byte*>(data), size};
  bool raw = false;
  bool unused = false;
  const Bytes text = take(rest, raw);
  const Bytes snapshot = take(rest, unused);
  const std::vector<std::byte> info =
      raw ? std::vector<std::byte>(text.begin(), text.end()) : framed(text);

  if (const auto index = engine::decode_index_metadata(info)) write_again(*index);
  std::vector<engine::SessionPoint> sessions(16);
  const auto decoded = engine::decode_metadata(info, sessions);
  if (decoded) {
    sessions.resize(std::min(sessions.size(), decoded->session_count));
    if (sessions.size() == decoded->session_count) write_again(*decoded, sessions);
  }
  scenarios::SnapshotReader reader;
  // The rest is the log, or, without one, the table of pages.
  const bool usable = reader.read(
      {info, scenarios::FileView(snapshot), scenarios::FileView(rest), scenarios::FileView(rest)});
  CHECK(usable || !reader.findings().empty(), "a checkpoint is refused without a word");
  CHECK(usable || reader.entries().empty(), "a checkpoint that is refused has entries");
  for (const scenarios::RecoveredEntry& entry : reader.entries()) {
    CHECK(entry.value.size() == std::min(entry.value_size, scenarios::kValueKept),
          "{} bytes of a value of {} were kept", entry.value.size(), entry.value_size);
  }
  if (usable && reader.findings().empty()) {
    CHECK(decoded.has_value(), "the engine refuses a flawless checkpoint: {}",
          decoded.error().what);
    compare(reader.checkpoint(), decoded->info);
  }
  return 0;
}
