// SPDX-License-Identifier: Apache-2.0
// What an append log owes: every kind of broken promise turns the ledger red, and what is merely
// unknown does not.
#include "engine/store/events.hpp"
#include "scenarios/ledger.hpp"
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using namespace orrery::scenarios;

namespace {

constexpr int64_t kOk = 0;
constexpr int64_t kIo = static_cast<int64_t>(engine::Errc::io);
constexpr int64_t kCorrupt = static_cast<int64_t>(engine::Errc::corrupt);
constexpr int64_t kInvalid = static_cast<int64_t>(engine::Errc::invalid);
constexpr int64_t kNotFound = static_cast<int64_t>(engine::Errc::not_found);

int64_t number(uint64_t n) { return static_cast<int64_t>(number_of(0, n)); }

/// Entries of 32 bytes: entry n stands at 64 + 32 n.
int64_t place(int64_t n) { return 64 + 32 * n; }

struct Book {
  Book() { made.event(ledger::kOpened, kOk, 64); }
  void append(int64_t n) { append_at(n, place(n)); }
  void append_at(int64_t n, int64_t address) {
    made.event(ledger::kAsked, number(static_cast<uint64_t>(n)));
    made.event(ledger::kAppended, number(static_cast<uint64_t>(n)), address, address + 32);
  }
  void ask(int64_t n) { made.event(ledger::kAsked, number(static_cast<uint64_t>(n))); }
  void acknowledge(int64_t from, int64_t until) {
    made.event(ledger::kAcknowledged, place(from), place(until));
  }
  void crash() { made.event(static_cast<uint16_t>(sim::Kind::crashed), 1); }
  void decay(sim::Ask ask, const char* file, int64_t left = 64) {
    sim::Taken taken;
    taken.at.ask = ask;
    taken.at.actor.name.label = file;
    made.trace.taken.push_back(taken);
    made.event(static_cast<uint16_t>(sim::Kind::decayed), ask == sim::Ask::rot ? 1 : 2, left,
               static_cast<int64_t>(sim::hash_of(taken.at.actor.name.label + sim::kAtRest.size())));
  }
  void recover(int64_t begin, int64_t end) {
    made.event(ledger::kRecovered, kOk, place(begin), place(end));
  }
  void find(int64_t n) {
    made.event(ledger::kReadBack, number(static_cast<uint64_t>(n)), place(n), place(n + 1));
  }
  void read_back(int64_t begin, int64_t end) {
    recover(begin, end);
    for (int64_t n = begin; n < end; ++n) find(n);
    made.event(ledger::kReadBackEnded, kOk);
  }
  void begin_reading(int64_t reader) { made.event(ledger::kReaderBegins, reader, 64); }
  void read(int64_t reader, int64_t n) {
    made.event(reader == 0 ? ledger::kReadCommitted : ledger::kReadUncommitted,
               number(static_cast<uint64_t>(n)), place(n), place(n + 1));
  }
  std::string label() { return made.label(judge_ledger); }

  HandMadeRun made;
};

/// Three entries, of which two are acknowledged, and a crash.
void first_life(Book& book) {
  for (int64_t n = 0; n < 3; ++n) book.append(n);
  book.acknowledge(0, 2);
  book.crash();
}

constexpr const char* kStranger = "an entry is there that was rolled back or never appended";

}  // namespace

TEST_CASE("a ledger without a log is in order") {
  HandMadeRun made;
  REQUIRE(made.label(judge_ledger) == "nothing");
}

TEST_CASE("what was acknowledged is there, and what was not may be") {
  for (const int64_t end : {2, 3}) {
    Book book;
    first_life(book);
    book.read_back(0, end);
    REQUIRE(book.label() == "nothing");
  }
  Book lost;
  first_life(lost);
  lost.read_back(0, 1);
  REQUIRE(lost.label() == "an acknowledged entry was lost");
}

TEST_CASE("an entry in the middle does not go missing") {
  for (const bool tolerant : {false, true}) {
    Book book;
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
  Book book;
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
  Book book;
  first_life(book);
  book.read_back(0, 2);
  book.append_at(7, place(2));
  book.acknowledge(2, 3);
  book.crash();
  book.recover(0, 3);
  for (int64_t n = 0; n < 3; ++n) book.find(n);  // entry 2 is back, in the place of entry 7
  REQUIRE(book.label() == kStranger);
  Book later;
  first_life(later);
  later.read_back(0, 2);
  later.crash();
  later.read_back(0, 3);
  REQUIRE(later.label() == kStranger);
}

TEST_CASE("a recovery finds again what one before it had found") {
  Book book;
  first_life(book);
  book.read_back(0, 3);
  book.crash();
  book.read_back(0, 2);
  REQUIRE(book.label() == "an acknowledged entry was lost");
  // Also if nobody came to read it.
  Book unread;
  first_life(unread);
  unread.recover(0, 3);
  unread.crash();
  unread.read_back(0, 2);
  REQUIRE(unread.label() == "an acknowledged entry was lost");
}

TEST_CASE("what was under way at a crash may be there, until somebody has looked") {
  Book book;
  first_life(book);
  Book asked;
  for (int64_t n = 0; n < 2; ++n) asked.append(n);
  asked.ask(2);
  asked.crash();
  asked.read_back(0, 3);
  REQUIRE(asked.label() == "nothing");
  Book late;
  for (int64_t n = 0; n < 2; ++n) late.append(n);
  late.ask(2);
  late.crash();
  late.read_back(0, 2);
  late.crash();
  late.read_back(0, 3);
  REQUIRE(late.label() == kStranger);
  Book refused;
  refused.ask(0);
  refused.made.event(ledger::kRefused, number(0));
  refused.crash();
  refused.read_back(0, 1);
  REQUIRE(refused.label() == kStranger);
}

TEST_CASE("what was given up may be gone, and nothing else") {
  for (const int64_t begin : {0, 1, 2}) {
    Book book;
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
      Book book;
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
  Book garbage;
  first_life(garbage);
  garbage.recover(0, 2);
  garbage.made.event(ledger::kReadBack, 0, place(0), place(1));
  REQUIRE(garbage.label() == "an entry holds bytes that nobody wrote");
  Book twice;
  first_life(twice);
  twice.recover(0, 2);
  twice.find(0);
  twice.find(0);
  REQUIRE(twice.label() == "a recovered log is read out of order");
  Book beyond;
  first_life(beyond);
  beyond.recover(0, 2);
  for (int64_t n = 0; n < 3; ++n) beyond.find(n);
  REQUIRE(beyond.label() == "a recovered log is read out of order");
}

TEST_CASE("a log does not vanish, and no crash damages it") {
  const auto after = [](int64_t code) {
    Book book;
    first_life(book);
    book.made.event(ledger::kRecovered, code);
    return book.label();
  };
  REQUIRE(after(kNotFound) == "a log is gone");
  REQUIRE(after(kCorrupt) == "a log was found damaged");
  REQUIRE(after(kIo) == "nothing");
  const auto read_back = [](int64_t code) {
    Book book;
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
    Book book;
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
  constexpr const char* kNever = "the cookie of a commit is none that was ever set";
  for (const Row row :
       {Row{2, 2, "nothing"}, Row{3, 3, "nothing"}, Row{4, 4, "nothing"}, Row{1, 1, kLost},
        Row{0, 0, kLost}, Row{5, 5, kNever}, Row{4, 3, kLost}, Row{2, 3, kLost}}) {
    Book book;
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
       }) {
    for (const bool decays : {false, true}) {
      Book book;
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
    Book book;
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
      Book book;
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

TEST_CASE("a log that was cut to nothing and recovered is not gone again") {
  Book book;
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
  Book book;
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
    Book book;
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
    Book book;
    for (const int64_t n : {1, 2}) book.made.event(ledger::kCookieAsked, n);
    book.made.event(ledger::kCookieAcknowledged, 2);
    book.crash();
    book.decay(sim::Ask::rot, "at-rest:aof/log-commits/commit.2");
    book.recover(0, 0);
    book.made.event(ledger::kCookieRecovered, found);
    REQUIRE((book.label() == "nothing") == (found != 3));
  }
}

TEST_CASE("a reader gets every entry, once, in order") {
  const auto read = [](std::vector<int64_t> order) {
    Book book;
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
  Book damaged;
  damaged.begin_reading(0);
  damaged.made.event(ledger::kReaderFailed, 0, place(0));
  REQUIRE(damaged.label() == "a reader met damage");
  Book given_up;
  given_up.begin_reading(1);
  for (int64_t n = 0; n < 3; ++n) given_up.append(n);
  given_up.made.event(ledger::kGivingUp, place(2));
  given_up.read(1, 2);
  given_up.made.event(ledger::kClosed);
  REQUIRE(given_up.label() == "nothing");
}

TEST_CASE("a reader may be faster than the answer of who appends") {
  Book book;
  book.begin_reading(1);
  book.ask(0);
  book.read(1, 0);
  book.made.event(ledger::kAppended, number(0), place(0), place(1));
  REQUIRE(book.label() == "nothing");
  Book elsewhere;
  elsewhere.begin_reading(1);
  elsewhere.ask(0);
  elsewhere.read(1, 0);
  elsewhere.made.event(ledger::kAppended, number(0), place(1), place(2));
  REQUIRE(elsewhere.label() == "two entries stand in one place");
}

TEST_CASE("two entries never stand in one place") {
  for (const int64_t address : {place(0), place(0) + 8, place(0) - 8}) {
    Book book;
    book.append(0);
    book.append_at(1, address);
    REQUIRE(book.label() == "two entries stand in one place");
  }
}

TEST_CASE("a stream without a device may lose everything") {
  Book book;
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
