// SPDX-License-Identifier: Apache-2.0
// Mixing of 64-bit words: addresses of choices, and the values that a seed gives to them. Integers
// only, the same on every machine. Not a digest of events (engine::Points::saw is) and not for
// untrusted input.
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery::sim {

/// The finaliser of splitmix64: every bit of the input reaches every bit of the output.
constexpr uint64_t scramble(uint64_t x) {
  x += 0x9E37'79B9'7F4A'7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EBULL;
  return x ^ (x >> 31);
}

constexpr uint64_t mix(uint64_t a, uint64_t b) { return scramble(a ^ scramble(b)); }
template <typename... More>
constexpr uint64_t mix(uint64_t a, uint64_t b, More... more) {
  return mix(mix(a, b), static_cast<uint64_t>(more)...);
}

/// Of the characters, not of the pointer. FNV-1a; labels are short.
constexpr uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xCBF2'9CE4'8422'2325ULL;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x0000'0100'0000'01B3ULL;
  return hash;
}

/// A uniform number below `bound`, from a uniform 64-bit word. Requires: bound > 0.
constexpr uint64_t below(uint64_t word, uint64_t bound) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(word) * bound) >> 64);
}

}  // namespace orrery::sim
