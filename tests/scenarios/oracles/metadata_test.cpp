// SPDX-License-Identifier: Apache-2.0
// The metadata of a committed checkpoint can be read, makes sense, and stays.
#include <optional>

#include "scenarios/ledger.hpp"
#include "tests/scenarios/oracles/committed_run.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

namespace orrery::scenarios {

TEST_CASE("metadata that is durable and agrees with itself is fine, whatever the pages hold") {
  REQUIRE(CommittedRun().judge(judge_metadata) == "nothing");
  CommittedRun other;
  other.value = 9;
  other.pages_synced = false;
  REQUIRE(other.judge(judge_metadata) == "nothing");
}

TEST_CASE("a committed checkpoint without metadata is found") {
  CommittedRun none;
  none.with_metadata = false;
  REQUIRE(none.judge(judge_metadata) == "the metadata of a committed checkpoint cannot be read");
}

TEST_CASE("metadata that calls more flushed than it holds is found") {
  CommittedRun beyond;
  beyond.beyond = 512;
  REQUIRE(beyond.judge(judge_metadata) ==
          "the metadata of a committed checkpoint contradicts itself");
}

TEST_CASE("metadata that no sync covers is found, and a name that none covers") {
  CommittedRun bytes;
  bytes.metadata_synced = false;
  REQUIRE(bytes.judge(judge_metadata) == "the metadata of a committed checkpoint is not durable");
  CommittedRun name;
  name.names_synced = false;
  REQUIRE(name.judge(judge_metadata) ==
          "the metadata of a committed checkpoint has no durable name");
}

TEST_CASE("the metadata of a checkpoint that was removed since may be gone") {
  const auto missed = [](int64_t kept) {
    CommittedRun gone;
    gone.plan.sizes.set("kept", kept);
    gone.with_metadata = false;
    gone.judge(judge_metadata);
    gone.event(engine::events::kMetadataCommitted, 2);
    gone.event(engine::events::kCheckpointsRemoved, 1);
    // The newer one has none either, and it was kept.
    const Judgement judgement = gone.judged(judge_metadata);
    return judgement.finding ? judgement.finding->text.substr(0, 28) : "nothing";
  };
  REQUIRE(missed(1) == "the checkpoint of version 2:");
  // Whatever the store says of how many it keeps.
  REQUIRE(missed(2) == "the checkpoint of version 1:");
  REQUIRE(missed(0) == "the checkpoint of version 1:");
}

TEST_CASE("a checkpoint that somebody was told to be durable was committed") {
  const auto label = [](std::optional<uint16_t> before, int64_t version, int64_t spoken_of,
                        bool crashes = false) {
    HandMadeRun made;
    if (before) made.event(*before, *before == engine::events::kIndexCommitted ? 3 : 2, 0, 3);
    if (crashes) made.event(static_cast<uint16_t>(sim::Kind::crashed));
    made.event(ledger::kCheckpointAcknowledged, version, 3, spoken_of);
    // What else is wrong with a crash in between is for others.
    made.event(static_cast<uint16_t>(sim::Kind::crashed));
    return made.label(judge_metadata);
  };
  const std::string never = "a checkpoint was called durable that was never committed";
  using namespace engine::events;
  REQUIRE(label(kMetadataCommitted, 2, 2) == "nothing");
  REQUIRE(label(kMetadataCommitted, 2, 1) == "whoever waited for a checkpoint heard of another");
  REQUIRE(label(kMetadataCommitted, 1, 1) == never);
  REQUIRE(label(kMetadataCommitted, 2, 2, true) == never);
  REQUIRE(label(kCheckpointDone, 2, 2) == never);
  REQUIRE(label(std::nullopt, 2, 2) == never);
  REQUIRE(label(kIndexCommitted, 0, 0) == "nothing");
  REQUIRE(label(kMetadataCommitted, 0, 0) == never);
}

TEST_CASE("a checkpoint that was said to have ended has") {
  const auto label = [](int64_t done) {
    HandMadeRun made;
    made.event(engine::events::kCheckpointDone, 2, 1, done);
    made.event(ledger::kCheckpointSaidEnded, 3);
    return made.label(judge_metadata);
  };
  REQUIRE(label(3) == "nothing");
  REQUIRE(label(2) == "a checkpoint was said to have ended too early");
}

}  // namespace orrery::scenarios
