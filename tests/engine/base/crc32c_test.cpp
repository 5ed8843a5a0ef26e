// SPDX-License-Identifier: Apache-2.0
#include "engine/base/crc32c.hpp"

#include <array>
#include <string>
#include <vector>

#include "tests/catch.hpp"

using namespace orrery::engine;

TEST_CASE("crc32c gives the published values", "[crc32c]") {
  REQUIRE(crc32c(bytes_of("123456789")) == 0xE3069283U);
  // RFC 3720, B.4.
  std::array<std::byte, 32> block{};
  REQUIRE(crc32c(block) == 0x8A9136AAU);
  block.fill(std::byte{0xFF});
  REQUIRE(crc32c(block) == 0x62A8AB43U);
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>(i);
  REQUIRE(crc32c(block) == 0x46DD794EU);
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>(31 - i);
  REQUIRE(crc32c(block) == 0x113FDB5CU);
}

TEST_CASE("crc32c of nothing is the seed", "[crc32c]") {
  REQUIRE(crc32c({}) == 0);
  REQUIRE(crc32c({}, 0x1234'5678U) == 0x1234'5678U);
}

TEST_CASE("crc32c may be computed in pieces, wherever they end", "[crc32c]") {
  const std::string text = "The quick brown fox jumps over the lazy dog, again and again.";
  const uint32_t whole = crc32c(bytes_of(text));
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const uint32_t head = crc32c(bytes_of(text).first(cut));
    REQUIRE(crc32c(bytes_of(text).subspan(cut), head) == whole);
  }
}

TEST_CASE("crc32c sees every single bit that flips", "[crc32c]") {
  std::array<std::byte, 41> block{};
  const uint32_t before = crc32c(block);
  for (size_t bit = 0; bit < 8 * block.size(); ++bit) {
    block[bit / 8] ^= std::byte{1} << (bit % 8);
    REQUIRE(crc32c(block) != before);
    block[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST_CASE("crc32c is the same whether or not the processor has an instruction for it", "[crc32c]") {
  std::array<std::byte, 300> block{};
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>(i * 151 + i / 7);
  for (size_t from = 0; from < 9; ++from) {
    for (size_t size = 0; from + size <= block.size(); ++size) {
      const Bytes part = Bytes(block).subspan(from, size);
      const auto seed = static_cast<uint32_t>(size * 0x9E37'79B9U);
      REQUIRE(crc32c(part, seed) == crc32c_by_table(part, seed));
    }
  }
}

TEST_CASE("crc32c of large blocks is the same, too", "[crc32c]") {
  std::vector<std::byte> block(4 * kCrc32cBlock);
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>(i * 151 + i / 7);
  for (size_t blocks = 1; blocks < 4; ++blocks) {
    for (size_t from = 0; from < 9; ++from) {
      for (const int around : {-1, 0, 1, 8, 9}) {
        const size_t size = blocks * kCrc32cBlock + static_cast<size_t>(around);
        const Bytes part = Bytes(block).subspan(from, size);
        const auto seed = static_cast<uint32_t>(size * 0x9E37'79B9U);
        REQUIRE(crc32c(part, seed) == crc32c_by_table(part, seed));
      }
    }
  }
}

TEST_CASE("crc32c sees every single bit that flips in a large block", "[crc32c]") {
  std::vector<std::byte> block(kCrc32cBlock);
  const uint32_t before = crc32c(block);
  for (size_t bit = 0; bit < 8 * block.size(); ++bit) {
    block[bit / 8] ^= std::byte{1} << (bit % 8);
    REQUIRE(crc32c(block) != before);
    block[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}
