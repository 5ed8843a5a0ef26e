// SPDX-License-Identifier: Apache-2.0
// The supervisor and its workers, with players that do what a test wants of them: also to die.
#include "fuzz/campaign.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "fuzz/changes.hpp"
#include "sim/hash.hpp"
#include "tests/catch.hpp"

namespace orrery::fuzz {
namespace {

using reports::RunRow;
using scenarios::Verdict;

/// Plays a run by calling a function.
class FunctionPlayer final : public Player {
 public:
  explicit FunctionPlayer(std::function<void(RunRow&)> body) : body_(std::move(body)) {}
  RunRow play(uint64_t index) override {
    RunRow row;
    row.index = index;
    row.seed = 1000 + index;
    row.digest = sim::scramble(index);
    body_(row);
    return row;
  }

 private:
  std::function<void(RunRow&)> body_;
};

CampaignOrder order_of(uint64_t runs, unsigned workers, std::function<void(RunRow&)> body) {
  CampaignOrder order;
  order.runs_max = runs;
  order.workers = workers;
  order.player = [body = std::move(body)] { return std::make_unique<FunctionPlayer>(body); };
  order.seed_of = [](uint64_t index) { return 1000 + index; };
  return order;
}

/// Remembers the rows.
class Listener final : public Watcher {
 public:
  void on_row(const RunRow& row) override {
    rows.push_back(row);
    if (interrupt_at == row.index) raise(SIGINT);
  }
  void on_tick(const Campaign&, double) override {}
  std::vector<RunRow> rows;
  uint64_t interrupt_at = kNoRun;
};

void fail(RunRow& row, const char* signature) {
  row.verdict = Verdict::failed;
  row.signature = signature;
}

/// A count that all processes share.
class SharedCount {
 public:
  SharedCount()
      : count_(static_cast<int*>(mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~SharedCount() { munmap(count_, sizeof(int)); }
  SharedCount(const SharedCount&) = delete;
  SharedCount& operator=(const SharedCount&) = delete;
  int& value() { return *count_; }

 private:
  int* count_;
};

}  // namespace

TEST_CASE("a campaign says the same whatever the number of workers") {
  for (const unsigned workers : {1U, 2U, 3U, 7U}) {
    Listener listener;
    const Campaign campaign = run_campaign(order_of(100, workers, [](RunRow&) {}), listener);
    CHECK(campaign.runs == 100);
    CHECK(campaign.failed == 0);
    REQUIRE(listener.rows.size() == 100);
    for (uint64_t i = 0; i < 100; ++i) {
      CHECK(listener.rows[i].index == i);
      CHECK(listener.rows[i].digest == sim::scramble(i));
    }
  }
}

TEST_CASE("the first failing run is the one with the lowest index") {
  for (const unsigned workers : {1U, 2U, 5U}) {
    const auto body = [](RunRow& row) {
      if (row.index == 40) usleep(20'000);  // others overtake it
      if (row.index >= 40) fail(row, row.index == 40 ? "first" : "later");
    };
    Listener listener;
    const Campaign campaign = run_campaign(order_of(1000, workers, body), listener);
    CHECK(campaign.runs == 41);
    REQUIRE(campaign.signatures.size() == 1);
    CHECK(campaign.signatures[0].first.index == 40);
    CHECK(campaign.signatures[0].first.signature.view() == "first");
  }
}

TEST_CASE("a campaign that keeps going counts failures by their name") {
  const auto body = [](RunRow& row) {
    if (row.index % 10 == 3) fail(row, "three");
    if (row.index % 10 == 7) fail(row, "seven");
    if (row.index % 10 == 9) row.verdict = Verdict::inconclusive;
  };
  CampaignOrder order = order_of(50, 2, body);
  order.keep_going = true;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(campaign.runs == 50);
  CHECK(campaign.failed == 10);
  CHECK(campaign.inconclusive == 5);
  REQUIRE(campaign.signatures.size() == 2);
  CHECK(campaign.signatures[0].count == 5);
  CHECK(campaign.signatures[0].first.index == 3);
  CHECK(campaign.signatures[1].first.index == 7);
}

TEST_CASE("a run that takes its worker along twice in the same way is a verdict") {
  const auto body = [](RunRow& row) {
    if (row.index == 11) raise(SIGKILL);
  };
  CampaignOrder order = order_of(30, 2, body);
  order.keep_going = true;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(campaign.runs == 30);
  CHECK(campaign.failed == 1);
  CHECK(campaign.defects.empty());
  REQUIRE(listener.rows.size() == 30);
  CHECK(listener.rows[11].oracle.view() == "memory");
  CHECK(listener.rows[11].seed == 1011);
  CHECK(listener.rows[12].verdict == Verdict::ok);
}

TEST_CASE("a worker that dies once is a defect of the harness, and nothing else is lost") {
  SharedCount deaths;
  const auto body = [&](RunRow& row) {
    if (row.index == 11 && deaths.value()++ == 0) raise(SIGKILL);
  };
  Listener listener;
  const Campaign campaign = run_campaign(order_of(30, 2, body), listener);
  CHECK(campaign.failed == 0);
  CHECK(campaign.runs == 29);
  REQUIRE(campaign.defects.size() == 1);
  CHECK(campaign.defects[0].index == 11);
}

TEST_CASE("a worker that gives up by itself is a defect at once") {
  SharedCount tries;
  const auto body = [&](RunRow& row) {
    if (row.index != 4) return;
    ++tries.value();
    _exit(5);
  };
  Listener listener;
  const Campaign campaign = run_campaign(order_of(20, 2, body), listener);
  CHECK(tries.value() == 1);
  CHECK(campaign.failed == 0);
  CHECK(campaign.runs == 19);
  CHECK(campaign.defects.size() == 1);
}

TEST_CASE("Ctrl-C stops a campaign with what is known") {
  Listener listener;
  listener.interrupt_at = 20;
  const auto body = [](RunRow&) { usleep(200); };
  const Campaign campaign = run_campaign(order_of(1'000'000, 2, body), listener);
  CHECK(campaign.interrupted);
  CHECK(campaign.runs >= 21);
  CHECK(campaign.runs < 1'000'000);
}

TEST_CASE("a campaign ends when its time is over") {
  CampaignOrder order = order_of(UINT64_MAX, 2, [](RunRow&) { usleep(100); });
  order.time_max_ms = 200;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(campaign.runs > 10);
  CHECK(campaign.wall_s < 30);
}

TEST_CASE("the seed of a run depends on campaign, scenario and index, and on nothing else") {
  const auto& one = *scenarios::all_scenarios()[0];
  const auto& two = *scenarios::all_scenarios()[1];
  CHECK(run_seed(1, one, 0) == run_seed(1, one, 0));
  CHECK(run_seed(1, one, 0) != run_seed(1, one, 1));
  CHECK(run_seed(1, one, 0) != run_seed(2, one, 0));
  CHECK(run_seed(1, one, 0) != run_seed(1, two, 0));
}

TEST_CASE("changes that nobody can run are named with the nearest valid name") {
  const scenarios::Scenario* const scenario = scenarios::find_scenario("canary");
  REQUIRE(scenario != nullptr);
  scenarios::Plan plan;
  Changes changes;
  changes.sizes = {{"io_pints", 4}};
  CHECK_THAT(plan_for(*scenario, 1, changes, plan),
             Catch::Matchers::ContainsSubstring("io_points"));
  changes = {};
  changes.sizes = {{"io_points", 0}};
  CHECK_THAT(plan_for(*scenario, 1, changes, plan),
             Catch::Matchers::ContainsSubstring("io_points"));
  changes = {};
  changes.bugs = {"garnet-358"};
  CHECK_THAT(plan_for(*scenario, 1, changes, plan),
             Catch::Matchers::ContainsSubstring("garnet-385"));
  changes = {};
  changes.sizes = {{"io_points", 9}};
  CHECK(plan_for(*scenario, 1, changes, plan).empty());
  CHECK(plan.sizes["io_points"] == 9);
}

}  // namespace orrery::fuzz
