// SPDX-License-Identifier: Apache-2.0
// What a store with a log of operations holds after a crash, by what its clients did, what was
// promised to them, and where its log ends.
#include "engine/store/events.hpp"
#include "scenarios/ledger.hpp"
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
constexpr uint64_t kThird = number_of(0, 3);

Ending done(uint64_t result, int64_t log_end, uint64_t version = 1) {
  Ending ending;
  ending.result = result;
  ending.version = version;
  ending.log_end = log_end;
  return ending;
}

/// Key 0 gets the first number (its entry ends at 100), key 1 the second (200), key 0 the third
/// (300); all up to `promised` was committed; the store crashes.
struct Lived {
  explicit Lived(int64_t promised) {
    made.plan.sizes.set("keys", 2);
    made.plan.sizes.set("log_operations", 1);
    made.does(OpKind::upsert, 0, kFirst, done(kFirst, 100));
    made.does(OpKind::upsert, 1, kSecond, done(kSecond, 200));
    made.does(OpKind::upsert, 0, kThird, done(kThird, 300));
    if (promised != 0) made.event(ledger::kOperationsAcknowledged, promised);
    crash();
  }

  void crash() {
    made.event(kCrashed, 1);
    made.history.set_life(++life);
  }
  /// The log is found to end there, the store recovered, and both keys are read.
  void recover(int64_t end, std::optional<uint64_t> first, std::optional<uint64_t> second) {
    made.event(events::kAppendLogRecovered, 64, end, 2);
    made.event(events::kRecoveryEnded, 0, 0, 0);
    read(0, first);
    read(1, second);
  }
  void read(uint64_t key, std::optional<uint64_t> value) {
    const uint64_t step = made.trace.events.back().step + 10;
    Ending ending = done(value.value_or(0), 0, life + 1);
    ending.outcome = value ? Outcome::ok : Outcome::not_found;
    ending.step = step + 1;
    made.history.end(made.history.begin(kRecoveryReader, OpKind::read, key, 0, step), ending);
  }
  std::string label() { return made.label(judge_operations); }

  HandMadeRun made;
  uint32_t life = 0;
};

const std::string kWrong = "a recovered store does not hold what its log says";

std::string label_of(int64_t promised, int64_t end, std::optional<uint64_t> first,
                     std::optional<uint64_t> second) {
  Lived lived(promised);
  lived.recover(end, first, second);
  return lived.label();
}

}  // namespace

TEST_CASE("what the log holds is there, and no more") {
  REQUIRE(label_of(0, 64, {}, {}) == "nothing");
  REQUIRE(label_of(0, 100, kFirst, {}) == "nothing");
  REQUIRE(label_of(0, 200, kFirst, kSecond) == "nothing");
  REQUIRE(label_of(0, 300, kThird, kSecond) == "nothing");
  REQUIRE(label_of(0, 300, kFirst, kSecond) == kWrong);
  REQUIRE(label_of(0, 300, kThird, {}) == kWrong);  // of one client a later one, and no earlier
  REQUIRE(label_of(0, 200, kThird, kSecond) == kWrong);
  REQUIRE(label_of(0, 64, kFirst, {}) == kWrong);
}

TEST_CASE("what a commit has covered must be in the log") {
  REQUIRE(label_of(200, 200, kFirst, kSecond) == "nothing");
  REQUIRE(label_of(200, 300, kThird, kSecond) == "nothing");
  REQUIRE(label_of(200, 100, kFirst, {}) == "an operation that a commit had covered was lost");
}

TEST_CASE("a log that is not there any more has lost what was promised") {
  Lived lived(100);
  lived.made.event(events::kRecoveryEnded, static_cast<int64_t>(engine::Errc::not_found), 0, 0);
  lived.read(0, {});
  lived.read(1, {});
  REQUIRE(lived.label() == "an operation that a commit had covered was lost");
  Lived without(0);
  without.made.event(events::kRecoveryEnded, 0, 0, 0);
  REQUIRE(without.label() == "a store was recovered without its log");
}

TEST_CASE("an operation without an answer may be in the log, or not") {
  for (const auto& [value, label] : std::vector<std::pair<uint64_t, std::string>>{
           {kThird, "nothing"}, {number_of(1, 1), "nothing"}, {kFirst, kWrong}}) {
    Lived lived(0);
    // Begun when the first had ended, and never answered.
    lived.made.history.set_life(0);
    const uint64_t step = lived.made.history.operations()[1].invoked;
    lived.made.history.begin(1, OpKind::upsert, 0, number_of(1, 1), step);
    lived.made.history.set_life(1);
    lived.recover(300, value, kSecond);
    REQUIRE(lived.label() == label);
  }
}

TEST_CASE("lives follow each other, also one that knew nothing of what it held") {
  Lived lived(300);
  lived.made.event(events::kAppendLogRecovered, 64, 300, 2);
  lived.crash();
  lived.recover(300, kThird, kSecond);
  REQUIRE(lived.label() == "nothing");
  lived.made.does(OpKind::erase, 1, 0, done(0, 400, 3));
  lived.crash();
  lived.recover(400, kThird, {});
  REQUIRE(lived.label() == "nothing");
  lived.crash();
  lived.recover(300, kThird, kSecond);
  REQUIRE(lived.label() == "a recovered log ends before what an earlier recovery had found");
}

TEST_CASE("a session goes on from its last update in the log") {
  const auto told = [](int64_t end, int64_t serial) {
    Lived lived(0);
    lived.made.event(events::kAppendLogRecovered, 64, end, 2);
    lived.made.event(events::kRecoveryEnded, 0, 0, 0);
    lived.made.event(events::kSessionStarted, 0, 2, serial);
    return lived.label();
  };
  const std::string wrong = "a session goes on from a number of operations that are not there";
  REQUIRE(told(200, 1) == wrong);
  REQUIRE(told(200, 2) == "nothing");
  REQUIRE(told(200, 3) == "nothing");  // a checkpoint may know more
  REQUIRE(told(300, 2) == wrong);
  REQUIRE(told(300, 3) == "nothing");
  REQUIRE(told(300, 4) == wrong);
}

TEST_CASE("a life begins in a version above all that its log holds") {
  Lived lived(300);
  lived.recover(300, kThird, kSecond);
  lived.made.does(OpKind::upsert, 0, kFirst, done(kFirst, 400, 1));
  REQUIRE(lived.label() == "a life goes on in a version that its log has used");
}

TEST_CASE("who changes something is in the log, behind all that had ended before") {
  HandMadeRun made;
  made.event(events::kSessionVersion, 0, 1);
  made.plan.sizes.set("keys", 2);
  made.plan.sizes.set("log_operations", 1);
  made.does(OpKind::upsert, 0, kFirst, done(kFirst, 200));
  made.does(OpKind::read, 0, 0, done(kFirst, 0));
  REQUIRE(made.label(judge_operations) == "nothing");
  made.does(OpKind::upsert, 1, kSecond, done(kSecond, 100));
  REQUIRE(made.label(judge_operations) ==
          "the log holds operations in another order than they happened");
  HandMadeRun other;
  other.event(events::kSessionVersion, 0, 1);
  other.plan.sizes.set("log_operations", 1);
  other.does(OpKind::erase, 0, 0, done(0, 0));
  REQUIRE(other.label(judge_operations) == "an operation changed something and was not logged");
  other.plan.sizes.set("log_operations", 0);
  REQUIRE(other.label(judge_operations) == "nothing");
}
