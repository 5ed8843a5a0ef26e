// SPDX-License-Identifier: Apache-2.0
// The boundaries of the log stay in order, from where they stood when it was opened.
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;
using orrery::engine::Boundary;
namespace events = orrery::engine::events;

namespace {

// A log that has gone on to 2,048 and was flushed and evicted as far as 1,024.
void go_well(HandMadeRun& made) {
  made.event(events::kLogOpened, 64, 4);
  made.event(events::kPageOpened, 1, 512);
  made.event(events::kTailSeen, 2048);
  for (const Boundary which : {Boundary::ro, Boundary::safe_ro, Boundary::flushed, Boundary::head,
                               Boundary::safe_head, Boundary::begin, Boundary::closed}) {
    made.moves(which, 1024);
  }
}

}  // namespace

TEST_CASE("a log in good order is fine") {
  HandMadeRun made;
  go_well(made);
  REQUIRE(made.label(judge_address_chain) == "nothing");
}

TEST_CASE("each boundary stays below the next, even if the next has never moved") {
  const auto first_move = [](Boundary which) {
    HandMadeRun made;
    made.event(events::kLogOpened, 64, 4);
    made.event(events::kTailSeen, 2048);
    made.moves(which, 1024);
    return made.label(judge_address_chain);
  };
  REQUIRE(first_move(Boundary::closed) == "closed passed safe_head");
  REQUIRE(first_move(Boundary::safe_head) == "safe_head passed head");
  REQUIRE(first_move(Boundary::head) == "head passed flushed");
  REQUIRE(first_move(Boundary::flushed) == "flushed passed safe_ro");
  REQUIRE(first_move(Boundary::safe_ro) == "safe_ro passed ro");
}

TEST_CASE("no boundary goes back, not even below where the log began") {
  HandMadeRun made;
  go_well(made);
  made.moves(Boundary::closed, 512);
  REQUIRE(made.label(judge_address_chain) == "closed went back");
  HandMadeRun other;
  other.event(events::kLogOpened, 64, 4);
  other.moves(Boundary::begin, 0);
  REQUIRE(other.label(judge_address_chain) == "begin went back");
}

TEST_CASE("ro stays below the tail, to the byte") {
  HandMadeRun made;
  go_well(made);
  made.moves(Boundary::ro, 2048);
  REQUIRE(made.label(judge_address_chain) == "nothing");
  made.moves(Boundary::ro, 2056);
  REQUIRE(made.label(judge_address_chain) == "ro passed the tail");
}

TEST_CASE("a log that says nothing of its opening is no log") {
  HandMadeRun made;
  made.moves(Boundary::ro, 512);
  REQUIRE(made.label(judge_address_chain) == "a boundary moves in a log that was never opened");
}

TEST_CASE("at rest begin is where the memory of a cache ends, and not above head elsewhere") {
  HandMadeRun made;
  go_well(made);
  made.scenario.cache = true;
  made.moves(Boundary::begin, 1536);
  REQUIRE(made.label(judge_address_chain) == "begin and closed do not agree at rest");
  made.scenario.cache = false;
  REQUIRE(made.label(judge_address_chain) == "begin and head do not agree at rest");
  made.run.completed = false;  // while pages are being closed it runs ahead
  REQUIRE(made.label(judge_address_chain) == "nothing");
}

TEST_CASE("what a crash interrupted is not judged at rest") {
  HandMadeRun made;
  go_well(made);
  made.moves(Boundary::begin, 1536);
  made.event(static_cast<uint16_t>(orrery::sim::Kind::crashed), 1);
  REQUIRE(made.label(judge_address_chain) == "nothing");
  made.moves(Boundary::ro, 2048);
  REQUIRE(made.label(judge_address_chain) == "a boundary moves in a log that was never opened");
}
