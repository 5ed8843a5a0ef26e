// SPDX-License-Identifier: Apache-2.0
// What recovery made of a checkpoint, by what clients did before and read back afterwards.
#include "engine/store/events.hpp"
#include "scenarios/oracles/lives.hpp"
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using namespace orrery::scenarios;
namespace events = engine::events;

namespace {

constexpr uint16_t kCrashed = static_cast<uint16_t>(sim::Kind::crashed);
constexpr uint64_t kFirst = number_of(0, 1);
constexpr uint64_t kSecond = number_of(0, 2);

Ending done(uint64_t result, uint64_t version) {
  Ending ending;
  ending.result = result;
  ending.version = version;
  return ending;
}

/// Key 0 is written in version 1 and again in version 2; a checkpoint of version 1 is committed if
/// `committed`; the store crashes.
void first_life(HandMadeRun& made, bool committed) {
  made.plan.sizes.set("keys", 1);
  made.does(OpKind::upsert, 0, kFirst, done(kFirst, 1));
  made.event(events::kCheckpointStarted, 7, 1);
  made.does(OpKind::upsert, 0, kSecond, done(kSecond, 2));
  if (committed) made.event(events::kMetadataCommitted, 1, 0, 0);
  made.event(kCrashed, 1);
  made.history.set_life(1);
}

/// The store is recovered, and somebody reads key 0.
void second_life(HandMadeRun& made, engine::Errc outcome, int64_t version, int64_t token,
                 std::optional<uint64_t> read) {
  made.event(events::kRecoveryEnded, static_cast<int64_t>(outcome), version, token);
  const uint64_t step = made.trace.events.back().step + 10;
  const size_t index = made.history.begin(kRecoveryReader, OpKind::read, 0, 0, step);
  Ending ending = done(read.value_or(0), 2);
  ending.outcome = read ? Outcome::ok : Outcome::not_found;
  ending.step = step + 1;
  made.history.end(index, ending);
}

std::string label_of(bool committed, engine::Errc outcome, int64_t version, int64_t token,
                     std::optional<uint64_t> read) {
  HandMadeRun made;
  first_life(made, committed);
  second_life(made, outcome, version, token, read);
  return made.label(judge_recovery);
}

constexpr engine::Errc kOk = engine::Errc::ok;

}  // namespace

TEST_CASE("a run that never crashes has nothing to recover") {
  HandMadeRun made;
  made.plan.sizes.set("keys", 1);
  made.does(OpKind::upsert, 0, kFirst, done(kFirst, 1));
  REQUIRE(made.label(judge_recovery) == "nothing");
}

TEST_CASE("what was captured is what is there") {
  REQUIRE(label_of(true, kOk, 1, 7, kFirst) == "nothing");
  const std::string wrong = "a recovered store does not hold the state at its checkpoint";
  REQUIRE(label_of(true, kOk, 1, 7, kSecond) == wrong);
  REQUIRE(label_of(true, kOk, 1, 7, std::nullopt) == wrong);
  REQUIRE(label_of(true, kOk, 1, 7, number_of(0, 9)) == wrong);
}

TEST_CASE("the operations that a recovery is accused of are named, and who read back") {
  HandMadeRun made;
  first_life(made, true);
  second_life(made, kOk, 1, 7, kSecond);
  const Judgement judgement = made.judged(judge_recovery);
  REQUIRE(judgement.finding);
  REQUIRE(judgement.finding->operations == std::vector<size_t>{0, 1, 2});
}

TEST_CASE("a committed checkpoint is found again, and one that was not may be lost") {
  REQUIRE(label_of(true, engine::Errc::not_found, 0, 0, std::nullopt) ==
          "a committed checkpoint was lost");
  REQUIRE(label_of(false, engine::Errc::not_found, 0, 0, std::nullopt) == "nothing");
  REQUIRE(label_of(false, kOk, 1, 7, kFirst) == "nothing");
  REQUIRE(label_of(false, kOk, 1, 8, kFirst) ==
          "a store was recovered from a checkpoint that nobody took");
  // A store that begins anew begins empty.
  REQUIRE(label_of(false, engine::Errc::not_found, 0, 0, kFirst) ==
          "a recovered store does not hold the state at its checkpoint");
}

TEST_CASE("a session goes on from what its checkpoint holds of it") {
  const auto told = [](int64_t version, int64_t serial) {
    HandMadeRun made;
    first_life(made, version != 0);
    const engine::Errc outcome = version == 0 ? engine::Errc::not_found : kOk;
    const std::optional<uint64_t> found = version == 0 ? std::nullopt : std::optional(kFirst);
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

TEST_CASE("a checkpoint that was reported as failed and removed is none") {
  const auto label_after = [](engine::Errc ended, bool left, bool again) {
    HandMadeRun made;
    first_life(made, false);
    made.trace.events.pop_back();  // before the crash
    if (left) made.event(events::kCheckpointLeft, 7, static_cast<int64_t>(engine::Errc::io));
    made.event(events::kCheckpointDone, 1, static_cast<int64_t>(ended), 7);
    if (again) made.event(events::kCheckpointStarted, 7, 1);
    made.event(kCrashed, 1);
    second_life(made, kOk, 1, 7, kFirst);
    return made.label(judge_recovery);
  };
  const std::string wrong = "a store was recovered from a checkpoint that had failed";
  REQUIRE(label_after(kOk, false, false) == "nothing");
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
  second_life(made, kOk, 1, 7, kFirst);
  const auto read = [&](uint64_t value) {
    HandMadeRun again;
    first_life(again, true);
    second_life(again, kOk, 1, 7, kFirst);
    const uint64_t step = again.trace.events.back().step + 100;
    const size_t index = again.history.begin(3, OpKind::read, 0, 0, step);
    Ending ending = done(value, 2);
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
  REQUIRE(read(kFirst) == "nothing");
  REQUIRE(read(kSecond) == "what clients saw of a key fits no order of their operations");
}
