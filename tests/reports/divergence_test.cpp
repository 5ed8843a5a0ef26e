// SPDX-License-Identifier: Apache-2.0
// Two plays that part are told apart at the first event that differs, and not at another.
#include "reports/divergence.hpp"

#include "tests/catch.hpp"
#include "tests/reports/made_up_run.hpp"

namespace orrery::reports {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("two plays that agree are not told apart") {
  const MadeUpRun made;
  const Witness one(made.run);
  CHECK(agree(one, Witness(made.run)));
  CHECK_FALSE(first_divergence(one, Witness(made.run)));
  CHECK(divergence_text(one, Witness(made.run), "first", "replay").empty());
}

TEST_CASE("the first event that differs in anything is found") {
  const MadeUpRun made;
  const Witness one(made.run);
  REQUIRE(one.events.size() > 5);
  const auto parts_at = [&](size_t index, auto change) {
    Witness other(made.run);
    change(other.events[index]);
    if (index + 2 < other.events.size()) other.events[index + 2].step += 7;  // and later as well
    const auto found = first_divergence(one, other);
    return found && found->event == index && !found->in_value;
  };
  for (size_t i = 0; i < one.events.size(); ++i) {
    CHECK(parts_at(i, [](sim::Event& event) { ++event.step; }));
    CHECK(parts_at(i, [](sim::Event& event) { ++event.now_ns; }));
    CHECK(parts_at(i, [](sim::Event& event) { event.task = event.task == 0 ? 1 : 0; }));
    CHECK(parts_at(i, [](sim::Event& event) { event.kind = 999; }));
    CHECK(parts_at(i, [](sim::Event& event) { ++event.a; }));
    CHECK(parts_at(i, [](sim::Event& event) { ++event.b; }));
    CHECK(parts_at(i, [](sim::Event& event) { ++event.c; }));
    CHECK(parts_at(i, [](sim::Event& event) { event.site = sim::Site::current(); }));
  }
}

TEST_CASE("a play that ends early parts where it ends") {
  const MadeUpRun made;
  const Witness one(made.run);
  Witness other(made.run);
  other.events.pop_back();
  other.steps -= 1;
  const auto found = first_divergence(one, other);
  REQUIRE(found);
  CHECK(found->event == other.events.size());
  CHECK_THAT(divergence_text(one, other, "first", "replay"), ContainsSubstring("has ended"));
}

TEST_CASE("a value that differs is found at the point after which it was seen") {
  const MadeUpRun made;
  Witness one(made.run);
  const auto point = static_cast<uint16_t>(sim::Kind::point);
  one.events.clear();
  for (uint64_t step = 1; step <= 4; ++step) {
    sim::Event event;
    event.step = step;
    event.task = 0;
    event.kind = point;
    event.b = static_cast<int64_t>(step * 11);  // the digest
    event.site = sim::Site::current();
    one.events.push_back(event);
  }
  Witness other = one;
  other.events[2].b += 1;
  other.events[3].b += 9;
  const auto found = first_divergence(one, other);
  REQUIRE(found);
  CHECK(found->event == 1);
  CHECK(found->in_value);
  const std::string text = divergence_text(one, other, "first", "replay");
  CHECK_THAT(text, ContainsSubstring("first         step 2"));
  CHECK_THAT(text, ContainsSubstring(one.tasks[0]));
  CHECK_THAT(text, ContainsSubstring("divergence_test.cpp:"));
  // The last value of all shows in no point, only in the digest.
  Witness last = one;
  last.digest += 1;
  REQUIRE(first_divergence(one, last));
  CHECK(first_divergence(one, last)->event == 3);
}

}  // namespace orrery::reports
