// SPDX-License-Identifier: Apache-2.0
#include "engine/base/crc32c.hpp"

#include <array>

namespace orrery::engine {
namespace {

// Slicing by eight: table[k][b] is the effect of byte b with k more bytes behind it.
constexpr auto make_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr auto kTables = make_tables();

uint32_t by_table(Bytes bytes, uint32_t crc) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const uint64_t word = get<uint64_t>(at) ^ crc;
    crc = kTables[7][word & 0xFF] ^ kTables[6][(word >> 8) & 0xFF] ^
          kTables[5][(word >> 16) & 0xFF] ^ kTables[4][(word >> 24) & 0xFF] ^
          kTables[3][(word >> 32) & 0xFF] ^ kTables[2][(word >> 40) & 0xFF] ^
          kTables[1][(word >> 48) & 0xFF] ^ kTables[0][word >> 56];
  }
  for (; left > 0; --left, ++at) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint32_t>(*at)) & 0xFF];
  }
  return crc;
}

#ifdef __x86_64__
constexpr size_t kLane = kCrc32cBlock / 3;

// kPassed[k][b] is what becomes of a checksum of b in byte k and zeros elsewhere while a lane of
// zeros passes: checksums are linear, so that of any is the sum of four.
constexpr auto make_passed() {
  std::array<uint32_t, 32> of_bit{};
  for (uint32_t bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < kLane; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xFF];
    of_bit[bit] = crc;
  }
  std::array<std::array<uint32_t, 256>, 4> passed{};
  for (uint32_t k = 0; k < 4; ++k) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      for (uint32_t bit = 0; bit < 8; ++bit) {
        if ((byte >> bit & 1U) != 0) passed[k][byte] ^= of_bit[8 * k + bit];
      }
    }
  }
  return passed;
}

constexpr auto kPassed = make_passed();

uint64_t pass_lane(uint64_t crc) {
  return kPassed[0][crc & 0xFF] ^ kPassed[1][(crc >> 8) & 0xFF] ^ kPassed[2][(crc >> 16) & 0xFF] ^
         kPassed[3][(crc >> 24) & 0xFF];
}

// The instruction that SSE 4.2 has for it: several times as fast. It takes three cycles, and a new
// one can begin in each: so three lanes of a block go side by side.
[[gnu::target("sse4.2")]] uint32_t by_instruction(Bytes bytes, uint32_t crc) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint64_t wide = crc;
  for (; left >= kCrc32cBlock; left -= kCrc32cBlock, at += kCrc32cBlock) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      wide = __builtin_ia32_crc32di(wide, get<uint64_t>(at + i));
      second = __builtin_ia32_crc32di(second, get<uint64_t>(at + kLane + i));
      third = __builtin_ia32_crc32di(third, get<uint64_t>(at + 2 * kLane + i));
    }
    wide = pass_lane(pass_lane(wide) ^ second) ^ third;
  }
  for (; left >= 8; left -= 8, at += 8) wide = __builtin_ia32_crc32di(wide, get<uint64_t>(at));
  crc = static_cast<uint32_t>(wide);
  for (; left > 0; --left, ++at) {
    crc = __builtin_ia32_crc32qi(crc, static_cast<unsigned char>(*at));
  }
  return crc;
}

// False until it has been looked up: then the table is used, which says the same.
const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
#endif

}  // namespace

uint32_t crc32c(Bytes bytes, uint32_t seed) {
#ifdef __x86_64__
  if (kHasInstruction) return ~by_instruction(bytes, ~seed);
#endif
  return crc32c_by_table(bytes, seed);
}

uint32_t crc32c_by_table(Bytes bytes, uint32_t seed) { return ~by_table(bytes, ~seed); }

}  // namespace orrery::engine
