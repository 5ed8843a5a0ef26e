// SPDX-License-Identifier: Apache-2.0
// Views of bytes, and integers in little-endian order, for everything that is written to a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace orrery::engine {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Requires: `at` has sizeof(T) bytes. The machine is little-endian (x86-64, AArch64), which the
/// assertion pins.
template <typename T>
void put(std::byte* at, T value) {
  static_assert(std::is_integral_v<T> && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  std::memcpy(at, &value, sizeof value);
}

template <typename T>
T get(const std::byte* at) {
  static_assert(std::is_integral_v<T> && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

constexpr uint64_t round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}
constexpr uint64_t round_down(uint64_t value, uint64_t unit) { return value / unit * unit; }

}  // namespace orrery::engine
