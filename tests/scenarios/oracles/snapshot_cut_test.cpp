// SPDX-License-Identifier: Apache-2.0
// A committed checkpoint holds the state at its cut, whatever the size of its files.
#include "tests/scenarios/oracles/committed_run.hpp"

#include "tests/catch.hpp"

using namespace orrery::scenarios;
namespace events = orrery::engine::events;

TEST_CASE("a checkpoint that holds what was done in its version is fine") {
  REQUIRE(CommittedRun().judge(judge_snapshots) == "nothing");
}

TEST_CASE("a checkpoint that holds what was done later, or nothing, is found") {
  const char* const kNotAtItsVersion = "a checkpoint's files do not hold the state at its version";
  CommittedRun later;
  later.value = 9;
  REQUIRE(later.judge(judge_snapshots) == kNotAtItsVersion);
  CommittedRun nothing;
  nothing.scenario.cache = false;
  nothing.record = 512;
  nothing.value = 7;
  nothing.plan.sizes.set("null_main", 0);
  REQUIRE(nothing.judge(judge_snapshots) == "nothing");
  Ending third;
  third.result = 11;
  third.version = 1;
  nothing.history.clear();
  nothing.does(OpKind::upsert, 6, 11, third);
  REQUIRE(nothing.label(judge_snapshots) != "nothing");
}

TEST_CASE("files of any size are read: what lies a gigabyte behind is found, and not missed") {
  CommittedRun far;
  far.record = int64_t{1} << 30;
  REQUIRE(far.judge(judge_snapshots) == "nothing");
  CommittedRun wrong;
  wrong.record = int64_t{1} << 30;
  wrong.value = 9;
  REQUIRE(wrong.judge(judge_snapshots) ==
          "a checkpoint's files do not hold the state at its version");
  CommittedRun large;
  large.page_bits = 25;
  large.record = int64_t{1} << 25;
  large.value = 9;
  REQUIRE(large.judge(judge_snapshots) ==
          "a checkpoint's files do not hold the state at its version");
}

TEST_CASE("a session's serial counts what the checkpoint holds of it") {
  CommittedRun more;
  more.serial = 2;
  REQUIRE(more.judge(judge_snapshots) == "a checkpoint's serial of a session is not what it holds");
  CommittedRun less;
  less.serial = 0;
  REQUIRE(less.judge(judge_snapshots) == "a checkpoint's serial of a session is not what it holds");
}

TEST_CASE("a session that the checkpoint forgot is missed") {
  CommittedRun forgets;
  forgets.knows_session = false;
  REQUIRE(forgets.judge(judge_snapshots) == "nothing");
  CommittedRun forgotten;
  forgotten.knows_session = false;
  forgotten.event(events::kSessionStarted, 0, 1, 0);
  REQUIRE(forgotten.judge(judge_snapshots) ==
          "a checkpoint's serial of a session is not what it holds");
}

TEST_CASE("what no sync covers is no checkpoint") {
  CommittedRun pending;
  pending.pages_synced = false;
  REQUIRE(pending.judge(judge_snapshots) == "a committed checkpoint is not durable");
}

TEST_CASE("a checkpoint whose metadata cannot be read is not judged by what it holds") {
  CommittedRun none;
  none.with_metadata = false;
  REQUIRE(none.judge(judge_snapshots) == "nothing");
  REQUIRE(none.judged(judge_snapshots).not_judged == "the metadata of version 1 cannot be read");
}

TEST_CASE("a search that gave up on a checkpoint says so") {
  CommittedRun made;
  ask_too_much(made.history, 6);
  made.judge(judge_snapshots);
  const Judgement judgement = made.judged(judge_snapshots);
  REQUIRE_FALSE(judgement.finding);
  REQUIRE(judgement.not_judged.find("too many possible orders") != std::string::npos);
}
