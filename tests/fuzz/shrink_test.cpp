// SPDX-License-Identifier: Apache-2.0
// The shrinker against worlds that are one condition each: which deviations and sizes make them
// fail.
#include "fuzz/shrink.hpp"

#include <algorithm>
#include <array>

#include "tests/catch.hpp"

namespace orrery::fuzz {
namespace {

using scenarios::Plan;
using scenarios::Run;
using sim::Ask;
using sim::Deviation;

constexpr std::array<scenarios::SizeRow, 3> kSizes{{
    {"pages", 1, 100, 2, "pages"},
    {"keys", 1, 100, 10, "keys"},
    {"width", 1, 100, 100, "safe with half of the keys"},
}};

class Toy final : public scenarios::Scenario {
 public:
  const char* name() const override { return "toy"; }
  const char* sentence() const override { return "fails under one condition"; }
  std::span<const scenarios::SizeRow> sizes() const override { return kSizes; }
  void draw(uint64_t, scenarios::Sizes& sizes) const override {
    sizes.set("pages", 64);
    sizes.set("keys", 50);
    sizes.set("width", 25);
  }
  void keep_safe(scenarios::Sizes& sizes) const override {
    sizes.set("width", std::max(sizes["width"], sizes["keys"] / 2));
  }
  sim::Laws laws(const scenarios::Sizes&) const override { return {}; }
  void play(scenarios::Stage&) const override {}
};

Deviation latency(uint64_t actor, uint64_t value) {
  return {{"write", actor, 0, 0}, Ask::latency, 0, value, {}};
}

Deviation preempt(uint64_t actor, uint64_t point) {
  return {{"session", actor, 0, 0}, Ask::preempt, point, 0, {"runner", 0, 0, 0}};
}

/// Plays a plan by looking at it. All deviations take effect, but for those of actors from 1,000
/// on.
class ToyWorld {
 public:
  using Condition = std::function<std::string(const Plan&)>;
  explicit ToyWorld(Condition condition) : condition_(std::move(condition)) {}

  const Run& play(const Plan& plan) {
    ++played;
    plan_ = plan;
    std::erase_if(plan_.deviations, [](const Deviation& d) { return d.actor.number >= 1000; });
    trace_.clear();
    for (const Deviation& d : plan_.deviations) {
      sim::Taken taken;
      taken.at = {d.actor.key(), d.ask, d.occurrence, {{own(d.actor.label), d.actor.number}, 0, 0}};
      taken.value = d.value;
      taken.task = {{own(d.task.label), d.task.number}, 0, 0};
      trace_.taken.push_back(taken);
    }
    run_ = Run{};
    run_.plan = &plan_;
    run_.trace = &trace_;
    run_.digest = plan_.deviations.size();
    const std::string broken = condition_(plan_);
    if (!broken.empty()) {
      run_.verdict = scenarios::Verdict::failed;
      run_.finding = scenarios::Finding{};
      run_.finding->signature = broken;
    }
    return run_;
  }

  Play player() {
    return [this](const Plan& plan) -> const Run& { return play(plan); };
  }

  uint64_t played = 0;

 private:
  static const char* own(const std::string& label) {
    if (label == "write") return "write";
    return label == "session" ? "session" : "runner";
  }
  Condition condition_;
  Plan plan_;
  sim::Trace trace_;
  Run run_;
};

const Toy kToy;

Plan start(size_t count) {
  Plan plan;
  plan.scenario = &kToy;
  plan.seed = 1;
  kToy.draw(1, plan.sizes);
  plan.replays = true;
  for (size_t i = 0; i < count; ++i) {
    plan.deviations.push_back(i % 2 == 0 ? preempt(i, i) : latency(i, 12));
  }
  return plan;
}

bool holds(const Plan& plan, const Deviation& wanted) {
  return std::find(plan.deviations.begin(), plan.deviations.end(), wanted) != plan.deviations.end();
}

bool is_slow(const Plan& plan, uint64_t actor, uint64_t least) {
  return std::any_of(plan.deviations.begin(), plan.deviations.end(), [&](const Deviation& d) {
    return d.ask == Ask::latency && d.actor.number == actor && d.value >= least;
  });
}

/// Preemptions and five slow writes, late ones of their actors.
Plan start_of_many(uint64_t preemptions = 400) {
  Plan plan = start(0);
  for (uint64_t i = 0; i < preemptions; ++i) plan.deviations.push_back(preempt(i, i));
  for (uint64_t i = 0; i < 5; ++i) {
    plan.deviations.push_back(latency(i, 16));
    plan.deviations.back().occurrence = 1000;
  }
  plan.faults = {"read-error", "write-error", "torn-write"};
  return plan;
}

bool needs_all(const Plan& plan) { return plan.deviations.size() == 405; }

}  // namespace

TEST_CASE("shrinking keeps the two deviations that the failure needs, and says what for") {
  ToyWorld world([](const Plan& plan) -> std::string {
    const bool first = holds(plan, preempt(6, 6));
    const bool second = is_slow(plan, 21, 11);
    if (first && second) return "broken";
    return first ? "another" : "";
  });
  const Shrunk shrunk = shrink(start(40), world.player(), {});
  REQUIRE(shrunk.failed);
  CHECK(shrunk.signature == "broken");
  CHECK(shrunk.deviations_before == 40);
  REQUIRE(shrunk.plan.deviations.size() == 2);
  CHECK(shrunk.plan.deviations[0] == preempt(6, 6));
  CHECK(shrunk.plan.deviations[1] == latency(21, 11));  // as near to nominal as it goes
  REQUIRE(shrunk.needs.size() == 2);
  CHECK(shrunk.needs[0].without == "the run is ok");
  CHECK(shrunk.needs[1].without == "it fails differently: another");
  CHECK(shrunk.confirmed);
  CHECK(shrunk.complete);
  CHECK(shrunk.plan.sizes["pages"] == 2);
  CHECK(shrunk.plan.sizes["keys"] == 10);
  CHECK(shrunk.sizes_before.size() == 3);
}

TEST_CASE("shrinking a size stops where the failure is lost") {
  ToyWorld world([](const Plan& plan) -> std::string {
    return plan.sizes["pages"] >= 19 && holds(plan, preempt(0, 0)) ? "broken" : "";
  });
  const Shrunk shrunk = shrink(start(10), world.player(), {});
  CHECK(shrunk.plan.sizes["pages"] == 19);
  CHECK(shrunk.plan.deviations.size() == 1);
}

TEST_CASE("shrinking does not leave the sizes that are safe at rest, unless asked to") {
  ToyWorld world([](const Plan& plan) -> std::string {
    if (plan.sizes["pages"] < 30) return "broken";  // without any decision
    return holds(plan, preempt(0, 0)) ? "broken" : "";
  });
  const Shrunk safe = shrink(start(10), world.player(), {});
  CHECK(safe.plan.sizes["pages"] == 30);
  CHECK(safe.plan.deviations.size() == 1);
  ShrinkOptions options;
  options.leave_safe_sizes = true;
  const Shrunk calm = shrink(start(10), world.player(), options);
  CHECK(calm.plan.sizes["pages"] == 2);
  CHECK(calm.plan.deviations.empty());
}

TEST_CASE("a size that grows takes with it what keeps it safe") {
  class Growing final : public ToyWorld {
   public:
    Growing()
        : ToyWorld([](const Plan& plan) -> std::string {
            return plan.sizes["width"] < 60 && holds(plan, preempt(0, 0)) ? "broken" : "";
          }) {}
  };
  Growing world;
  Plan plan = start(10);
  plan.sizes.set("keys", 4);
  plan.sizes.set("width", 2);
  const Shrunk shrunk = shrink(plan, world.player(), {});
  CHECK(shrunk.plan.sizes["keys"] == 10);
  CHECK(shrunk.plan.sizes["width"] >= 5);
  // Those that were unsafe from the beginning may stay so.
  plan.sizes.set("width", 1);
  CHECK(shrink(plan, world.player(), {}).plan.sizes["keys"] == 10);
}

TEST_CASE("a failure that needs no decision shrinks to none") {
  ToyWorld world([](const Plan&) -> std::string { return "broken"; });
  const Shrunk shrunk = shrink(start(12), world.player(), {});
  CHECK(shrunk.plan.deviations.empty());
  CHECK(shrunk.needs.empty());
  CHECK(shrunk.confirmed);
}

TEST_CASE("deviations without effect vanish at once") {
  ToyWorld world(
      [](const Plan& plan) -> std::string { return holds(plan, preempt(0, 0)) ? "broken" : ""; });
  Plan plan = start(4);
  for (uint64_t i = 0; i < 100; ++i) plan.deviations.push_back(latency(1000 + i, 9));
  const Shrunk shrunk = shrink(plan, world.player(), {});
  CHECK(shrunk.deviations_before == 4);
  CHECK(shrunk.plan.deviations.size() == 1);
}

TEST_CASE("a run that does not fail is not shrunk") {
  ToyWorld world([](const Plan&) -> std::string { return ""; });
  CHECK_FALSE(shrink(start(4), world.player(), {}).failed);
  CHECK(world.played == 1);
}

TEST_CASE("shrinking is deterministic and keeps to its budget") {
  const auto condition = [](const Plan& plan) -> std::string {
    return holds(plan, preempt(6, 6)) && is_slow(plan, 151, 10) ? "broken" : "";
  };
  ToyWorld world(condition);
  const Shrunk first = shrink(start(200), world.player(), {});
  const Shrunk second = shrink(start(200), world.player(), {});
  CHECK(first.plan.deviations == second.plan.deviations);
  CHECK(first.replays == second.replays);
  CHECK(first.replays <= 2500);
  ToyWorld small(condition);
  ShrinkOptions options;
  options.replays_max = 60;
  const Shrunk cut = shrink(start(200), small.player(), options);
  CHECK(small.played <= 62);
  CHECK_FALSE(cut.complete);
  CHECK(cut.plan.deviations.size() < 200);
}

TEST_CASE("whenever the budget ends, nothing stays that was seen to be needless") {
  const auto condition = [](const Plan& plan) -> std::string {
    return holds(plan, preempt(6, 6)) && is_slow(plan, 151, 10) ? "broken" : "";
  };
  for (uint64_t budget = 4; budget < 200; ++budget) {
    ToyWorld world(condition);
    ShrinkOptions options;
    options.replays_max = budget;
    const Shrunk shrunk = shrink(start(200), world.player(), options);
    INFO("a budget of " << budget);
    REQUIRE(world.played <= budget + 2);
    for (const reports::Need& need : shrunk.needs) CHECK(need.without == "the run is ok");
  }
}

// 400 preemptions and five writes are more than the budget is enough for, if all are needed.
TEST_CASE("where the budget ends for the search, one deviation is moved and is searched anew") {
  ToyWorld world([](const Plan& plan) -> std::string {
    const bool alone =
        plan.deviations.size() == 1 && is_slow(plan, 3, 11) && plan.deviations[0].occurrence == 996;
    return alone || needs_all(plan) ? "broken" : "";
  });
  ShrinkOptions options;
  options.replays_max = 600;
  const Shrunk shrunk = shrink(start_of_many(), world.player(), options);
  CHECK(world.played <= 600);
  REQUIRE(shrunk.plan.deviations.size() == 1);
  CHECK(shrunk.plan.deviations[0].occurrence == 996);
  CHECK(shrunk.plan.deviations[0].value == 11);
  CHECK(shrunk.plan.faults.empty());
  CHECK(shrunk.needs.size() == 1);
  CHECK(shrunk.confirmed);
  CHECK(shrunk.complete);
}

TEST_CASE("where no deviation can be moved, needless faults go all the same") {
  ToyWorld world([](const Plan& plan) -> std::string { return needs_all(plan) ? "broken" : ""; });
  for (const uint64_t budget : {600U, 605U, 2500U}) {
    ShrinkOptions options;
    options.replays_max = budget;
    const Shrunk shrunk = shrink(start_of_many(), world.player(), options);
    INFO("a budget of " << budget);
    CHECK(shrunk.replays <= budget);
    CHECK(shrunk.plan.deviations.size() == 405);
    CHECK(shrunk.plan.faults.empty());
    CHECK(shrunk.confirmed);
  }
}

TEST_CASE("a search that ended is complete, whatever else was tried to no avail") {
  ToyWorld world(
      [](const Plan& plan) -> std::string { return plan.deviations.size() == 25 ? "broken" : ""; });
  const Shrunk shrunk = shrink(start_of_many(20), world.player(), {});
  CHECK(shrunk.plan.deviations.size() == 25);
  CHECK(shrunk.plan.faults.empty());
  CHECK(shrunk.complete);
  CHECK(shrunk.replays < 1000);  // a fifth of 2,500 and the search
}

TEST_CASE("a search that ended is complete, if only the other way round did not end") {
  ToyWorld world(
      [](const Plan& plan) -> std::string { return plan.deviations.size() == 25 ? "broken" : ""; });
  Plan plan = start_of_many(20);
  plan.faults.clear();
  ShrinkOptions options;
  options.replays_max = 200;
  const Shrunk shrunk = shrink(plan, world.player(), options);
  CHECK(shrunk.plan.deviations.size() == 25);
  CHECK(shrunk.needs.size() == 25);
  CHECK(shrunk.complete);
}

TEST_CASE("what was kept for moves goes to the search where nothing can be moved") {
  // Any hundred preemptions do, if the last one is among them.
  const auto condition = [](const Plan& plan) -> std::string {
    const size_t count = plan.deviations.size();
    return count >= 100 && plan.deviations.back() == preempt(599, 599) ? "broken" : "";
  };
  ToyWorld world(condition);
  Plan plan = start(0);
  for (uint64_t i = 0; i < 600; ++i) plan.deviations.push_back(preempt(i, i));
  ShrinkOptions options;
  options.replays_max = 500;
  const Shrunk shrunk = shrink(plan, world.player(), options);
  CHECK(shrunk.replays > 490);
  CHECK(shrunk.plan.deviations.size() == 100);
  CHECK_FALSE(shrunk.complete);  // nobody has seen that each of them is needed
}

TEST_CASE("what a deviation is needed for is asked again once a needless one has gone") {
  // What the failure needs comes first; the last one hides what a run without it is.
  ToyWorld world([](const Plan& plan) -> std::string {
    if (holds(plan, preempt(0, 0)) && holds(plan, preempt(2, 2))) return "broken";
    return holds(plan, preempt(4, 4)) ? "another" : "";
  });
  Plan plan = start(5);
  std::erase_if(plan.deviations, [](const Deviation& d) { return d.ask == Ask::latency; });
  REQUIRE(plan.deviations.size() == 3);
  for (uint64_t budget = 5; budget < 20; ++budget) {  // none of it is left for the search
    ShrinkOptions options;
    options.replays_max = budget;
    const Shrunk shrunk = shrink(plan, world.player(), options);
    INFO("a budget of " << budget);
    const auto& left = shrunk.plan.deviations;
    const auto& needs = shrunk.needs;
    CHECK_FALSE(shrunk.complete);
    CHECK(needs.size() == std::min<size_t>(budget - 4, 2));
    CHECK(left.size() == (budget < 7 ? 3 : 2));
    for (size_t i = 0; i < needs.size(); ++i) {
      CHECK(needs[i].deviation == left[i]);
      const bool again = budget >= 8 + i;
      CHECK(needs[i].without == (again ? "the run is ok" : "it fails differently: another"));
    }
  }
}

}  // namespace orrery::fuzz
