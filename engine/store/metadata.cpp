// SPDX-License-Identifier: Apache-2.0
#include "engine/store/metadata.hpp"

#include <algorithm>

#include "engine/store/text_lines.hpp"

namespace orrery::engine {
namespace {

constexpr uint64_t kMetadataFormat = 5;
constexpr uint64_t kIndexFormat = 1;
constexpr size_t kFixedMax = 768;   // all lines but the sessions
constexpr size_t kSessionMax = 64;  // one session line

Error corrupt(const char* what) { return {Errc::corrupt, what}; }

// Behind a good checksum another format is no damage: another engine wrote it.
Result<void> check_format(LineReader& reader, uint64_t known) {
  const uint64_t format = reader.number("format");
  if (!reader.good()) return corrupt("metadata without a format");
  if (format == known) return {};
  return Error{Errc::invalid, "metadata of another format", static_cast<int64_t>(format)};
}

}  // namespace

size_t metadata_size_max(size_t sessions, uint64_t sector) {
  CHECK(sector > 0, "a sector of no bytes");
  return round_up(kLinesPrefix + kFixedMax + sessions * kSessionMax, sector);
}

size_t encode_metadata(const CheckpointInfo& info, std::span<const SessionPoint> sessions,
                       MutableBytes out) {
  CHECK(out.size() >= metadata_size_max(sessions.size(), info.sector), "a buffer of {} bytes",
        out.size());
  LineWriter writer(out);
  writer.line("format {}\ntoken {:016x}\nuse_snapshot_file {}\n", kMetadataFormat, info.token,
              info.use_snapshot_file ? 1 : 0);
  writer.line("version {}\nnext_version {}\n", info.version, info.next_version);
  writer.line("flushed {}\nsnapshot_start {}\nstart {}\nfinal {}\nsnapshot_final {}\n",
              info.flushed, info.snapshot_start, info.start, info.final, info.snapshot_final);
  writer.line("head {}\nbegin {}\npage_bits {}\nsector {}\nnull_main {}\n", info.head, info.begin,
              info.page_bits, info.sector, info.null_main ? 1 : 0);
  writer.line("pages {}\npages_checksum {}\nindex_token {:016x}\nlog_start {}\n", info.pages,
              info.pages_checksum, info.index_token, info.log_start);
  writer.line("sessions {}\n", sessions.size());
  for (const SessionPoint& point : sessions) {
    writer.line("session {} {}\n", point.id, point.serial);
  }
  return writer.finish(info.sector);
}

Result<DecodedMetadata> decode_metadata(Bytes file, std::span<SessionPoint> sessions) {
  TRY_ASSIGN(const std::string_view payload, payload_of(file));
  LineReader reader(payload);
  DecodedMetadata decoded;
  CheckpointInfo& info = decoded.info;
  TRY(check_format(reader, kMetadataFormat));
  info.token = reader.number("token", 16);
  info.use_snapshot_file = reader.flag("use_snapshot_file");
  info.version = reader.number("version");
  info.next_version = reader.number("next_version");
  info.flushed = reader.address("flushed");
  info.snapshot_start = reader.address("snapshot_start");
  info.start = reader.address("start");
  info.final = reader.address("final");
  info.snapshot_final = reader.address("snapshot_final");
  info.head = reader.address("head");
  info.begin = reader.address("begin");
  info.page_bits = reader.number("page_bits");
  info.sector = reader.number("sector");
  info.null_main = reader.flag("null_main");
  info.pages = reader.number("pages");
  info.pages_checksum = reader.number("pages_checksum");
  info.index_token = reader.number("index_token", 16);
  info.log_start = reader.address("log_start");
  const uint64_t count = reader.number("sessions");
  for (uint64_t place = 0; place < count && reader.good(); ++place) {
    const auto [id, serial] = reader.pair("session");
    if (place < sessions.size()) sessions[place] = {id, serial};
  }
  if (!reader.finished()) return corrupt("metadata lines that make no sense");
  decoded.session_count = count;
  return decoded;
}

size_t index_metadata_size(uint64_t sector) { return round_up(kLinesPrefix + kFixedMax, sector); }

size_t encode_index_metadata(const IndexInfo& info, MutableBytes out) {
  CHECK(out.size() >= index_metadata_size(info.sector), "a buffer of {} bytes", out.size());
  LineWriter writer(out);
  writer.line("format {}\ntoken {:016x}\nversion {}\n", kIndexFormat, info.token, info.version);
  writer.line("index_bits {}\ntag_bits {}\noverflow {}\n", info.index_bits, info.tag_bits,
              info.overflow);
  writer.line("start {}\nfinal {}\nsector {}\nchecksum {}\n", info.start, info.final, info.sector,
              info.checksum);
  return writer.finish(info.sector);
}

Result<IndexInfo> decode_index_metadata(Bytes file) {
  TRY_ASSIGN(const std::string_view payload, payload_of(file));
  LineReader reader(payload);
  IndexInfo info;
  TRY(check_format(reader, kIndexFormat));
  info.token = reader.number("token", 16);
  info.version = reader.number("version");
  info.index_bits = reader.number("index_bits");
  info.tag_bits = reader.number("tag_bits");
  info.overflow = reader.number("overflow");
  info.start = reader.address("start");
  info.final = reader.address("final");
  info.sector = reader.number("sector");
  info.checksum = reader.number("checksum");
  if (!reader.finished()) return corrupt("metadata lines that make no sense");
  return info;
}

}  // namespace orrery::engine
