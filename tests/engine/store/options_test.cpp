// SPDX-License-Identifier: Apache-2.0
// A store is not opened with options that make no sense, and says which one.
#include "engine/store/options.hpp"

#include <string>

#include "tests/catch.hpp"

using namespace orrery::engine;

namespace {

std::string complaint(uint32_t attempts, uint32_t delay_us) {
  StoreOptions options;
  options.main_io = {attempts, delay_us};
  const Result<void> valid = validate(options);
  if (valid) return "";
  CHECK(valid.error().code == Errc::invalid);
  return valid.error().what;
}

}  // namespace

TEST_CASE("a request is made at least once, and its attempts come to an end", "[options]") {
  CHECK(complaint(1, 0).empty());
  CHECK(complaint(16, 10'000'000).empty());
  CHECK(complaint(0, 0) == "main_io.attempts is not in 1..16");
  CHECK(complaint(17, 0) == "main_io.attempts is not in 1..16");
  CHECK(complaint(3, 10'000'001) == "main_io.retry_delay_us is above 10,000,000");
}
