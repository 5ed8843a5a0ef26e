// SPDX-License-Identifier: Apache-2.0
// Files of lines `name value` behind their length and checksum: how metadata is written and read.
//
//   u32 payload length   u32 crc32c of the payload   payload   zeros up to the sector
//
// A file that is torn, stale or damaged fails its checksum. The order of the lines is fixed; one
// that is missing, out of place or no number fails the whole. Reading never goes past its input and
// never trusts a number in it.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "engine/base/bytes.hpp"
#include "engine/base/check.hpp"
#include "engine/base/format_into.hpp"
#include "engine/base/result.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

inline constexpr size_t kLinesPrefix = 8;  // length and checksum

/// Writes lines into a buffer of fixed size, which is zero.
class LineWriter {
 public:
  explicit LineWriter(MutableBytes file) : file_(file) {}
  template <typename... Values>
  void line(fmt::format_string<const Values&...> format, const Values&... values) {
    char* const at = reinterpret_cast<char*>(file_.data()) + kLinesPrefix + used_;
    const size_t room = file_.size() - kLinesPrefix - used_;
    const size_t size = format_into({at, room}, format, values...);
    VERIFY(size < room, "metadata outgrows its buffer of {} bytes", file_.size());
    used_ += size;
  }
  /// Adds length and checksum. Returns the bytes used, a multiple of the sector.
  size_t finish(uint64_t sector);

 private:
  MutableBytes file_;
  size_t used_ = 0;
};

/// The payload of a file of lines. Errors: corrupt.
Result<std::string_view> payload_of(Bytes file);

/// Takes lines of a known order apart. After the first failure everything is a failure.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}
  uint64_t number(std::string_view name, int base = 10);
  LogAddr address(std::string_view name);
  bool flag(std::string_view name);
  /// Two numbers in one line.
  std::pair<uint64_t, uint64_t> pair(std::string_view name);
  bool good() const { return good_; }
  bool finished() const { return good_ && text_.empty(); }

 private:
  std::string_view value(std::string_view name);
  uint64_t parse(std::string_view digits, int base);
  std::string_view text_;
  bool good_ = true;
};

}  // namespace orrery::engine
