// SPDX-License-Identifier: Apache-2.0
// What an append log owes: every kind of broken promise turns the ledger red, and what is merely
// unknown does not.
#include "tests/scenarios/oracles/log_book.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using namespace orrery::scenarios;

TEST_CASE("a ledger without a log is in order") {
  HandMadeRun made;
  REQUIRE(made.label(judge_ledger) == "nothing");
}

TEST_CASE("what was acknowledged is there, and what was not may be") {
  for (const int64_t end : {2, 3}) {
    LogBook book;
    first_life(book);
    book.read_back(0, end);
    REQUIRE(book.label() == "nothing");
  }
  LogBook lost;
  first_life(lost);
  lost.read_back(0, 1);
  REQUIRE(lost.label() == "an acknowledged entry was lost");
}

TEST_CASE("an entry in the middle does not go missing") {
  for (const bool tolerant : {false, true}) {
    LogBook book;
    book.made.plan.sizes.set("tolerant", tolerant ? 1 : 0);
    for (int64_t n = 0; n < 3; ++n) book.append(n);
    book.acknowledge(2, 3);
    book.crash();
    book.recover(0, 3);
    book.find(0);
    book.find(2);
    book.made.event(ledger::kReadBackEnded, kOk);
    REQUIRE(book.label() == (tolerant ? "nothing" : "an entry is missing in a recovered log"));
  }
}

TEST_CASE("a tolerant log keeps what it acknowledged all the same") {
  LogBook book;
  book.made.plan.sizes.set("tolerant", 1);
  for (int64_t n = 0; n < 3; ++n) book.append(n);
  book.acknowledge(1, 3);
  book.crash();
  book.recover(0, 3);
  book.find(0);
  book.find(2);
  book.made.event(ledger::kReadBackEnded, kOk);
  REQUIRE(book.label() == "an entry is missing in a recovered log");
}

TEST_CASE("what a crash took stays gone") {
  LogBook book;
  first_life(book);
  book.read_back(0, 2);
  book.append_at(7, place(2));
  book.acknowledge(2, 3);
  book.crash();
  book.recover(0, 3);
  for (int64_t n = 0; n < 3; ++n) book.find(n);  // entry 2 is back, in the place of entry 7
  REQUIRE(book.label() == kStranger);
  LogBook later;
  first_life(later);
  later.read_back(0, 2);
  later.crash();
  later.read_back(0, 3);
  REQUIRE(later.label() == kStranger);
}

TEST_CASE("a recovery finds again what one before it had found") {
  LogBook book;
  first_life(book);
  book.read_back(0, 3);
  book.crash();
  book.read_back(0, 2);
  REQUIRE(book.label() == "an acknowledged entry was lost");
  // Also if nobody came to read it.
  LogBook unread;
  first_life(unread);
  unread.recover(0, 3);
  unread.crash();
  unread.read_back(0, 2);
  REQUIRE(unread.label() == "an acknowledged entry was lost");
}

TEST_CASE("what was under way at a crash may be there, until somebody has looked") {
  LogBook book;
  first_life(book);
  LogBook asked;
  for (int64_t n = 0; n < 2; ++n) asked.append(n);
  asked.ask(2);
  asked.crash();
  asked.read_back(0, 3);
  REQUIRE(asked.label() == "nothing");
  LogBook late;
  for (int64_t n = 0; n < 2; ++n) late.append(n);
  late.ask(2);
  late.crash();
  late.read_back(0, 2);
  late.crash();
  late.read_back(0, 3);
  REQUIRE(late.label() == kStranger);
  LogBook refused;
  refused.ask(0);
  refused.made.event(ledger::kRefused, number(0));
  refused.crash();
  refused.read_back(0, 1);
  REQUIRE(refused.label() == kStranger);
}

TEST_CASE("what was given up may be gone, and nothing else") {
  for (const int64_t begin : {0, 1, 2}) {
    LogBook book;
    for (int64_t n = 0; n < 3; ++n) book.append(n);
    book.acknowledge(0, 3);
    book.made.event(ledger::kGivingUp, place(1));
    book.crash();
    book.read_back(begin, 3);
    const bool fine = begin <= 1;
    REQUIRE(book.label() == (fine ? "nothing" : "a recovered log begins above what was given up"));
  }
}

TEST_CASE("what was given up, and committed as that, does not come back") {
  for (const bool committed : {false, true}) {
    for (const int64_t begin : {0, 1}) {
      LogBook book;
      for (int64_t n = 0; n < 3; ++n) book.append(n);
      book.acknowledge(0, 3);
      book.made.event(ledger::kGivingUp, place(1));
      if (committed) book.made.event(ledger::kGivenUp, place(1));
      book.crash();
      book.read_back(begin, 3);
      const bool fine = begin == 1 || !committed;
      REQUIRE(book.label() == (fine ? "nothing" : "what was given up has come back"));
    }
  }
}

TEST_CASE("bytes that nobody wrote, and an order that nobody wrote them in") {
  LogBook garbage;
  first_life(garbage);
  garbage.recover(0, 2);
  garbage.made.event(ledger::kReadBack, 0, place(0), place(1));
  REQUIRE(garbage.label() == "an entry holds bytes that nobody wrote");
  LogBook twice;
  first_life(twice);
  twice.recover(0, 2);
  twice.find(0);
  twice.find(0);
  REQUIRE(twice.label() == "a recovered log is read out of order");
  LogBook beyond;
  first_life(beyond);
  beyond.recover(0, 2);
  for (int64_t n = 0; n < 3; ++n) beyond.find(n);
  REQUIRE(beyond.label() == "a recovered log is read out of order");
}

TEST_CASE("a log does not vanish, and no crash damages it") {
  const auto after = [](int64_t code) {
    LogBook book;
    first_life(book);
    book.made.event(ledger::kRecovered, code);
    return book.label();
  };
  REQUIRE(after(kNotFound) == "a log is gone");
  REQUIRE(after(kCorrupt) == "a log was found damaged");
  REQUIRE(after(kIo) == "nothing");
  const auto read_back = [](int64_t code) {
    LogBook book;
    first_life(book);
    book.recover(0, 2);
    book.made.event(ledger::kReadBackEnded, code, place(0));
    return book.label();
  };
  REQUIRE(read_back(kCorrupt) == "a recovered log is damaged");
  REQUIRE(read_back(kIo) == "nothing");
  HandMadeRun never;
  never.event(ledger::kRecovered, kNotFound);
  REQUIRE(never.label(judge_ledger) == "nothing");
}

TEST_CASE("what a reader of the committed part has seen is durable") {
  for (const int64_t reader : {0, 1}) {
    LogBook book;
    book.begin_reading(reader);
    for (int64_t n = 0; n < 3; ++n) book.append(n);
    book.acknowledge(0, 2);
    for (int64_t n = 0; n < 3; ++n) book.read(reader, n);
    book.crash();
    book.read_back(0, 2);
    REQUIRE(book.label() == (reader == 1 ? "nothing" : "an acknowledged entry was lost"));
  }
}

TEST_CASE("the cookie of a log is the last that was durable, or a later one") {
  struct Row {
    int64_t first;
    int64_t second;  // found by the recovery after that one
    const char* label;
  };
  constexpr const char* kLost = "the cookie of a commit was lost";
  constexpr const char* kNeverSet = "the cookie of a commit is none that was ever set";
  for (const Row row :
       {Row{2, 2, "nothing"}, Row{3, 3, "nothing"}, Row{4, 4, "nothing"}, Row{1, 1, kLost},
        Row{0, 0, kLost}, Row{5, 5, kNeverSet}, Row{4, 3, kLost}, Row{2, 3, kLost}}) {
    LogBook book;
    for (const int64_t n : {1, 2}) book.made.event(ledger::kCookieAsked, n);
    book.made.event(ledger::kCookieAcknowledged, 2);
    for (const int64_t n : {3, 4}) book.made.event(ledger::kCookieAsked, n);
    for (const int64_t found : {row.first, row.second}) {
      book.crash();
      book.recover(0, 0);
      book.made.event(ledger::kCookieRecovered, found);
    }
    INFO(row.first << ", then " << row.second);
    REQUIRE(book.label() == row.label);
  }
}

TEST_CASE("a reader gets every entry, once, in order") {
  const auto read = [](std::vector<int64_t> order) {
    LogBook book;
    book.begin_reading(1);
    for (int64_t n = 0; n < 3; ++n) book.append(n);
    for (const int64_t n : order) book.read(1, n);
    book.made.event(ledger::kClosed);
    return book.label();
  };
  REQUIRE(read({0, 1, 2}) == "nothing");
  REQUIRE(read({0, 1}) == "nothing");
  REQUIRE(read({0, 2}) == "a reader passed over an entry");
  REQUIRE(read({1, 2}) == "a reader passed over an entry");
  REQUIRE(read({0, 1, 1}) == "a reader goes back");
  REQUIRE(read({0, 1, 2, 3}) == "a reader got an entry that was rolled back or never appended");
  LogBook damaged;
  damaged.begin_reading(0);
  damaged.made.event(ledger::kReaderFailed, 0, place(0));
  REQUIRE(damaged.label() == "a reader met damage");
  LogBook given_up;
  given_up.begin_reading(1);
  for (int64_t n = 0; n < 3; ++n) given_up.append(n);
  given_up.made.event(ledger::kGivingUp, place(2));
  given_up.read(1, 2);
  given_up.made.event(ledger::kClosed);
  REQUIRE(given_up.label() == "nothing");
}

TEST_CASE("a reader may be faster than the answer of who appends") {
  LogBook book;
  book.begin_reading(1);
  book.ask(0);
  book.read(1, 0);
  book.made.event(ledger::kAppended, number(0), place(0), place(1));
  REQUIRE(book.label() == "nothing");
  LogBook elsewhere;
  elsewhere.begin_reading(1);
  elsewhere.ask(0);
  elsewhere.read(1, 0);
  elsewhere.made.event(ledger::kAppended, number(0), place(1), place(2));
  REQUIRE(elsewhere.label() == "two entries stand in one place");
}

TEST_CASE("two entries never stand in one place") {
  for (const int64_t address : {place(0), place(0) + 8, place(0) - 8}) {
    LogBook book;
    book.append(0);
    book.append_at(1, address);
    REQUIRE(book.label() == "two entries stand in one place");
  }
}

TEST_CASE("a stream without a device may lose everything") {
  LogBook book;
  book.made.scenario.cache = true;
  book.made.event(ledger::kOpened, kOk, 64);
  for (int64_t n = 0; n < 3; ++n) book.append(n);
  book.acknowledge(0, 3);
  book.crash();
  book.made.event(ledger::kRecovered, kNotFound);
  book.made.event(ledger::kOpened, kOk, 64);
  book.append_at(9, place(0));
  REQUIRE(book.label() == "nothing");
}
