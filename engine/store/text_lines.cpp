// SPDX-License-Identifier: Apache-2.0
#include "engine/store/text_lines.hpp"

#include <charconv>

#include "engine/base/crc32c.hpp"

namespace orrery::engine {

size_t LineWriter::finish(uint64_t sector) {
  const Bytes payload = file_.subspan(kLinesPrefix, used_);
  put(file_.data(), static_cast<uint32_t>(payload.size()));
  put(file_.data() + 4, crc32c(payload));
  return round_up(kLinesPrefix + payload.size(), sector);
}

Result<std::string_view> payload_of(Bytes file) {
  if (file.size() < kLinesPrefix) return Error{Errc::corrupt, "metadata shorter than its prefix"};
  const size_t length = get<uint32_t>(file.data());
  if (length > file.size() - kLinesPrefix) {
    return Error{Errc::corrupt, "metadata shorter than it says"};
  }
  const Bytes payload = file.subspan(kLinesPrefix, length);
  if (get<uint32_t>(file.data() + 4) != crc32c(payload)) {
    return Error{Errc::corrupt, "metadata checksum"};
  }
  return text_of(payload);
}

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

bool LineReader::flag(std::string_view name) {
  const uint64_t found = number(name);
  if (found > 1) good_ = false;
  return good_ && found == 1;
}

std::pair<uint64_t, uint64_t> LineReader::pair(std::string_view name) {
  const std::string_view both = value(name);
  const size_t blank = both.find(' ');
  if (blank == std::string_view::npos) good_ = false;
  if (!good_) return {};
  const uint64_t first = parse(both.substr(0, blank), 10);
  return {first, parse(both.substr(blank + 1), 10)};
}

}  // namespace orrery::engine
