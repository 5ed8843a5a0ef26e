// SPDX-License-Identifier: Apache-2.0
#include "engine/base/bytes.hpp"

#include <array>

#include "engine/base/units.hpp"
#include "tests/catch.hpp"

using namespace orrery::engine;

TEST_CASE("integers are written with their lowest byte first, at any address", "[bytes]") {
  std::array<std::byte, 12> room{};
  put<uint32_t>(room.data() + 1, 0x0403'0201U);
  for (size_t i = 0; i < 4; ++i) REQUIRE(room[1 + i] == static_cast<std::byte>(i + 1));
  REQUIRE(room[0] == std::byte{0});
  REQUIRE(room[5] == std::byte{0});
  put<int64_t>(room.data() + 3, -2);
  REQUIRE(get<int64_t>(room.data() + 3) == -2);
  REQUIRE(get<uint64_t>(room.data() + 3) == UINT64_MAX - 1);
}

TEST_CASE("text and bytes are two views of the same", "[bytes]") {
  REQUIRE(text_of(bytes_of("abc")) == "abc");
  REQUIRE(bytes_of("").empty());
}

TEST_CASE("rounding keeps what is whole", "[bytes]") {
  REQUIRE(round_up(0, 512) == 0);
  REQUIRE(round_up(1, 512) == 512);
  REQUIRE(round_up(512, 512) == 512);
  REQUIRE(round_down(1023, 512) == 512);
  REQUIRE(round_down(511, 512) == 0);
}

TEST_CASE("instants and durations are ordered and subtract", "[units]") {
  REQUIRE(Instant{5} + Duration{7} == Instant{12});
  REQUIRE(Instant{5} - Instant{7} == Duration{-2});
  REQUIRE(Instant{5} < kNever);
}
