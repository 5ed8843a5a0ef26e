// SPDX-License-Identifier: Apache-2.0
// Metadata as text: lines `name value`, each where it is expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace orrery::scenarios {

/// Reads one line after the other; what is not as it was asked for is not read, and says false.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  /// Hexadecimal: 16 digits.
  bool number(std::string_view name, uint64_t& into, int base = 10);
  bool number(std::string_view name, int64_t& into);
  bool number(std::string_view name, uint32_t& into);
  /// `name a b`.
  bool pair(std::string_view name, uint64_t& a, uint64_t& b);
  bool at_end() const { return at_ == text_.size(); }
  size_t at() const { return at_; }

 private:
  std::optional<std::string_view> value(std::string_view name);
  template <typename Number>
  bool take(std::string_view name, Number& into, int base);

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace orrery::scenarios
