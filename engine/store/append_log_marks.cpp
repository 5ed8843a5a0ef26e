// SPDX-License-Identifier: Apache-2.0
#include "engine/store/append_log_marks.hpp"

#include <algorithm>

#include "engine/base/check.hpp"

namespace orrery::engine {

std::string_view CommitMarks::name_of(const Position& position) {
  return {position.name.data(), position.name_size};
}

CommitMarks::Position* CommitMarks::find(std::string_view name) {
  const auto end = positions_.begin() + position_count_;
  const auto found = std::find_if(positions_.begin(), end,
                                  [&](const Position& one) { return name_of(one) == name; });
  return found == end ? nullptr : &*found;
}

Result<void> CommitMarks::set_cookie(Bytes cookie) {
  if (cookie.size() > kCookieMax) return Error{Errc::too_large, "a cookie of too many bytes"};
  cookie_ = {};
  std::copy(cookie.begin(), cookie.end(), cookie_.begin());
  cookie_size_ = cookie.size();
  return {};
}

std::optional<LogAddr> CommitMarks::position(std::string_view name) const {
  for (size_t place = 0; place < position_count_; ++place) {
    if (name_of(positions_[place]) == name) return positions_[place].address;
  }
  return std::nullopt;
}

Result<void> CommitMarks::set_position(std::string_view name, LogAddr address) {
  if (name.empty() || name.size() > kNameMax) {
    return Error{Errc::invalid, "a name of a position without 1..24 characters"};
  }
  Position* position = find(name);
  if (position == nullptr) {
    if (position_count_ == kPositionsMax) return Error{Errc::too_large, "too many positions"};
    position = &positions_[position_count_++];
    std::copy(name.begin(), name.end(), position->name.begin());
    position->name_size = name.size();
  }
  position->address = address;
  return {};
}

bool CommitMarks::drop_position(std::string_view name) {
  Position* const position = find(name);
  if (position == nullptr) return false;
  *position = positions_[--position_count_];
  positions_[position_count_] = {};
  return true;
}

LogAddr CommitMarks::highest_position() const {
  LogAddr highest = 0;
  for (const Position& position : positions_) highest = std::max(highest, position.address);
  return highest;
}

size_t CommitMarks::encode(MutableBytes out) const {
  CHECK(out.size() >= kEncodedMax, "marks in {} bytes", out.size());
  size_t used = 0;
  const auto add = [&](uint64_t value) {
    put(out.data() + used, value);
    used += sizeof(uint64_t);
  };
  add(cookie_size_);
  std::copy(cookie().begin(), cookie().end(), out.begin() + static_cast<int64_t>(used));
  used += round_up(cookie_size_, sizeof(uint64_t));
  add(position_count_);
  for (size_t place = 0; place < position_count_; ++place) {
    const Position& position = positions_[place];
    add(position.name_size);
    std::memcpy(out.data() + used, position.name.data(), kNameMax);
    used += kNameMax;
    add(static_cast<uint64_t>(position.address));
  }
  return used;
}

Result<CommitMarks> CommitMarks::decode(Bytes bytes) {
  const Error senseless{Errc::corrupt, "a commit's cookie or positions"};
  size_t used = 0;
  const auto left = [&] { return bytes.size() - used; };
  const auto take = [&] {
    used += sizeof(uint64_t);
    return get<uint64_t>(bytes.data() + used - sizeof(uint64_t));
  };
  CommitMarks marks;
  if (left() < 8) return senseless;
  const uint64_t cookie_size = take();
  if (cookie_size > kCookieMax || round_up(cookie_size, 8) + 8 > left()) return senseless;
  TRY(marks.set_cookie(bytes.subspan(used, cookie_size)));
  used += round_up(cookie_size, 8);
  const uint64_t count = take();
  constexpr size_t kEach = 8 + kNameMax + 8;
  if (count > kPositionsMax || count * kEach != left()) return senseless;
  for (uint64_t place = 0; place < count; ++place) {
    const uint64_t name_size = take();
    if (name_size == 0 || name_size > kNameMax) return senseless;
    const std::string_view name = text_of(bytes.subspan(used, name_size));
    used += kNameMax;
    const uint64_t address = take();
    const bool known = marks.position(name).has_value();
    if (known || address >= static_cast<uint64_t>(kAddrEnd)) return senseless;
    TRY(marks.set_position(name, static_cast<LogAddr>(address)));
  }
  return marks;
}

}  // namespace orrery::engine
