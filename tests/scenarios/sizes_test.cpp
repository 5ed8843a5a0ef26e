// SPDX-License-Identifier: Apache-2.0
// The sizes that scenarios draw, and those that they take.
#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/store/events.hpp"
#include "engine/store/record.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/run.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;
namespace events = orrery::engine::events;
namespace ledger = orrery::scenarios::ledger;

namespace {

using Set = std::pair<const char*, int64_t>;

Plan showing(uint64_t seed) {
  Plan plan = plan_of_seed(*find_scenario("append-log"), seed);
  for (const auto& [name, value] : {Set{"shown_permille", 1000},
                                    {"readers", 2},
                                    {"null_main", 0},
                                    {"tolerant", 0},
                                    {"give_up_permille", 0}}) {
    REQUIRE(set_size(plan, name, value).empty());
  }
  return plan;
}

}  // namespace

TEST_CASE("at rest, in the sizes drawn, garnet-385 has nothing to strike at") {
  Runner runner;
  const Scenario& scenario = *find_scenario("snapshot-at-rest");
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Plan plan = plan_of_seed(scenario, seed);
    const int64_t page = int64_t{1} << plan.sizes["page_bits"];
    INFO("seed " << seed);
    REQUIRE(int64_t{1} << (plan.sizes["width_bits"] - 1) > page);  // or a whole page would not fit
    plan.bugs.emplace_back("garnet-385");
    REQUIRE(runner.play(plan).verdict == Verdict::ok);
  }
}

TEST_CASE("the sizes that a seed draws mean work") {
  constexpr size_t kSeeds = 51;
  Runner runner;
  const Scenario& scenario = *find_scenario("snapshot-full-cache");
  std::vector<uint64_t> points;
  std::vector<int64_t> turns;
  std::vector<int64_t> snapshots;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Plan plan = plan_of_seed(scenario, seed);
    const Run& run = runner.play(plan);
    int64_t pages = 0;
    int64_t done = 0;
    for (const orrery::sim::Event& event : run.trace->events) {
      if (event.kind == events::kPageOpened) pages = std::max(pages, event.a);
      if (event.kind == events::kMetadataCommitted) ++done;
    }
    points.push_back(run.points);
    turns.push_back(pages >> plan.sizes["ring_bits"]);
    snapshots.push_back(done);
  }
  const auto median = [](auto& all) {
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
  };
  CHECK(median(points) >= 20'000);
  CHECK(median(turns) >= 3);
  CHECK(median(snapshots) >= 1);
}

TEST_CASE("pages may be as small as the largest record") {
  Runner runner;
  for (const int64_t bits : {6, 7}) {
    for (const char* const name : {"many-sessions", "snapshot-full-cache", "crash-loop"}) {
      Plan plan = plan_of_seed(*find_scenario(name), 3);
      REQUIRE(set_size(plan, "page_bits", bits).empty());
      int64_t value = 8;
      while (orrery::engine::record_size(16, value + 1) <= int64_t{1} << bits) ++value;
      REQUIRE(set_size(plan, "value_max", value + 1).empty());
      REQUIRE(unfit(plan).find("the largest record has ") != std::string::npos);
      REQUIRE(set_size(plan, "value_max", value).empty());
      INFO(name << ": " << unfit(plan));
      REQUIRE(unfit(plan).empty());
      const Run& run = runner.play(plan);
      INFO((run.finding ? run.finding->text : run.not_judged));
      REQUIRE(run.verdict == Verdict::ok);
    }
  }
}

TEST_CASE("entries are shown to a reader that misses none, or to nobody") {
  REQUIRE(unfit(showing(7)).empty());
  for (const auto& [name, value] : {Set{"readers", 1},
                                    {"readers", 0},
                                    {"null_main", 1},
                                    {"tolerant", 1},
                                    {"give_up_permille", 1}}) {
    Plan plan = showing(7);
    REQUIRE(set_size(plan, name, value).empty());
    CHECK(unfit(plan).find("a reader that misses none") != std::string::npos);
  }
}

TEST_CASE("who shows an entry does nothing else before it was read") {
  Plan plan = showing(7);
  // A commit would take so long that the reader came anyway.
  for (const auto& [name, value] :
       {Set{"writers", 3}, {"entries", 20}, {"crashes", 0}, {"commit_every", 1000}}) {
    REQUIRE(set_size(plan, name, value).empty());
  }
  plan.faults.clear();
  Runner runner;
  const Run& run = runner.play(plan);
  REQUIRE(run.verdict == Verdict::ok);
  std::set<int64_t> read;
  std::map<uint32_t, int64_t> shown;  // by each writer, last
  for (const orrery::sim::Event& event : run.trace->events) {
    if (event.kind == ledger::kReadUncommitted) read.insert(event.a);
    if (event.kind == ledger::kAppended) shown[event.task] = event.a;
    if (event.kind == ledger::kAsked && shown.contains(event.task)) {
      CHECK(read.contains(shown[event.task]));
    }
  }
  CHECK(shown.size() == 3);
  CHECK(read.size() >= 60);
}

TEST_CASE("nobody waits for a reader that is gone, or never came") {
  Runner runner;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const Run& run = runner.play(showing(seed));
    INFO(seed << ": " << (run.finding ? run.finding->text : run.not_judged));
    REQUIRE(run.verdict == Verdict::ok);
  }
}

TEST_CASE("one operation that takes long is no livelock: a checkpoint, a reset, a recovery") {
  struct Long {
    const char* scenario;
    uint64_t seed;
    std::vector<Set> sizes;
  };
  const Long all[] = {
      {"crash-loop", 3, {{"index_bits", 20}, {"step_budget", 1'500'000}}},
      {"operation-log", 8, {{"index_bits", 20}, {"step_budget", 1'500'000}}},
      {"operation-log",
       0x8ec6dfd6134d5228,
       {{"snapshots", 1}, {"operations", 126'101}, {"sessions", 1}, {"barrier", 0}}},
  };
  Runner runner;
  for (const Long& one : all) {
    Plan plan = plan_of_seed(*find_scenario(one.scenario), one.seed);
    for (const auto& [name, value] : one.sizes) REQUIRE(set_size(plan, name, value).empty());
    std::erase(plan.faults, "name-error");  // or a store may not even open
    const Run& run = runner.play(plan);
    INFO(one.scenario << ": " << (run.finding ? run.finding->text : ""));
    const auto budget = static_cast<uint64_t>(plan.sizes["step_budget"]);
    CHECK(run.steps == budget + 4'000'000);  // or it says nothing
    CHECK(run.verdict == Verdict::inconclusive);
  }
}
