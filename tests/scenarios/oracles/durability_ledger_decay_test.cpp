// SPDX-License-Identifier: Apache-2.0
// What an append log owes once its files have decayed: less than before, and never in silence.
#include "tests/scenarios/oracles/log_book.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using namespace orrery::scenarios;

TEST_CASE("what a file has lost that decayed may be lost, and the log has to say so") {
  struct Row {
    sim::Ask ask;
    const char* file;
    int64_t code;  // of the recovery
    int64_t end;
    int64_t missing;  // in what is read back; -1: nothing
    int64_t told;     // to whoever reads back
    const char* label;
  };
  constexpr const char* kMissing = "an entry is missing in a recovered log";
  constexpr const char* kDamaged = "a recovered log is damaged";
  constexpr const char* kGone = "a log is gone";
  const auto rot = sim::Ask::rot;
  const auto cut = sim::Ask::cut;
  for (const Row& row : {
           Row{rot, "at-rest:aof/log-commits/commit.1", kCorrupt, 0, -1, kOk, "nothing"},
           Row{rot, "at-rest:aof/log-commits/commit.1", kNotFound, 0, -1, kOk, kGone},
           Row{cut, "at-rest:aof/log", kNotFound, 0, -1, kOk, kGone},
           Row{rot, "at-rest:aof/log", kInvalid, 0, -1, kOk, "a log was found damaged"},
           Row{rot, "at-rest:aof/log-commits/commit.1", kOk, 1, -1, kOk, "nothing"},
           Row{rot, "at-rest:aof/log-commits/commit.1", kOk, 2, 0, kOk, kMissing},
           Row{rot, "at-rest:aof/log", kOk, 2, 1, kCorrupt, "nothing"},
           Row{rot, "at-rest:aof/log", kOk, 2, 1, kOk, kMissing},
           Row{cut, "at-rest:aof/log", kCorrupt, 0, -1, kOk, "nothing"},
           Row{cut, "at-rest:aof/log", kOk, 1, -1, kOk, "nothing"},
           Row{cut, "at-rest:aof/log", kOk, 2, 1, kCorrupt, kDamaged},
           Row{cut, "at-rest:aof/log", kOk, 2, 1, kOk, kMissing},
           Row{sim::Ask::directory, "at-rest:aof/log-commits", kCorrupt, 0, -1, kOk, "nothing"},
           Row{sim::Ask::directory, "at-rest:aof/log-commits", kNotFound, 0, -1, kOk, kGone},
           Row{sim::Ask::directory, "at-rest:aof/log-commits", kOk, 2, 1, kCorrupt, kDamaged},
       }) {
    for (const bool decays : {false, true}) {
      LogBook book;
      first_life(book);
      if (decays) book.decay(row.ask, row.file);
      book.made.event(ledger::kRecovered, row.code, place(0), place(row.end));
      for (int64_t n = 0; n < row.end; ++n) {
        if (n != row.missing) book.find(n);
      }
      if (row.code == kOk) book.made.event(ledger::kReadBackEnded, row.told, place(0));
      INFO(row.file << " " << row.code << " " << row.end << " " << row.missing);
      REQUIRE((decays ? book.label() == row.label : book.label() != "nothing"));
    }
  }
}

TEST_CASE("an older commit shows again what was given up since, and nothing that was never there") {
  for (const int64_t back : {1, 7}) {
    LogBook book;
    first_life(book);
    book.made.event(ledger::kGivingUp, place(2));
    book.recover(2, 2);
    book.made.event(ledger::kReadBackEnded, kOk);
    book.crash();
    book.decay(sim::Ask::rot, "at-rest:aof/log-commits/commit.2");
    book.recover(0, 2);
    book.find(0);
    book.made.event(ledger::kReadBack, number(static_cast<uint64_t>(back)), place(1), place(2));
    book.made.event(ledger::kReadBackEnded, kOk);
    REQUIRE(book.label() == (back == 1 ? "nothing" : kStranger));
  }
}

TEST_CASE("a log is gone only if nothing was in it, or nothing is left") {
  for (const bool acknowledged : {false, true}) {
    for (const int64_t left : {0, 64}) {
      LogBook book;
      book.append(0);
      if (acknowledged) book.acknowledge(0, 1);
      book.crash();
      book.decay(sim::Ask::cut, "at-rest:aof/log", left);
      book.decay(sim::Ask::rot, "at-rest:aof/log-commits/commit.1");
      book.made.event(ledger::kRecovered, kNotFound);
      REQUIRE(book.label() == (acknowledged && left != 0 ? "a log is gone" : "nothing"));
    }
  }
}

TEST_CASE("no log is begun where there is one, also if nothing speaks of it any more") {
  for (const bool acknowledged : {false, true}) {
    for (const bool emptied : {false, true}) {
      LogBook book;
      book.append(0);
      if (acknowledged) book.acknowledge(0, 1);
      book.crash();
      if (emptied) book.decay(sim::Ask::cut, "at-rest:aof/log", 0);
      book.decay(sim::Ask::directory, "at-rest:aof/log-commits", 1);
      book.made.event(ledger::kOpened, kOk, 64);
      const bool over = acknowledged && !emptied;
      REQUIRE(book.label() == (over ? "a log was begun over another" : "nothing"));
    }
  }
}

TEST_CASE("a log that nothing has damaged is not begun anew, nor called damaged") {
  LogBook anew;
  anew.crash();
  anew.made.event(ledger::kOpened, kOk, 64);
  REQUIRE(anew.label() == "a log was begun over another");
  const auto refused = [](ledger::Call call, int64_t code, bool decays) {
    LogBook book;
    book.crash();
    if (decays) book.decay(sim::Ask::rot, "at-rest:aof/log-commits/commit.1");
    book.made.event(ledger::kFailed, static_cast<int64_t>(call), code);
    return book.label();
  };
  const auto log = ledger::Call::open_log;
  REQUIRE(refused(log, kCorrupt, false) == "a log was found damaged");
  REQUIRE(refused(log, kCorrupt, true) == "nothing");
  // No damage makes it a log of another kind.
  REQUIRE(refused(log, kInvalid, true) == "a log was found damaged");
  REQUIRE(refused(log, kInvalid, false) == "a log was found damaged");
  REQUIRE(refused(log, static_cast<int64_t>(engine::Errc::exists), false) == "nothing");
  REQUIRE(refused(ledger::Call::open, kCorrupt, false) == "nothing");  // no log
}

TEST_CASE("a log that was cut to nothing and recovered is not gone again") {
  LogBook book;
  book.crash();
  book.decay(sim::Ask::cut, "at-rest:aof/log", 0);
  book.recover(0, 0);
  book.made.event(ledger::kReadBackEnded, kOk);
  book.append(0);
  book.acknowledge(0, 1);
  book.crash();
  book.made.event(ledger::kRecovered, kNotFound);
  REQUIRE(book.label() == "a log is gone");
}

TEST_CASE("a new log is held to everything, whatever had decayed before") {
  LogBook book;
  first_life(book);
  book.decay(sim::Ask::cut, "at-rest:aof/log", 0);
  book.decay(sim::Ask::rot, "at-rest:aof/log-commits/commit.1");
  book.made.event(ledger::kRecovered, kNotFound);
  book.made.event(ledger::kOpened, kOk, 64);
  book.append(5);
  book.acknowledge(5, 6);
  book.crash();
  book.made.event(ledger::kRecovered, kCorrupt);
  REQUIRE(book.label() == "a log was found damaged");
}

TEST_CASE("what a writer was not told of may come back with an older commit") {
  for (const bool decays : {false, true}) {
    LogBook book;
    book.ask(0);  // it is written, and its writer dies
    book.crash();
    book.recover(0, 1);
    book.made.event(ledger::kReadBackEnded, kOk);
    book.crash();
    if (decays) book.decay(sim::Ask::rot, "at-rest:aof/log-commits/commit.2");
    book.recover(0, 1);
    book.find(0);
    book.made.event(ledger::kReadBackEnded, kOk);
    REQUIRE((book.label() == "nothing") == decays);
  }
}

TEST_CASE("a cookie is one that was set, whatever has decayed") {
  for (const int64_t found : {0, 1, 2, 3}) {
    LogBook book;
    for (const int64_t n : {1, 2}) book.made.event(ledger::kCookieAsked, n);
    book.made.event(ledger::kCookieAcknowledged, 2);
    book.crash();
    book.decay(sim::Ask::rot, "at-rest:aof/log-commits/commit.2");
    book.recover(0, 0);
    book.made.event(ledger::kCookieRecovered, found);
    REQUIRE((book.label() == "nothing") == (found != 3));
  }
}
