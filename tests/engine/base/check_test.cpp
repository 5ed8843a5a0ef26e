// SPDX-License-Identifier: Apache-2.0
// Catch2 has a CHECK of its own; the one under test is reached through functions defined before
// Catch2 is included.
#include "engine/base/check.hpp"

#include <csetjmp>
#include <cstring>
#include <string>

namespace {

std::jmp_buf after;
std::string seen_expression;
std::string seen_text;
int seen_line = 0;

void note_and_leave(const orrery::engine::CheckFailure& failure) {
  seen_expression = failure.expression;
  seen_text = failure.text;
  seen_line = failure.line;
  std::longjmp(after, 1);
}

constexpr int kLineOfCheck = __LINE__ + 2;
void require_below(int value, int limit) {
  CHECK(value < limit, "{} is not below {}", value, limit);
}

void require_with(const char* text) { CHECK(text == nullptr, "{}", text); }
void require_plainly(bool truth) { CHECK(truth); }

void pass_by(int value) {
  SOMETIMES(value > 1, "check_test: more than one");
  SOMETIMES(value > 100, "check_test: more than a hundred");
}

uint64_t hits_of(const char* label) {
  for (const orrery::engine::Sometimes* one : orrery::engine::all_sometimes()) {
    if (std::strcmp(one->label, label) == 0) return one->hits->load();
  }
  return UINT64_MAX;
}

/// The handler of the test for as long as it lives.
class Handler {
 public:
  Handler() : before_(orrery::engine::set_check_handler(&note_and_leave)) {}
  ~Handler() { orrery::engine::set_check_handler(before_); }

 private:
  orrery::engine::CheckHandler before_;
};

}  // namespace

#undef CHECK
#include "tests/catch.hpp"

TEST_CASE("a failed CHECK tells its handler what, why and where", "[check]") {
  const Handler handler;
  if (setjmp(after) == 0) require_below(7, 5);
  REQUIRE(seen_expression == "value < limit");
  REQUIRE(seen_text == "7 is not below 5");
  REQUIRE(seen_line == kLineOfCheck);
}

TEST_CASE("a CHECK that holds calls nobody, and one without words is as good", "[check]") {
  const Handler handler;
  seen_expression = "none";
  if (setjmp(after) == 0) require_below(4, 5);
  REQUIRE(seen_expression == "none");
  if (setjmp(after) == 0) require_plainly(false);
  REQUIRE(seen_expression == "truth");
  REQUIRE(seen_text.empty());
}

TEST_CASE("a reason that is too long is cut, not overrun", "[check]") {
  const Handler handler;
  static const std::string text(5000, 'x');
  if (setjmp(after) == 0) require_with(text.c_str());
  REQUIRE(seen_text.size() == 400);
}

TEST_CASE("set_check_handler gives back the one before", "[check]") {
  const auto before = orrery::engine::set_check_handler(&note_and_leave);
  REQUIRE(orrery::engine::set_check_handler(before) == &note_and_leave);
}

TEST_CASE("SOMETIMES counts hits and lists what was never hit", "[check]") {
  const uint64_t before = hits_of("check_test: more than one");
  REQUIRE(before != UINT64_MAX);
  for (int i = 0; i < 5; ++i) pass_by(i);
  REQUIRE(hits_of("check_test: more than one") == before + 3);
  REQUIRE(hits_of("check_test: more than a hundred") == 0);
}
