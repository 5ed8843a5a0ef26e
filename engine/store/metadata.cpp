// SPDX-License-Identifier: Apache-2.0
#include "engine/store/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/base/crc32c.hpp"

namespace orrery::engine {
namespace {

constexpr uint64_t kFormat = 2;
constexpr size_t kPrefix = 8;       // length and checksum
constexpr size_t kFixedMax = 768;   // all lines but the sessions
constexpr size_t kSessionMax = 64;  // one session line

// Writes lines into a buffer of fixed size.
class LineWriter {
 public:
  explicit LineWriter(MutableBytes out) : out_(out) {}
  template <typename... Values>
  void line(fmt::format_string<const Values&...> format, const Values&... values) {
    char* const at = reinterpret_cast<char*>(out_.data()) + used_;
    const size_t room = out_.size() - used_;
    const auto end = fmt::vformat_to_n(at, room, format, fmt::make_format_args(values...));
    CHECK(end.size < room, "metadata outgrows its buffer of {} bytes", out_.size());
    used_ += end.size;
  }
  size_t used() const { return used_; }

 private:
  MutableBytes out_;
  size_t used_ = 0;
};

// Takes lines of a known order apart. After the first failure everything is a failure.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}
  uint64_t number(std::string_view name, int base = 10);
  LogAddr address(std::string_view name);
  SessionPoint session();
  bool good() const { return good_; }
  bool finished() const { return good_ && text_.empty(); }

 private:
  std::string_view value(std::string_view name);
  uint64_t parse(std::string_view digits, int base);
  std::string_view text_;
  bool good_ = true;
};

Error corrupt(const char* what) { return {Errc::corrupt, what}; }

}  // namespace

size_t metadata_size_max(size_t sessions, uint64_t sector) {
  CHECK(sector > 0, "a sector of no bytes");
  return round_up(kPrefix + kFixedMax + sessions * kSessionMax, sector);
}

size_t encode_metadata(const CheckpointInfo& info, std::span<const SessionPoint> sessions,
                       MutableBytes out) {
  CHECK(out.size() >= metadata_size_max(sessions.size(), info.sector), "a buffer of {} bytes",
        out.size());
  LineWriter writer(out.subspan(kPrefix));
  writer.line("format {}\ntoken {:016x}\nuse_snapshot_file 1\n", kFormat, info.token);
  writer.line("version {}\nnext_version {}\n", info.version, info.next_version);
  writer.line("flushed {}\nsnapshot_start {}\nstart {}\nfinal {}\nsnapshot_final {}\n",
              info.flushed, info.snapshot_start, info.start, info.final, info.snapshot_final);
  writer.line("head {}\nbegin {}\npage_bits {}\nsector {}\nnull_main {}\n", info.head, info.begin,
              info.page_bits, info.sector, info.null_main ? 1 : 0);
  writer.line("pages {}\npages_checksum {}\n", info.pages, info.pages_checksum);
  writer.line("sessions {}\n", sessions.size());
  for (const SessionPoint& point : sessions) {
    writer.line("session {} {}\n", point.id, point.serial);
  }
  const Bytes payload = out.subspan(kPrefix, writer.used());
  put(out.data(), static_cast<uint32_t>(payload.size()));
  put(out.data() + 4, crc32c(payload));
  return round_up(kPrefix + payload.size(), info.sector);
}

Result<DecodedMetadata> decode_metadata(Bytes file, std::span<SessionPoint> sessions) {
  if (file.size() < kPrefix) return corrupt("metadata shorter than its prefix");
  const size_t length = get<uint32_t>(file.data());
  if (length > file.size() - kPrefix) return corrupt("metadata shorter than it says");
  const Bytes payload = file.subspan(kPrefix, length);
  if (get<uint32_t>(file.data() + 4) != crc32c(payload)) return corrupt("metadata checksum");
  LineReader reader(text_of(payload));
  DecodedMetadata decoded;
  CheckpointInfo& info = decoded.info;
  if (reader.number("format") != kFormat) return corrupt("metadata of an unknown format");
  info.token = reader.number("token", 16);
  if (reader.number("use_snapshot_file") != 1) return corrupt("metadata without a snapshot");
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
  const uint64_t null_main = reader.number("null_main");
  if (null_main > 1) return corrupt("metadata with a null_main that is no bit");
  info.null_main = null_main == 1;
  info.pages = reader.number("pages");
  info.pages_checksum = reader.number("pages_checksum");
  const uint64_t count = reader.number("sessions");
  for (uint64_t place = 0; place < count && reader.good(); ++place) {
    const SessionPoint point = reader.session();
    if (place < sessions.size()) sessions[place] = point;
  }
  if (!reader.finished()) return corrupt("metadata lines that make no sense");
  decoded.session_count = count;
  return decoded;
}

namespace {

// The value of the next line, if that line has this name.
std::string_view LineReader::value(std::string_view name) {
  const size_t end = text_.find('\n');
  const bool fits = end != std::string_view::npos && end > name.size() + 1 &&
                    text_.starts_with(name) && text_[name.size()] == ' ';
  if (!fits) good_ = false;
  if (!good_) return {};
  const std::string_view found = text_.substr(name.size() + 1, end - name.size() - 1);
  text_.remove_prefix(end + 1);
  return found;
}

uint64_t LineReader::parse(std::string_view digits, int base) {
  uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number, base);
  if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != end) good_ = false;
  return good_ ? number : 0;
}

uint64_t LineReader::number(std::string_view name, int base) { return parse(value(name), base); }

LogAddr LineReader::address(std::string_view name) {
  const uint64_t found = number(name);
  if (found >= static_cast<uint64_t>(kAddrEnd)) good_ = false;
  return good_ ? static_cast<LogAddr>(found) : 0;
}

SessionPoint LineReader::session() {
  const std::string_view both = value("session");
  const size_t blank = both.find(' ');
  if (blank == std::string_view::npos) good_ = false;
  if (!good_) return {};
  SessionPoint point;
  point.id = parse(both.substr(0, blank), 10);
  point.serial = parse(both.substr(blank + 1), 10);
  return point;
}

}  // namespace
}  // namespace orrery::engine
