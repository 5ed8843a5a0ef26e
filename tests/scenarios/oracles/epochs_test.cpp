// SPDX-License-Identifier: Apache-2.0
// Who stays in the epoch without a look around is found, and nobody is blamed for what others did.
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "engine/store/events.hpp"
#include "engine/store/system_state.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;
namespace events = orrery::engine::events;

namespace {

constexpr uint64_t kLong = 1'000'000;  // more points than any work takes in this little ring
constexpr const char* kStays = "a task stays in the epoch without a look around";

}  // namespace

TEST_CASE("a task that looks around may stay") {
  HandMadeRun made;
  made.event(events::kEpochEntered, 1, 0, 0, 1, 0);
  for (uint64_t own = 0; own < kLong; own += 1000) {
    made.event(events::kEpochRefreshed, 1, 0, 0, 1, own);
  }
  made.event(events::kEpochLeft, 0, 0, 0, 1, kLong);
  made.event(events::kTailSeen, 64, 0, 0, 1, 3 * kLong);  // outside it may do what it likes
  REQUIRE(made.label(judge_epochs) == "nothing");
}

TEST_CASE("a task that works on without a look around is found where it is over the bound") {
  HandMadeRun made;
  made.event(events::kEpochEntered, 1, 0, 0, 1, 10);
  const size_t over = made.event(events::kWalkStep, 64, 0, 0, 1, kLong);
  made.event(events::kWalkStep, 64, 0, 0, 1, kLong + 1);
  const Judgement judgement = made.judged(judge_epochs);
  REQUIRE(judgement.finding);
  REQUIRE(judgement.finding->label == kStays);
  REQUIRE(judgement.finding->step == made.trace.events[over].step);
  REQUIRE(judgement.finding->task == 1);
}

TEST_CASE("leaving, or looking around, too late is as bad") {
  for (const uint16_t kind : {events::kEpochLeft, events::kEpochRefreshed}) {
    HandMadeRun made;
    made.event(events::kEpochEntered, 1, 0, 0, 1, 10);
    made.event(kind, 1, 0, 0, 1, kLong);
    REQUIRE(made.label(judge_epochs) == kStays);
  }
}

TEST_CASE("a task that says nothing more is judged by what it had done at the end") {
  HandMadeRun made;
  made.event(events::kEpochEntered, 1, 0, 0, 1, 10);
  made.trace.tasks[1].points = 5000;
  REQUIRE(made.label(judge_epochs) == "nothing");
  made.trace.tasks[1].points = kLong;
  made.run.completed = false;
  REQUIRE(made.label(judge_epochs) == kStays);
}

TEST_CASE("what others do meanwhile does not count") {
  HandMadeRun made;
  made.event(events::kEpochEntered, 1, 0, 0, 1, 10);
  made.event(events::kTailSeen, 64, 0, 0, 2, 2 * kLong);
  made.event(events::kEpochLeft, 0, 0, 0, 1, 20);
  made.trace.tasks[2].points = 3 * kLong;
  REQUIRE(made.label(judge_epochs) == "nothing");
}

TEST_CASE("no task ends inside the epoch") {
  HandMadeRun made;
  made.event(events::kEpochEntered, 1, 0, 0, 1, 10);
  made.event(static_cast<uint16_t>(orrery::sim::Kind::task_ended), 1, 0, 0, 2, 0);
  REQUIRE(made.label(judge_epochs) == "a task ended inside the epoch");
}

TEST_CASE("the bound grows with the pages that an inline snapshot writes") {
  HandMadeRun made;
  made.plan.sizes.set("page_bits", 16);
  made.plan.sizes.set("ring_bits", 6);
  made.event(events::kEpochEntered, 1, 0, 0, 1, 0);
  made.event(events::kEpochLeft, 0, 0, 0, 1, kLong);  // 65 pages of 8,192 steps
  REQUIRE(made.label(judge_epochs) == "nothing");
}

TEST_CASE("with the barrier a version begins when nobody works in the one before") {
  constexpr int64_t kInProgress = static_cast<int64_t>(orrery::engine::Phase::in_progress);
  enum class Case : uint8_t { works, waits, has_left, came_for_actions, is_in_next };
  const auto label = [](Case which, bool barrier) {
    HandMadeRun made;
    made.plan.sizes.set("barrier", barrier ? 1 : 0);
    made.event(events::kEpochEntered, 1, 0, 0, 1);
    if (which == Case::has_left) made.event(events::kEpochLeft, 0, 0, 0, 1);
    if (which == Case::came_for_actions) {
      made.event(events::kEpochLeft, 0, 0, 0, 1);
      made.event(events::kEpochEntered, 1, 0, 0, 1);
    }
    made.event(events::kCheckpointPhase, kInProgress, 2, 64, 2);
    if (which == Case::waits) made.event(events::kEpochRefreshed, 2, 0, 0, 1);
    const bool actions = which == Case::came_for_actions;
    if (which != Case::has_left) made.event(events::kEpochLeft, actions ? 1 : 0, 0, 0, 1);
    Ending ending;
    ending.version = which == Case::is_in_next ? 2 : 1;
    made.does(OpKind::upsert, 1, 10, ending, 1);
    return made.label(judge_epochs);
  };
  REQUIRE(label(Case::works, true) ==
          "a version began while an operation of the one before was under way");
  REQUIRE(label(Case::works, false) == "nothing");
  for (const Case fine : {Case::waits, Case::has_left, Case::came_for_actions, Case::is_in_next}) {
    REQUIRE(label(fine, true) == "nothing");
  }
}
