// SPDX-License-Identifier: Apache-2.0
// What the owner of an append log finds again with its entries: a cookie, bytes that mean something
// to him alone, and how far his named readers have come. It is part of a commit, and as durable.
//
//   u64 bytes of the cookie   cookie, padded up to 8   u64 positions
//   for each: u64 bytes of its name   name in 24 bytes   u64 address
//
// There is room for a few. Decoding never reads past its input and never trusts a number in it.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "engine/base/bytes.hpp"
#include "engine/base/result.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

class CommitMarks {
 public:
  static constexpr size_t kCookieMax = 128;   // bytes
  static constexpr size_t kPositionsMax = 8;  // names
  static constexpr size_t kNameMax = 24;      // characters, from 1

  Bytes cookie() const { return Bytes(cookie_).first(cookie_size_); }
  /// Errors: too_large.
  Result<void> set_cookie(Bytes cookie);

  std::optional<LogAddr> position(std::string_view name) const;
  /// Errors: invalid if that is no name; too_large if there are too many.
  Result<void> set_position(std::string_view name, LogAddr address);
  /// False if there is none of that name.
  bool drop_position(std::string_view name);
  /// 0 if there is none.
  LogAddr highest_position() const;

  friend bool operator==(const CommitMarks&, const CommitMarks&) = default;

  static constexpr size_t kEncodedMax = 8 + kCookieMax + 8 + kPositionsMax * (8 + kNameMax + 8);
  /// Returns the bytes used. Requires: `out` has kEncodedMax bytes, all zero.
  size_t encode(MutableBytes out) const;
  /// Errors: corrupt, also if `bytes` holds more than that.
  static Result<CommitMarks> decode(Bytes bytes);

 private:
  struct Position {
    std::array<char, kNameMax> name{};
    size_t name_size = 0;
    LogAddr address = 0;
    friend bool operator==(const Position&, const Position&) = default;
  };
  static std::string_view name_of(const Position& position);
  Position* find(std::string_view name);

  std::array<std::byte, kCookieMax> cookie_{};
  size_t cookie_size_ = 0;
  std::array<Position, kPositionsMax> positions_{};
  size_t position_count_ = 0;
};

}  // namespace orrery::engine
