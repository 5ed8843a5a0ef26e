// SPDX-License-Identifier: Apache-2.0
// What clients saw is judged; what could not be judged is said, and is neither fine nor broken.
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;

namespace {

Ending ending(uint64_t result, Outcome outcome = Outcome::ok) {
  Ending end;
  end.outcome = outcome;
  end.result = result;
  end.version = 1;
  return end;
}

}  // namespace

TEST_CASE("a read of what was written is fine, and one of what was not is found") {
  HandMadeRun made;
  REQUIRE(made.label(judge_clients) == "nothing");
  made.does(OpKind::upsert, 1, 7, ending(7));
  made.does(OpKind::read, 1, 0, ending(7));
  REQUIRE(made.label(judge_clients) == "nothing");
  made.does(OpKind::read, 1, 0, ending(8));
  const Judgement judgement = made.judged(judge_clients);
  REQUIRE(judgement.finding);
  REQUIRE(judgement.finding->oracle == "linearizable");
  REQUIRE(judgement.finding->operations.back() == 2);
}

TEST_CASE("a key may vanish from a cache when head passes its record, and not otherwise") {
  HandMadeRun made;
  Ending wrote = ending(7);
  wrote.address = 64;
  made.does(OpKind::upsert, 1, 7, wrote);
  made.moves(orrery::engine::Boundary::head, 512);
  for (int i = 0; i < 3; ++i) made.event(orrery::engine::events::kTailSeen, 512);
  made.does(OpKind::read, 1, 0, ending(0, Outcome::not_found));
  REQUIRE(made.label(judge_clients) != "nothing");
  made.scenario.cache = true;
  REQUIRE(made.label(judge_clients) == "nothing");
}

TEST_CASE("bytes that are no value are found") {
  HandMadeRun made;
  Ending end = ending(0);
  end.garbage = true;
  made.does(OpKind::read, 1, 0, end);
  REQUIRE(made.label(judge_clients) == "a client read bytes that nobody wrote");
}

TEST_CASE("a record that is damaged is found where nothing damages any") {
  HandMadeRun made;
  Ending end = ending(0, Outcome::failed);
  made.does(OpKind::read, 1, 0, end);
  REQUIRE(made.label(judge_clients) == "nothing");
  end.damaged = true;
  made.does(OpKind::read, 1, 0, end);
  REQUIRE(made.label(judge_clients) == "a client was told that its record is damaged");
}

TEST_CASE("who saw it is named, with the time and the last place of his operation") {
  HandMadeRun made;
  made.does(OpKind::upsert, 1, 7, ending(7), 2);
  made.event(orrery::engine::events::kTailSeen, 512, 0, 0, 1);
  made.trace.events.back().now_ns = 5'000;
  made.does(OpKind::read, 1, 0, ending(8), 1);
  orrery::sim::Event inside = made.trace.events.back();
  inside.step += 1;
  inside.now_ns += 20;
  inside.site = orrery::sim::Site::current();
  made.trace.events.push_back(inside);
  const Judgement judgement = made.judged(judge_clients);
  REQUIRE(judgement.finding);
  REQUIRE(judgement.finding->task == 1);
  REQUIRE(judgement.finding->step == 5);
  REQUIRE(judgement.finding->now_ns == 5'040);
  REQUIRE(judgement.finding->site.line() == inside.site.line());
}

TEST_CASE("a search that gave up is no proof, and says so") {
  HandMadeRun made;
  ask_too_much(made.history, 1);
  const Judgement judgement = made.judged(judge_clients);
  REQUIRE_FALSE(judgement.finding);
  REQUIRE(judgement.not_judged.find("key 1: too many possible orders") != std::string::npos);
}

TEST_CASE("a broken promise on one key beats a search that gave up on another") {
  HandMadeRun made;
  ask_too_much(made.history, 1);
  made.does(OpKind::upsert, 2, 7, ending(7));
  made.does(OpKind::read, 2, 0, ending(8));
  const Judgement judgement = made.judged(judge_clients);
  REQUIRE(judgement.finding);
  REQUIRE(judgement.finding->text.find("key 2") != std::string::npos);
}
