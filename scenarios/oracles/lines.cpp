// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/lines.hpp"

#include <charconv>

namespace orrery::scenarios {
namespace {

template <typename Number>
bool parse(std::string_view digits, Number& into, int base) {
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, into, base);
  return error == std::errc() && stopped == end;
}

}  // namespace

bool Lines::number(std::string_view name, uint64_t& into, int base) {
  return take(name, into, base);
}

bool Lines::number(std::string_view name, int64_t& into) { return take(name, into, 10); }

bool Lines::number(std::string_view name, uint32_t& into) { return take(name, into, 10); }

bool Lines::pair(std::string_view name, uint64_t& a, uint64_t& b) {
  const auto both = value(name);
  if (!both) return false;
  const size_t space = both->find(' ');
  if (space == std::string_view::npos) return false;
  if (!parse(both->substr(0, space), a, 10)) return false;
  if (!parse(both->substr(space + 1), b, 10)) return false;
  at_ += name.size() + 1 + both->size() + 1;
  return true;
}

std::optional<std::string_view> Lines::value(std::string_view name) {
  const std::string_view rest = text_.substr(at_);
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos || !rest.starts_with(name)) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  if (line.size() <= name.size() || line[name.size()] != ' ') return std::nullopt;
  return line.substr(name.size() + 1);
}

template <typename Number>
bool Lines::take(std::string_view name, Number& into, int base) {
  const auto digits = value(name);
  if (!digits || (base == 16 && digits->size() != 16)) return false;
  if (!parse(*digits, into, base)) return false;
  at_ += name.size() + 1 + digits->size() + 1;
  return true;
}

}  // namespace orrery::scenarios
