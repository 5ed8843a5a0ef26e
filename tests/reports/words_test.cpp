// SPDX-License-Identifier: Apache-2.0
#include "reports/words.hpp"

#include <filesystem>

#include "engine/store/events.hpp"
#include "reports/sentences.hpp"
#include "scenarios/ledger.hpp"
#include "tests/catch.hpp"
#include "tests/reports/made_up_run.hpp"

namespace orrery::reports {

TEST_CASE("numbers are written for people") {
  CHECK(grouped(uint64_t{7}) == "7");
  CHECK(grouped(uint64_t{1234567}) == "1,234,567");
  CHECK(grouped(int64_t{-4411}) == "-4,411");
  CHECK(grouped(INT64_MIN) == "-9,223,372,036,854,775,808");
  CHECK(virtual_time(88'200) == "88.200 us");
  CHECK(virtual_time(1'234'000'005) == "1,234,000.005 us");
  CHECK(ordinal(1) == "1st");
  CHECK(ordinal(11) == "11th");
  CHECK(ordinal(22) == "22nd");
  CHECK(ordinal(113) == "113th");
  CHECK(ordinal(1003) == "1,003rd");
  CHECK(counted(1, "byte") == "1 byte");
  CHECK(counted(0, "byte") == "0 bytes");
  CHECK(hex64(0x2a) == "0x000000000000002a");
}

TEST_CASE("names of tasks say what is not ordinary about them") {
  CHECK(name_of(sim::ActorId{{"session", 2}, 0, 0}) == "session/2");
  CHECK(name_of(sim::ActorId{{"session", 2}, 1, 3}) == "session/2#1@3");
  const MadeUpRun made;
  CHECK(name_of_task(made.trace, 1) == "flush-runner/1");
  CHECK(name_of_task(made.trace, sim::kNobody) == "the world");
  CHECK(device_of_task(made.trace, 1).empty());
  sim::Trace trace;
  trace.tasks = {{sim::ActorId{{"done-sync:store/a/snapshot.dat", 0}, 0, 0}, 0}};
  CHECK(short_name_of_task(trace, 0) == "done-sync/0");
  CHECK(device_of_task(trace, 0) == "snapshot.dat");
}

TEST_CASE("a line of source is quoted from wherever one stands") {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path("/");
  const sim::Site here = sim::Site::current();
  const std::string line = source_line(here);
  std::filesystem::current_path(before);
  CHECK(line == "const sim::Site here = sim::Site::current();");
}

TEST_CASE("a place names its file as the tree does, and its function without decoration") {
  const MadeUpRun made;
  CHECK(place_of(made.trace.lifetimes[0].retired_at) == "engine/store/made_up.cpp:205");
  CHECK(function_of(made.trace.lifetimes[0].retired_at) == "retire_site");
  CHECK(source_line(made.trace.lifetimes[0].retired_at).empty());
  CHECK_FALSE(is_known(sim::Site{}));
}

TEST_CASE("every kind of deviation has a sentence") {
  const MadeUpRun made;
  CHECK(sentence_of(made.run, made.trace.taken[0]) ==
        "flush-runner/1 ran instead of session/0 at the 17th point of upsert/12");
  CHECK(
      sentence_of(made.run, made.trace.taken[1]) ==
      "the write of 512 bytes at 0 of store/snapshot (page 7) took 128 times its nominal latency");
  for (int ask = 0; ask < sim::kAskCount; ++ask) {
    sim::Taken taken = made.trace.taken[1];
    taken.at.ask = static_cast<sim::Ask>(ask);
    taken.value = 1;
    CHECK(sentence_of(made.run, taken).size() > 10);
  }
}

TEST_CASE("a file that decayed is named, by the choice and by the event") {
  MadeUpRun made;
  const auto decays = [&](sim::Ask ask, const char* actor, uint64_t value) {
    sim::Taken taken = made.trace.taken[0];
    taken.at.ask = ask;
    taken.at.actor = {{actor, 0}, 0, 0};
    taken.value = value;
    taken.step = made.trace.events.back().step;
    made.trace.taken.push_back(taken);
    const int64_t kind = ask == sim::Ask::rot ? 1 : ask == sim::Ask::cut ? 2 : 3;
    const uint64_t at = kind == 1 ? value - 1 : kind == 2 ? (value - 1) * 512 : 2;
    made.trace.events.push_back({taken.step,
                                 taken.now_ns,
                                 sim::kNobody,
                                 static_cast<uint16_t>(sim::Kind::decayed),
                                 kind,
                                 static_cast<int64_t>(at),
                                 static_cast<int64_t>(sim::hash_of(actor + sim::kAtRest.size())),
                                 {}});
    return std::pair(made.trace.taken.size() - 1, made.trace.events.size() - 1);
  };
  struct Row {
    sim::Ask ask;
    const char* actor;
    uint64_t value;
    const char* choice;
    const char* event;
  };
  std::vector<std::pair<size_t, size_t>> places;
  const Row rows[] = {
      {sim::Ask::rot, "at-rest:a/log", 1 + 19,
       "bit 3 of byte 2 of a/log was another one when the power came back",
       "a/log has another bit 19"},
      {sim::Ask::cut, "at-rest:a/log", 1 + 2,
       "only the first 2 sectors of a/log were left when the power came back",
       "a/log has 1,024 bytes left"},
      {sim::Ask::cut, "at-rest:b/log", 1 + 1,
       "only the first sector of b/log was left when the power came back",
       "b/log has 512 bytes left"},
      {sim::Ask::cut, "at-rest:c/log", 1, "c/log was empty when the power came back",
       "c/log has 0 bytes left"},
      {sim::Ask::directory, "at-rest:a/commits", 1, "a/commits was gone when the power came back",
       "a/commits is gone, with 2 files"},
  };
  for (const Row& row : rows) places.push_back(decays(row.ask, row.actor, row.value));
  for (size_t i = 0; i < std::size(rows); ++i) {
    CHECK(sentence_of(made.run, made.trace.taken[places[i].first]) == rows[i].choice);
    CHECK(sentence_of(made.run, made.trace.events[places[i].second]) == rows[i].event);
    CHECK(event_of(made.run, made.trace.taken[places[i].first]) == places[i].second);
  }
}

TEST_CASE("every kind of event has a sentence, and one that is not known keeps its numbers") {
  const MadeUpRun made;
  for (uint16_t kind = 1; kind < 1100; ++kind) {
    const bool engine = !engine::events::name_of(kind).empty();
    if (!engine && kind < 1000) continue;
    const sim::Event event{1, 20, 0, kind, 0, 0, 0, {}};
    CHECK_FALSE(sentence_of(made.run, event).empty());
  }
  for (const uint16_t kind :
       {scenarios::ledger::kRecovered, scenarios::ledger::kReadBack, scenarios::ledger::kAppended,
        scenarios::ledger::kAcknowledged, scenarios::ledger::kReadCommitted}) {
    const sim::Event event{1, 20, 0, kind, 0, 64, 96, {}};
    CHECK(sentence_of(made.run, event).find("64") != std::string::npos);
  }
  for (const uint16_t kind :
       {scenarios::ledger::kGivingUp, scenarios::ledger::kGivenUp, scenarios::ledger::kCookieAsked,
        scenarios::ledger::kCookieAcknowledged, scenarios::ledger::kCookieRecovered,
        scenarios::ledger::kStrangerAsks, static_cast<uint16_t>(sim::Kind::decayed)}) {
    for (const int64_t number : {0, 512}) {
      const sim::Event event{1, 20, 0, kind, number, number, 0, {}};
      CHECK_FALSE(sentence_of(made.run, event).starts_with("event "));
    }
  }
  // Made by no choice that is known, or in no known way.
  for (const int64_t way : {-1, 0, 2, 4}) {
    const sim::Event decay{1, 20, 0, static_cast<uint16_t>(sim::Kind::decayed), way, 512, 7, {}};
    CHECK(sentence_of(made.run, decay) == "a file has 512 bytes left");
  }
  const sim::Event strange{1, 20, 0, 999, 4, 5, 6, {}};
  CHECK(sentence_of(made.run, strange) == "event 999 4 5 6");
}

TEST_CASE("an address says which page it is in") {
  const MadeUpRun made;
  CHECK(address_text(made.run, 4608) == "4,608 (page 9)");
  CHECK(address_text(made.run, 4700) == "4,700 (page 9 + 92)");
  CHECK(address_text(made.run, -1) == "-1");
}

}  // namespace orrery::reports
