// SPDX-License-Identifier: Apache-2.0
// Every request ends once, and so does every page of a snapshot, in its turn.
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "engine/base/result.hpp"
#include "engine/store/events.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;
namespace events = orrery::engine::events;

namespace {

void finished(HandMadeRun& made, uint32_t times) {
  orrery::sim::IoRecord record;
  record.device = "store/hlog";
  record.finishes = times;
  made.trace.requests.push_back(record);
}

std::string of_events(std::initializer_list<std::pair<uint16_t, int64_t>> list) {
  HandMadeRun made;
  made.event(events::kSnapshotStarted, 512, 1536, 1);  // pages 1 and 2
  for (const auto& [kind, page] : list) made.event(kind, page);
  return made.label(judge_completions);
}

constexpr uint16_t kOut = events::kSnapshotPageSubmitted;
constexpr uint16_t kLeft = events::kSnapshotPageLeftOut;
constexpr uint16_t kBack = events::kSnapshotPageDone;
constexpr uint16_t kEnd = events::kCheckpointDone;

}  // namespace

TEST_CASE("requests that end once are fine, and one may be open in a run that did not end") {
  HandMadeRun made;
  finished(made, 1);
  REQUIRE(made.label(judge_completions) == "nothing");
  finished(made, 0);
  REQUIRE(made.label(judge_completions) == "a request was never finished");
  made.run.completed = false;
  REQUIRE(made.label(judge_completions) == "nothing");
}

TEST_CASE("a request that ends twice is found, whatever became of the run") {
  HandMadeRun made;
  finished(made, 1);
  finished(made, 2);
  made.run.completed = false;
  const Judgement judgement = made.judged(judge_completions);
  REQUIRE(judgement.finding);
  REQUIRE(judgement.finding->label == "a request was finished more than once");
  REQUIRE(judgement.finding->request == 1);
}

TEST_CASE("pages in flight are counted with the one that is one too many") {
  HandMadeRun made;
  made.event(events::kSnapshotStarted, 512, 1536, 1);
  made.event(kOut, 1);
  made.event(kOut, 2);
  const Judgement judgement = made.judged(judge_completions);
  REQUIRE(judgement.finding);
  REQUIRE(judgement.finding->text.ends_with("2 in flight"));
}

TEST_CASE("the pages of a snapshot come once each and in order") {
  REQUIRE(of_events({{kOut, 1}, {kBack, 1}, {kLeft, 2}, {kBack, 2}, {kEnd, 1}}) == "nothing");
  REQUIRE(of_events({{kOut, 2}}) == "a snapshot page was passed over");
  REQUIRE(of_events({{kOut, 1}, {kBack, 1}, {kOut, 1}}) == "a snapshot page was looked at twice");
  REQUIRE(of_events({{kOut, 3}}) == "a page was written that is not of the snapshot");
  REQUIRE(of_events({{kBack, 1}}) == "a snapshot page was counted down and never written");
  REQUIRE(of_events({{kOut, 1}, {kBack, 1}, {kBack, 1}}) ==
          "a snapshot page was counted down twice");
  REQUIRE(of_events({{kBack, 9}}) == "a page was counted down that is not of the snapshot");
  REQUIRE(of_events({{kOut, 1}, {kOut, 2}}) ==
          "a throttled snapshot has more than one page in flight");
  REQUIRE(of_events({{kOut, 1}, {kBack, 1}, {kOut, 2}, {kEnd, 1}}) ==
          "a checkpoint ended while its pages were in flight");
  REQUIRE(of_events({{kOut, 1}, {kBack, 1}, {kEnd, 1}}) ==
          "a checkpoint ended well without one of its pages");
}

TEST_CASE("a log that fails has used up its attempts, in each of its lives") {
  for (const int64_t attempts : {1, 2}) {
    HandMadeRun made;
    made.plan.sizes.set("io_attempts", 2);
    made.event(events::kMainWriteFailed, 7, 2);
    made.event(static_cast<uint16_t>(orrery::sim::Kind::crashed));
    made.event(events::kMainWriteFailed, 6, 2);  // of another page
    for (int64_t i = 1; i <= attempts; ++i) made.event(events::kMainWriteFailed, 7, i);
    made.event(events::kLogFailed, 7);
    const bool fine = attempts == 2;
    REQUIRE(made.label(judge_completions) ==
            (fine ? "nothing" : "a log failed before its attempts were used up"));
  }
}
