// SPDX-License-Identifier: Apache-2.0
#include "engine/base/format_into.hpp"

#include <string_view>

#include "tests/catch.hpp"

using namespace orrery::engine;

TEST_CASE("a text is cut to its room, and its whole size is told", "[format_into]") {
  char room[6] = {'-', '-', '-', '-', '-', '-'};
  REQUIRE(format_into({room, 4}, "{}.{}", 12, 3) == 4);
  REQUIRE(std::string_view(room, 6) == "12.3--");
  REQUIRE(format_into({room, 4}, "{}.{}", 345, 67) == 6);
  REQUIRE(std::string_view(room, 6) == "345.--");
  REQUIRE(format_into({room, 0}, "{}", 89) == 2);
  REQUIRE(room[0] == '3');
}
