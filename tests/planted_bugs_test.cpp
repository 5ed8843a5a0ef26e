// SPDX-License-Identifier: Apache-2.0
// Every planted bug is found within its budget of seeds, by an oracle that is meant to, and the
// same seeds are clean without it; what is found shrinks to a few decisions. And the engine as it
// is gives no false alarm on a share of a campaign.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "engine/base/sanitizers.hpp"
#include "engine/store/events.hpp"
#include "fuzz/shrink.hpp"
#include "scenarios/oracles/oracle.hpp"
#include "scenarios/run.hpp"
#include "tests/catch.hpp"

namespace orrery::scenarios {
namespace {

struct Planted {
  const char* bug;
  const char* scenario;
  uint64_t budget;         // seeds
  const char* oracle;      // who sees it
  const char* label = "";  // with which the finding begins, where that matters
  bool alone = false;      // asked alone: others are quicker
  size_t needed = 3;       // decisions, at most, when it is shrunk
};

// About four times the seeds that each took when this was written.
constexpr auto kPlanted = std::to_array<Planted>({
    {"garnet-385", "snapshot-full-cache", 400, "walks"},
    {"garnet-385", "snapshot-full-cache", 800, "frames", "", true},
    {"garnet-385", "garnet-385-40g", 1, "memory", "", true},
    {"garnet-2063.a", "snapshot-full-cache", 50, "lifetimes"},
    {"garnet-2063.b", "snapshot-full-cache", 50, "lifetimes"},
    {"garnet-1413", "snapshot-full-cache", 2000, "progress", "", false, 4},
    {"garnet-1679b.a", "snapshot-full-cache", 200, "progress"},
    {"garnet-1679b.b", "snapshot-full-cache", 50, "progress"},
    {"garnet-1679b.c", "snapshot-full-cache", 50, "completions"},
    {"garnet-1991.a", "copy-reads", 100, "linearizable"},
    {"garnet-2046.a", "many-sessions", 50, "resources"},
    {"spec-d2", "crash-loop", 800, "recovery"},
    {"spec-d2", "checkpoint-under-load", 400, "snapshot-cut"},
    {"spec-d3", "checkpoint-under-load", 600, "snapshot-cut", "the index of a committed"},
    {"spec-d4", "crash-loop", 2000, "recovery"},
    {"spec-d4", "checkpoint-under-load", 50, "metadata"},
    {"spec-d9", "snapshot-full-cache", 50, "metadata", "the metadata of a committed"},
    {"spec-d14", "reset-with-io", 50, "check"},
    {"spec-d24", "append-log", 200, "durability-ledger"},
    {"spec-d24", "operation-log", 50, "operation-log"},
    {"spec-h1", "snapshot-full-cache", 200, "snapshot-cut"},
    {"spec-d9", "checkpoint-under-load", 50, "reasons", "a checkpoint failed", true},
    {"canary-head", "many-sessions", 50, "address-chain"},
    {"canary-stay", "snapshot-full-cache", 50, "epochs"},
});

size_t row_of(std::string_view bug) {
  size_t row = 0;
  while (engine::kBugs[row].id != bug) ++row;
  return row;
}

/// Memory or a machine's state was spoiled: what happens next is anybody's guess.
bool is_accident(std::string_view oracle) {
  return oracle == "memory" || oracle == "check" || oracle == "lifetimes" || oracle == "frames";
}

/// Pages of the snapshot that were counted down before the promise was broken: the number of the
/// completion in which it broke.
size_t completions_counted(const Run& run) {
  size_t count = 0;
  for (const sim::Event& event : run.trace->events) {
    if (event.step > run.finding->step) break;
    if (event.kind == engine::events::kSnapshotPageDone) ++count;
  }
  return count;
}

void require_few_decisions(Runner& runner, const Planted& planted, const Plan& plan) {
  const auto play = [&](const Plan& one) -> const Run& { return runner.play(one); };
  const fuzz::Shrunk shrunk = fuzz::shrink(plan, play, {});
  REQUIRE(shrunk.confirmed);
  INFO("from " << shrunk.deviations_before);
  CHECK(shrunk.plan.deviations.size() <= planted.needed);
}

}  // namespace

TEST_CASE("every planted bug is found within its budget, and the seed is clean without it") {
  Runner runner;  // one a test: the framework takes the signals in between
  for (const Planted& planted : kPlanted) {
    INFO(planted.bug << " in " << planted.scenario << ", by " << planted.oracle);
    const Scenario& scenario = *find_scenario(planted.scenario);
    bool found = false;
    for (uint64_t seed = 0; seed < planted.budget && !found; ++seed) {
      Plan plan = plan_of_seed(scenario, seed);
      INFO("seed " << seed);
      REQUIRE(runner.play(plan).verdict == Verdict::ok);
      plan.bugs.emplace_back(planted.bug);
      if (planted.alone) plan.oracles = {planted.oracle};
      REQUIRE(unfit(plan).empty());
      const Run& run = runner.play(plan);
      if (run.verdict != Verdict::failed) continue;
      REQUIRE(run.reached[row_of(planted.bug)] > 0);
      // Another oracle may see it as well, but no accident in memory may come first.
      REQUIRE((is_accident(planted.oracle) || !is_accident(run.finding->oracle)));
      found =
          run.finding->oracle == planted.oracle && run.finding->label.starts_with(planted.label);
      // The digests are the same under sanitizers, and so is what is left.
      const bool shrinks = found && !scenario.is_large() && !ORRERY_ASAN;
      if (shrinks) require_few_decisions(runner, planted, plan);
    }
    REQUIRE(found);
  }
}

TEST_CASE("every row of the bug table has a budget here") {
  for (const engine::BugRow& row : engine::kBugs) {
    INFO(row.id);
    REQUIRE(std::any_of(kPlanted.begin(), kPlanted.end(),
                        [&](const Planted& planted) { return row.id == planted.bug; }));
  }
}

TEST_CASE("every bug is found by the oracle that its row names") {
  for (const engine::BugRow& row : engine::kBugs) {
    INFO(row.id);
    REQUIRE(std::any_of(kPlanted.begin(), kPlanted.end(), [&](const Planted& planted) {
      return row.id == planted.bug && row.oracle == planted.oracle;
    }));
  }
}

TEST_CASE("every oracle has a canary that is played") {
  for (const OracleRow& oracle : all_oracles()) {
    INFO(oracle.name);
    REQUIRE(std::any_of(kPlanted.begin(), kPlanted.end(), [&](const Planted& planted) {
      return std::string_view(oracle.name) == planted.oracle;
    }));
  }
}

TEST_CASE("the canary is found") {
  Runner runner;  // one a test: the framework takes the signals in between
  const Scenario& scenario = *find_scenario("canary");
  bool found = false;
  for (uint64_t seed = 0; seed < 2000 && !found; ++seed) {
    found = runner.play(plan_of_seed(scenario, seed)).verdict == Verdict::failed;
  }
  REQUIRE(found);
}

TEST_CASE("the engine as it is gives no alarm: a share of the campaign") {
  Runner runner;  // one a test: the framework takes the signals in between
  constexpr uint64_t kSeeds = ORRERY_ASAN ? 300 : 800;  // the sanitizer is slow
  for (const Scenario* scenario : all_scenarios()) {
    if (scenario->is_large() || scenario->must_fail()) continue;
    INFO(scenario->name());
    for (uint64_t seed = 10'000; seed < 10'000 + kSeeds; ++seed) {
      const Run& run = runner.play(plan_of_seed(*scenario, seed));
      INFO("seed " << seed << ": " << (run.finding ? run.finding->text : ""));
      REQUIRE(run.verdict == Verdict::ok);
    }
  }
}

TEST_CASE("the genuine case: silent at first, a crash at the second completion, clean if fixed") {
  Runner runner;  // one a test: the framework takes the signals in between
  const Scenario& scenario = *find_scenario("garnet-385-40g");
  Plan plan = plan_of_seed(scenario, 0);
  REQUIRE(runner.play(plan).verdict == Verdict::ok);
  plan.bugs.emplace_back("garnet-385");
  const Run& silent = runner.play(plan);
  REQUIRE(silent.verdict == Verdict::failed);
  REQUIRE(silent.finding->oracle == "walks");
  REQUIRE(silent.finding->text.find("over 33554432 bytes") != std::string::npos);
  REQUIRE(completions_counted(silent) == 0);
  plan.oracles = {"memory"};
  const Run& crash = runner.play(plan);
  REQUIRE(crash.verdict == Verdict::failed);
  REQUIRE(crash.finding->oracle == "memory");
  // A signal of the machine: no accessor and no oracle had a word in it.
  REQUIRE(crash.finding->label == "access violation (SIGSEGV) behind the end of a page");
  REQUIRE(crash.finding->role == "done-write");
  REQUIRE(completions_counted(crash) == 1);
}

#if !ORRERY_ASAN  // whose shadow is memory as well
TEST_CASE("the genuine case takes 40 GiB of cache and 256 MiB of memory") {
  const char* const binary = std::getenv("ORRERY");
  REQUIRE(binary != nullptr);
  const pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    std::freopen("/dev/null", "w", stdout);
    execl(binary, binary, "run", "garnet-385-40g", "-s", "1", "-n", "1", "-j", "1", "--json", "-q",
          static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  rusage used{};
  REQUIRE(wait4(process, &status, 0, &used) == process);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  // Of the process and of its worker.
  REQUIRE(used.ru_maxrss < 256 * 1024);
}
#endif

}  // namespace orrery::scenarios
