// SPDX-License-Identifier: Apache-2.0
// What recovery made of a checkpoint, by what clients did before and read back afterwards.
#include "engine/store/events.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/oracles/lives.hpp"
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using namespace orrery::scenarios;
namespace events = engine::events;

namespace {

constexpr uint16_t kDied = static_cast<uint16_t>(sim::Kind::crashed);
constexpr uint64_t kOlder = number_of(0, 1);
constexpr uint64_t kNewer = number_of(0, 2);

Ending done_at(uint64_t result, uint64_t version, int64_t address = -1) {
  Ending ending;
  ending.address = address;
  ending.result = result;
  ending.version = version;
  return ending;
}

/// Key 0 is written in version 1 and again in version 2; a checkpoint of version 1 is committed if
/// `committed`; the store crashes.
void first_life(HandMadeRun& made, bool committed) {
  made.plan.sizes.set("keys", 1);
  made.does(OpKind::upsert, 0, kOlder, done_at(kOlder, 1));
  made.event(events::kCheckpointStarted, 7, 1);
  made.does(OpKind::upsert, 0, kNewer, done_at(kNewer, 2));
  if (committed) made.event(events::kMetadataCommitted, 1, 0, 0);
  made.event(kDied, 1);
  made.history.set_life(1);
}

void reads_back(HandMadeRun& made, uint64_t key, std::optional<uint64_t> read) {
  const uint64_t step = made.trace.events.back().step + 10 + key;
  const size_t index = made.history.begin(kRecoveryReader, OpKind::read, key, 0, step);
  Ending ending = done_at(read.value_or(0), 2);
  ending.outcome = read ? Outcome::ok : Outcome::not_found;
  ending.step = step + 1;
  made.history.end(index, ending);
}

/// The store is recovered, and somebody reads key 0.
void second_life(HandMadeRun& made, engine::Errc outcome, int64_t version, int64_t token,
                 std::optional<uint64_t> read) {
  made.event(events::kRecoveryEnded, static_cast<int64_t>(outcome), version, token);
  reads_back(made, 0, read);
}

std::string label_of(bool committed, engine::Errc outcome, int64_t version, int64_t token,
                     std::optional<uint64_t> read) {
  HandMadeRun made;
  first_life(made, committed);
  second_life(made, outcome, version, token, read);
  return made.label(judge_recovery);
}

/// Nobody writes anything, and versions 1 to `last` are committed, by tokens of the same numbers.
void commits_up_to(HandMadeRun& made, int64_t last) {
  made.plan.sizes.set("keys", 0);
  for (int64_t version = 1; version <= last; ++version) {
    made.event(events::kCheckpointStarted, version, version);
    made.event(events::kMetadataCommitted, version, 0, 0);
  }
}

constexpr engine::Errc kEndedWell = engine::Errc::ok;

}  // namespace

TEST_CASE("a run that never crashes has nothing to recover") {
  HandMadeRun made;
  made.plan.sizes.set("keys", 1);
  made.does(OpKind::upsert, 0, kOlder, done_at(kOlder, 1));
  REQUIRE(made.label(judge_recovery) == "nothing");
}

TEST_CASE("what was captured is what is there") {
  REQUIRE(label_of(true, kEndedWell, 1, 7, kOlder) == "nothing");
  const std::string wrong = "a recovered store does not hold the state at its checkpoint";
  REQUIRE(label_of(true, kEndedWell, 1, 7, kNewer) == wrong);
  REQUIRE(label_of(true, kEndedWell, 1, 7, std::nullopt) == wrong);
  REQUIRE(label_of(true, kEndedWell, 1, 7, number_of(0, 9)) == wrong);
}

TEST_CASE("the operations that a recovery is accused of are named, and who read back") {
  HandMadeRun made;
  first_life(made, true);
  second_life(made, kEndedWell, 1, 7, kNewer);
  const Judgement judgement = made.judged(judge_recovery);
  REQUIRE(judgement.finding);
  REQUIRE(judgement.finding->operations == std::vector<size_t>{0, 1, 2});
}

TEST_CASE("a committed checkpoint is found again, and one that was not may be lost") {
  REQUIRE(label_of(true, engine::Errc::not_found, 0, 0, std::nullopt) ==
          "a committed checkpoint was lost");
  REQUIRE(label_of(false, engine::Errc::not_found, 0, 0, std::nullopt) == "nothing");
  REQUIRE(label_of(false, kEndedWell, 1, 7, kOlder) == "nothing");
  REQUIRE(label_of(false, kEndedWell, 1, 8, kOlder) ==
          "a store was recovered from a checkpoint that nobody took");
  // A store that begins anew begins empty.
  REQUIRE(label_of(false, engine::Errc::not_found, 0, 0, kOlder) ==
          "a recovered store does not hold the state at its checkpoint");
}

TEST_CASE("how a stranger's recovery ends says nothing of the store") {
  const std::string damaged = "a checkpoint was found damaged";
  const auto label = [](bool announced, engine::Errc outcome) {
    HandMadeRun made;
    first_life(made, true);
    if (announced) made.event(ledger::kStrangerAsks, 64);
    made.event(events::kRecoveryEnded, static_cast<int64_t>(engine::Errc::invalid));
    if (announced) made.event(ledger::kStrangerAsks);
    second_life(made, outcome, outcome == kEndedWell ? 1 : 0, outcome == kEndedWell ? 7 : 0,
                outcome == kEndedWell ? std::optional(kOlder) : std::nullopt);
    return made.label(judge_recovery);
  };
  REQUIRE(label(true, kEndedWell) == "nothing");
  REQUIRE(label(false, kEndedWell) == damaged);
  REQUIRE(label(true, engine::Errc::corrupt) == damaged);
  for (const engine::Errc code : {engine::Errc::not_found, engine::Errc::corrupt, kEndedWell}) {
    for (const bool committed : {false, true}) {
      HandMadeRun told;
      first_life(told, committed);
      told.event(ledger::kStrangerAsks, 64);
      told.event(events::kRecoveryEnded, static_cast<int64_t>(code));
      REQUIRE(told.label(judge_recovery) ==
              (committed ? "a checkpoint was not recognised" : "nothing"));
    }
  }
  HandMadeRun died;  // before he had an answer
  first_life(died, true);
  died.event(ledger::kStrangerAsks, 64);
  died.event(kDied, 1);
  died.history.set_life(2);
  second_life(died, engine::Errc::corrupt, 0, 0, std::nullopt);
  REQUIRE(died.label(judge_recovery) == damaged);
}

TEST_CASE("a session goes on from what its checkpoint holds of it") {
  const auto told = [](int64_t version, int64_t serial) {
    HandMadeRun made;
    first_life(made, version != 0);
    const engine::Errc outcome = version == 0 ? engine::Errc::not_found : kEndedWell;
    const std::optional<uint64_t> found = version == 0 ? std::nullopt : std::optional(kOlder);
    second_life(made, outcome, version, version == 0 ? 0 : 7, found);
    made.event(events::kSessionStarted, 0, version + 1, serial);
    return made.label(judge_recovery);
  };
  const std::string wrong = "a session goes on from a number of operations that are not there";
  REQUIRE(told(1, 1) == "nothing");
  REQUIRE(told(1, 0) == wrong);
  REQUIRE(told(1, 2) == wrong);
  REQUIRE(told(0, 0) == "nothing");
  REQUIRE(told(0, 1) == wrong);
}

TEST_CASE("of several checkpoints the right one is gone back to") {
  // Versions 1, 2 and 3 are committed; of the next recovery up to `asked` is wanted.
  const auto went_back = [](int64_t asked, engine::Errc outcome, int64_t version,
                            bool two_are_kept = false) {
    HandMadeRun made;
    commits_up_to(made, 3);
    if (two_are_kept) made.plan.sizes.set("kept", 2);
    // Whatever it says of how many.
    if (two_are_kept) made.event(events::kCheckpointsRemoved, 1);
    made.event(kDied, 1);
    made.event(ledger::kGoesBack, asked);
    made.event(events::kRecoveryEnded, static_cast<int64_t>(outcome), version, version);
    if (outcome == engine::Errc::not_found) made.event(ledger::kGoesBack, 0);
    return made.label(judge_recovery);
  };
  REQUIRE(went_back(2, kEndedWell, 2) == "nothing");
  REQUIRE(went_back(7, kEndedWell, 3) == "nothing");
  REQUIRE(went_back(2, kEndedWell, 3) ==
          "a store was recovered from a newer checkpoint than was asked for");
  REQUIRE(went_back(2, kEndedWell, 1) ==
          "a store was recovered from an older checkpoint than was asked for");
  const auto none = engine::Errc::not_found;
  REQUIRE(went_back(2, none, 0) == "a committed checkpoint was lost");
  REQUIRE(went_back(1, none, 0, true) == "nothing");
  REQUIRE(went_back(2, none, 0, true) == "a committed checkpoint was lost");
  REQUIRE(went_back(2, engine::Errc::corrupt, 0) == "a checkpoint was found damaged");
  REQUIRE(went_back(1, engine::Errc::corrupt, 0, true) == "a checkpoint was found damaged");
}

TEST_CASE("a store counts the checkpoint that it was recovered from as one that it keeps") {
  // Versions 1 and 2 are committed, and in the next life version 3; then one up to `asked` is
  // wanted.
  const auto went_back = [](int64_t kept, int64_t asked, engine::Errc outcome, int64_t version) {
    HandMadeRun made;
    made.plan.sizes.set("kept", kept);
    commits_up_to(made, 2);
    made.event(kDied, 1);
    made.event(events::kRecoveryEnded, 0, 2, 2);
    made.event(events::kCheckpointStarted, 3, 3);
    made.event(events::kMetadataCommitted, 3, 0, 0);
    made.event(events::kCheckpointsRemoved, 1);
    made.event(kDied, 1);
    made.event(ledger::kGoesBack, asked);
    made.event(events::kRecoveryEnded, static_cast<int64_t>(outcome), version, version);
    if (outcome == engine::Errc::not_found) made.event(ledger::kGoesBack, 0);
    return made.label(judge_recovery);
  };
  const auto none = engine::Errc::not_found;
  const std::string lost = "a committed checkpoint was lost";
  REQUIRE(went_back(1, 2, none, 0) == "nothing");
  REQUIRE(went_back(2, 2, none, 0) == lost);
  REQUIRE(went_back(2, 2, kEndedWell, 2) == "nothing");
  REQUIRE(went_back(3, 2, none, 0) == lost);
  // The older one of the life before goes, unless none ever does.
  REQUIRE(went_back(3, 1, none, 0) == "nothing");
  REQUIRE(went_back(0, 1, none, 0) == lost);
}

TEST_CASE("a checkpoint that somebody was told to be durable is there, whatever else is said") {
  const auto recovered = [](std::optional<uint16_t> before, std::optional<uint16_t> after,
                            int64_t version, int64_t acknowledged = 2) {
    HandMadeRun made;
    commits_up_to(made, 1);
    made.event(events::kCheckpointStarted, 2, 2);
    if (before) made.event(*before, 1);
    made.event(ledger::kCheckpointAcknowledged, acknowledged, 2, acknowledged);
    if (after) made.event(*after, 1);
    made.event(kDied, 1);
    const auto outcome = version == 0 ? engine::Errc::not_found : kEndedWell;
    made.event(events::kRecoveryEnded, static_cast<int64_t>(outcome), version, version);
    return made.label(judge_recovery);
  };
  const std::string lost = "a committed checkpoint was lost";
  REQUIRE(recovered(std::nullopt, std::nullopt, 2) == "nothing");
  REQUIRE(recovered(std::nullopt, std::nullopt, 1) == lost);
  // One of the index alone is none to recover from.
  REQUIRE(recovered(std::nullopt, std::nullopt, 1, 0) == "nothing");
  // It had ended, and the store was emptied before anybody heard of it; or after.
  REQUIRE(recovered(events::kStoreEmptying, std::nullopt, 0) == "nothing");
  REQUIRE(recovered(std::nullopt, events::kStoreEmptying, 0) == "nothing");
  HandMadeRun kept;
  commits_up_to(kept, 1);
  kept.event(events::kStoreEmptying);
  kept.event(events::kStoreKept);
  kept.event(events::kCheckpointStarted, 2, 2);
  kept.event(ledger::kCheckpointAcknowledged, 2, 2, 2);
  kept.event(kDied, 1);
  kept.event(events::kRecoveryEnded, 0, 1, 1);
  REQUIRE(kept.label(judge_recovery) == lost);
}

TEST_CASE("who may go back finds a checkpoint that was called durable, too") {
  HandMadeRun made;
  commits_up_to(made, 1);
  made.event(events::kCheckpointStarted, 2, 2);
  made.event(ledger::kCheckpointAcknowledged, 2, 2, 2);
  made.event(kDied, 1);
  made.event(ledger::kGoesBack, 2);
  made.event(events::kRecoveryEnded, 0, 1, 1);
  REQUIRE(made.label(judge_recovery) ==
          "a store was recovered from an older checkpoint than was asked for");
}

TEST_CASE("a checkpoint that is kept is there, whatever became of going back") {
  const auto then = [](engine::Errc outcome, int64_t version) {
    HandMadeRun made;
    commits_up_to(made, 3);
    made.event(kDied, 1);
    made.event(ledger::kGoesBack, 2);
    made.event(events::kRecoveryEnded, static_cast<int64_t>(outcome), 0, 0);
    made.event(ledger::kAsksForNewest);
    made.event(events::kRecoveryEnded, 0, version, version);
    return made.label(judge_recovery);
  };
  REQUIRE(then(engine::Errc::io, 3) == "nothing");
  REQUIRE(then(engine::Errc::io, 2) == "nothing");
  REQUIRE(then(engine::Errc::io, 1) == "a committed checkpoint was lost");
  REQUIRE(then(engine::Errc::corrupt, 3) == "a checkpoint was found damaged");
}

TEST_CASE("what was given up by going back stays given up") {
  const auto then = [](int64_t version, int64_t token) {
    HandMadeRun made;
    commits_up_to(made, 2);
    made.event(kDied, 1);
    made.event(ledger::kGoesBack, 1);
    made.event(events::kRecoveryEnded, 0, 1, 1);
    made.event(events::kCheckpointStarted, 3, 2);
    made.event(events::kMetadataCommitted, 2, 0, 0);
    made.event(kDied, 1);
    made.event(events::kRecoveryEnded, 0, version, token);
    return made.label(judge_recovery);
  };
  REQUIRE(then(2, 3) == "nothing");
  REQUIRE(then(2, 2) == "a checkpoint came back after the store had gone back to an older one");
  REQUIRE(then(1, 1) == "a committed checkpoint was lost");
}

TEST_CASE("what a session was told to be in a checkpoint is there afterwards") {
  const auto begins = [](int64_t serial, std::optional<uint16_t> between = std::nullopt,
                         int64_t version = 1) {
    HandMadeRun made;
    made.plan.sizes.set("keys", 0);
    made.event(events::kMetadataCommitted, 1, 0, 0);
    if (between) made.event(*between, 1);
    made.event(ledger::kSessionCommitted, 4, 10, version);
    made.event(kDied, 1);
    made.event(events::kSessionStarted, 4, 2, serial);
    return made.label(judge_recovery);
  };
  const std::string lost = "a session has lost operations that were in a checkpoint";
  REQUIRE(begins(10) == "nothing");
  REQUIRE(begins(11) == "nothing");
  REQUIRE(begins(9) == lost);
  // The answer came too late, or speaks of a checkpoint that never was.
  REQUIRE(begins(9, events::kStoreEmptying) == "nothing");
  REQUIRE(begins(9, ledger::kGoesBack) == "nothing");
  REQUIRE(begins(9, std::nullopt, 2) == "nothing");
}

TEST_CASE("a cache that is recovered may lack what its memory has no room for, and no more") {
  // Key 0 is in page 1, key 1 in page 2 of a log that ends in page 3. Head moves above the first
  // before the commit, and above the second after it.
  const auto recovered = [](int64_t pages, std::optional<uint64_t> first,
                            std::optional<uint64_t> second) {
    HandMadeRun made;
    made.scenario.cache = true;
    made.scenario.kept = pages;
    made.plan.sizes.set("keys", 2);
    made.does(OpKind::upsert, 0, kOlder, done_at(kOlder, 1, 512));
    made.does(OpKind::upsert, 1, kNewer, done_at(kNewer, 1, 1024));
    made.event(events::kCheckpointStarted, 7, 1);
    made.event(events::kSnapshotStarted, 64, 1600, 1);
    made.moves(engine::Boundary::head, 1024);
    made.event(events::kMetadataCommitted, 1, 0, 0);
    made.moves(engine::Boundary::head, 1536);
    made.event(kDied, 1);
    made.history.set_life(1);
    made.event(events::kRecoveryEnded, 0, 1, 7);
    reads_back(made, 0, first);
    reads_back(made, 1, second);
    return made.label(judge_recovery);
  };
  const std::string wrong = "a recovered store does not hold the state at its checkpoint";
  for (const int64_t pages : {1, 7}) {
    REQUIRE(recovered(pages, std::nullopt, kNewer) == "nothing");
    REQUIRE(recovered(pages, kOlder, kNewer) == "nothing");
    REQUIRE(recovered(pages, std::nullopt, std::nullopt) == wrong);
  }
  REQUIRE(recovered(0, std::nullopt, std::nullopt) == "nothing");
}

TEST_CASE("a checkpoint that was reported as failed and removed is none") {
  const auto label_after = [](engine::Errc ended, bool left, bool again) {
    HandMadeRun made;
    first_life(made, false);
    made.trace.events.pop_back();  // before the crash
    if (left) made.event(events::kCheckpointLeft, 7, static_cast<int64_t>(engine::Errc::io));
    made.event(events::kCheckpointDone, 1, static_cast<int64_t>(ended), 7);
    if (again) made.event(events::kCheckpointStarted, 7, 1);
    made.event(kDied, 1);
    second_life(made, kEndedWell, 1, 7, kOlder);
    return made.label(judge_recovery);
  };
  const std::string wrong = "a store was recovered from a checkpoint that had failed";
  REQUIRE(label_after(kEndedWell, false, false) == "nothing");
  REQUIRE(label_after(engine::Errc::io, false, false) == wrong);
  REQUIRE(label_after(engine::Errc::io, true, false) == "nothing");
  REQUIRE(label_after(engine::Errc::io, false, true) == "nothing");
}

TEST_CASE("a crash damages no checkpoint; a device that fails proves nothing") {
  REQUIRE(label_of(true, engine::Errc::corrupt, 0, 0, std::nullopt) ==
          "a checkpoint was found damaged");
  REQUIRE(label_of(true, engine::Errc::invalid, 0, 0, std::nullopt) ==
          "a checkpoint was found damaged");
  REQUIRE(label_of(true, engine::Errc::io, 0, 0, std::nullopt) == "nothing");
}

TEST_CASE("clients of a life are judged by what it began with") {
  HandMadeRun made;
  first_life(made, true);
  second_life(made, kEndedWell, 1, 7, kOlder);
  const auto read = [&](uint64_t value) {
    HandMadeRun again;
    first_life(again, true);
    second_life(again, kEndedWell, 1, 7, kOlder);
    const uint64_t step = again.trace.events.back().step + 100;
    const size_t index = again.history.begin(3, OpKind::read, 0, 0, step);
    Ending ending = done_at(value, 2);
    ending.step = step + 1;
    again.history.end(index, ending);
    const Judgement judgement = again.judged(judge_clients);
    if (!judgement.finding) return std::string("nothing");
    // The write that it is at odds with is of this life: what was read back at its beginning.
    REQUIRE(judgement.finding->operations == std::vector<size_t>{2, 3});
    REQUIRE(judgement.finding->now_ns > 0);
    return judgement.finding->label;
  };
  REQUIRE(made.label(judge_clients) == "nothing");
  REQUIRE(read(kOlder) == "nothing");
  REQUIRE(read(kNewer) == "what clients saw of a key fits no order of their operations");
}
