// SPDX-License-Identifier: Apache-2.0
#include "engine/base/result.hpp"

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "tests/catch.hpp"

using namespace orrery::engine;

namespace {

constexpr Error kFull{Errc::no_space, "the device is full", 4096};

Result<int> half_of(int value) {
  if (value % 2 != 0) return kFull;
  return value / 2;
}

Result<void> even(int value) {
  TRY(half_of(value));
  return {};
}

Result<std::string> quarter_of(int value, int& steps) {
  TRY_ASSIGN(const int half, half_of(value));
  ++steps;
  TRY_ASSIGN(const int quarter, half_of(half));
  ++steps;
  return std::to_string(quarter);
}

}  // namespace

TEST_CASE("a Result holds a value or an Error", "[result]") {
  const Result<int> good = half_of(8);
  REQUIRE(good.has_value());
  REQUIRE(static_cast<bool>(good));
  REQUIRE(*good == 4);
  const Result<int> bad = half_of(7);
  REQUIRE_FALSE(bad.has_value());
  REQUIRE(bad.error() == kFull);
  REQUIRE(bad.error().where == 4096);
}

TEST_CASE("a Result carries what can only be moved", "[result]") {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(made).value();
  REQUIRE(*taken == 5);
}

TEST_CASE("TRY returns the error and nothing else happens", "[result]") {
  REQUIRE(even(2).has_value());
  REQUIRE(even(3).error() == kFull);
}

TEST_CASE("TRY_ASSIGN names the value or returns the error", "[result]") {
  int steps = 0;
  REQUIRE(*quarter_of(12, steps) == "3");
  REQUIRE(steps == 2);
  steps = 0;
  REQUIRE(quarter_of(6, steps).error() == kFull);
  REQUIRE(steps == 1);
  steps = 0;
  REQUIRE(quarter_of(5, steps).error() == kFull);
  REQUIRE(steps == 0);
}

TEST_CASE("a void Result is well unless it is told otherwise", "[result]") {
  REQUIRE(Result<void>().has_value());
  const Result<void> bad = Error{Errc::cancelled};
  REQUIRE(bad.error().code == Errc::cancelled);
}

TEST_CASE("each error code has a name of its own", "[result]") {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Errc::too_large); ++code) {
    names.insert(name_of(static_cast<Errc>(code)));
  }
  REQUIRE(names.size() == static_cast<size_t>(Errc::too_large) + 1);
  REQUIRE(names.count("unknown") == 0);
  REQUIRE(name_of(static_cast<Errc>(200)) == "unknown");
}
