// SPDX-License-Identifier: Apache-2.0
// What is not given back at the end is found.
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "engine/store/events.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;
namespace engine = orrery::engine;
namespace events = orrery::engine::events;

TEST_CASE("a run that gave everything back is fine") {
  HandMadeRun made;
  made.in_world([](engine::Runtime runtime) {
    runtime.memory.free(*runtime.memory.allocate(64, 8, "a block"));
    runtime.frames.retire(*runtime.frames.acquire(7, 512));
  });
  REQUIRE(made.label(judge_resources) == "nothing");
}

TEST_CASE("a block that is left is found, unless the run was cut short") {
  HandMadeRun made;
  made.in_world(
      [](engine::Runtime runtime) { REQUIRE(runtime.memory.allocate(64, 8, "a block")); });
  REQUIRE(made.label(judge_resources) == "memory was not given back (a block)");
  made.run.completed = false;
  REQUIRE(made.label(judge_resources) == "nothing");
}

TEST_CASE("a frame that is left is found") {
  HandMadeRun made;
  made.in_world([](engine::Runtime runtime) { REQUIRE(runtime.frames.acquire(7, 512)); });
  made.trace.lifetimes.push_back({.page = 7, .size = 512, .acquired_at = {}, .retired_at = {}});
  REQUIRE(made.label(judge_resources) == "frames were not given back");
}

TEST_CASE("what older checkpoints needed is gone from the disk, as soon as they are") {
  struct Case {
    int snapshots;       // that are left
    int metadata;        // files of it that are left
    uint64_t truncated;  // of the main log
    const char* found;
  };
  const Case cases[] = {
      {1, 1, 1024, "nothing"},
      {0, 1, 1024, "nothing"},
      {2, 2, 1024, "files of older checkpoints are left on the disk"},
      {0, 2, 1024, "files of older checkpoints are left on the disk"},
      {2, 0, 1024, "files of older checkpoints are left on the disk"},
      {1, 1, 512, "the main log keeps what no checkpoint needs"},
      {1, 0, 1024, "a checkpoint that is to be kept is gone from the disk"},
  };
  for (const Case& one : cases) {
    HandMadeRun made;
    made.plan.sizes.set("kept", 1);
    made.in_world([&](engine::Runtime runtime) {
      const auto leave = [&](const char* file, int count) {
        const std::byte byte{1};
        for (int token = 1; token <= count; ++token) {
          const std::string folder = "store/cpr-checkpoints/" + std::to_string(token);
          HandMadeRun::write_file(runtime, folder + file, {&byte, 1});
        }
      };
      leave("/snapshot.dat", one.snapshots);
      leave("/info.dat", one.metadata);
      auto log = runtime.storage.open("store/hlog", {});
      REQUIRE(log);
      (*log)->truncate_until(one.truncated);
      (*log)->close();
    });
    made.event(events::kMetadataCommitted, 1, 1536, 1536);
    made.event(events::kOutdatedGone, 1, 1100);  // of page 2
    REQUIRE(made.label(judge_resources) == one.found);
    // Another checkpoint may leave something behind, and who empties the store empties the log.
    const size_t count = made.trace.events.size();
    for (const uint16_t later : {events::kCheckpointStarted, events::kStoreEmptying}) {
      made.trace.events.resize(count);
      made.event(later);
      REQUIRE(made.label(judge_resources) == "nothing");
    }
  }
}

TEST_CASE("the checkpoints that are to be kept are there, whatever the store says of them") {
  // So many files of metadata are left after the events; how many are to be kept?
  const auto label = [](int64_t kept, int files, const std::vector<uint16_t>& before) {
    HandMadeRun made;
    made.plan.sizes.set("kept", kept);
    made.in_world([&](engine::Runtime runtime) {
      const std::byte byte{1};
      for (int token = 1; token <= files; ++token) {
        const std::string folder = "store/cpr-checkpoints/" + std::to_string(token);
        HandMadeRun::write_file(runtime, folder + "/info.dat", {&byte, 1});
      }
    });
    for (const uint16_t kind : before) made.event(kind, 0, 0, 1);
    made.event(events::kOutdatedGone, 1, 0);
    return made.label(judge_resources);
  };
  const std::string gone = "a checkpoint that is to be kept is gone from the disk";
  const std::string left = "files of older checkpoints are left on the disk";
  const uint16_t commit = events::kMetadataCommitted;
  REQUIRE(label(2, 1, {commit, commit}) == gone);
  REQUIRE(label(2, 2, {commit, commit, commit}) == "nothing");
  REQUIRE(label(2, 3, {commit, commit, commit}) == left);
  // Nobody counts those of before; the one that was recovered counts.
  REQUIRE(label(2, 2, {commit}) == left);
  REQUIRE(label(2, 2, {events::kRecoveryEnded, commit}) == "nothing");
  REQUIRE(label(2, 1, {events::kRecoveryEnded, commit}) == gone);
  REQUIRE(label(2, 1, {commit, static_cast<uint16_t>(orrery::sim::Kind::crashed), commit}) ==
          "nothing");
  // A store that was emptied has none of before; one that was not has them all.
  const uint16_t emptying = events::kStoreEmptying;
  REQUIRE(label(2, 1, {commit, emptying, events::kStoreEmptied, commit}) == "nothing");
  REQUIRE(label(2, 2, {commit, emptying, events::kStoreEmptied, commit}) == left);
  REQUIRE(label(2, 1, {commit, emptying, events::kStoreKept, commit}) == gone);
  REQUIRE(label(2, 2, {commit, emptying, events::kStoreKept, commit}) == "nothing");
  // Nobody knows.
  REQUIRE(label(2, 1, {commit, emptying, commit}) == "nothing");
  REQUIRE(label(2, 2, {commit, emptying, commit}) == "nothing");
  REQUIRE(label(2, 3, {commit, commit, emptying, commit}) == left);
}
