// SPDX-License-Identifier: Apache-2.0
// What the judge of histories allows, what it does not, and what it says then.
#include "scenarios/oracles/linearizable.hpp"

#include <string>
#include <vector>

#include "tests/catch.hpp"

using namespace orrery::scenarios;

namespace {

// Writes histories: `book.write(5, {10, 20}).read(5, {21, 30})`. All on one key, each operation by
// the next client, unless told otherwise.
class Book {
 public:
  struct Steps {
    uint64_t invoked;
    uint64_t returned;
  };

  Book& write(uint64_t number, Steps steps, int64_t address = -1) {
    return note(OpKind::upsert, Outcome::ok, number, 0, steps, address);
  }
  Book& read(uint64_t number, Steps steps) {
    return note(OpKind::read, Outcome::ok, 0, number, steps, -1);
  }
  Book& miss(Steps steps) { return note(OpKind::read, Outcome::not_found, 0, 0, steps, -1); }
  Book& add(uint64_t amount, uint64_t result, Steps steps, int64_t address = -1) {
    return note(OpKind::add, Outcome::ok, amount, result, steps, address);
  }
  Book& erase(Steps steps, Outcome outcome = Outcome::ok) {
    return note(OpKind::erase, outcome, 0, 0, steps, -1);
  }
  Book& doubtful(OpKind kind, uint64_t argument, uint64_t invoked) {
    return note(kind, Outcome::unknown, argument, 0, {invoked, kNeverReturned}, -1);
  }
  Book& failed(OpKind kind, uint64_t argument, Steps steps) {
    return note(kind, Outcome::failed, argument, 0, steps, -1);
  }
  Book& on(uint64_t key) {
    operations.back().key = key;
    return *this;
  }
  Book& garbage() {
    operations.back().garbage = true;
    return *this;
  }
  Book& version(uint64_t version) {
    operations.back().version = version;
    return *this;
  }

  std::vector<Operation> operations;

 private:
  Book& note(OpKind kind, Outcome outcome, uint64_t argument, uint64_t result, Steps steps,
             int64_t address) {
    Operation operation;
    operation.client = static_cast<uint32_t>(operations.size());
    operation.kind = kind;
    operation.outcome = outcome;
    operation.key = 7;
    operation.argument = argument;
    operation.result = result;
    operation.invoked = steps.invoked;
    operation.returned = steps.returned;
    operation.address = address;
    operations.push_back(operation);
    return *this;
  }
};

LinearizabilityReport judge(const Book& book, const Eviction& eviction = {}) {
  return LinearizabilityChecker().check(book.operations, eviction);
}

bool well(const Book& book, const Eviction& eviction = {}) {
  const auto verdict = judge(book, eviction).verdict;
  REQUIRE(verdict != Linearizability::inconclusive);
  return verdict == Linearizability::ok;
}

const std::vector<HeadMove> kHeadPasses64At50{{10, 32}, {50, 128}};
const Eviction kCache{true, kHeadPasses64At50};

}  // namespace

TEST_CASE("an empty history is well") { REQUIRE(well(Book())); }

TEST_CASE("a key is absent until it is written") {
  REQUIRE(well(Book().miss({1, 2}).write(5, {3, 4}).read(5, {5, 6}).erase({7, 8}).miss({9, 10})));
  REQUIRE_FALSE(well(Book().read(0, {1, 2})));
}

TEST_CASE("concurrent writes may take effect in any order") {
  for (const uint64_t last : {5U, 6U}) {
    REQUIRE(well(Book().write(5, {1, 10}).write(6, {2, 11}).read(last, {12, 13})));
  }
  REQUIRE_FALSE(
      well(Book().write(5, {1, 10}).write(6, {2, 11}).read(5, {12, 13}).read(6, {14, 15})));
}

TEST_CASE("a stale read is seen") {
  const Book book = Book().write(90, {1, 2}).write(91, {3, 4}).read(90, {5, 6});
  const LinearizabilityReport report = judge(book);
  REQUIRE(report.verdict == Linearizability::violated);
  REQUIRE(report.key == 7);
  REQUIRE(report.operation == 2);
  REQUIRE(report.step == 6);
  REQUIRE(report.text ==
          "key 7: read by client 2 (steps 5-6) saw 90, but the last allowed values were {91}");
}

TEST_CASE("operations that share a step are concurrent and never accused") {
  REQUIRE(well(Book().write(90, {1, 2}).write(91, {3, 5}).read(90, {5, 6})));
  REQUIRE_FALSE(well(Book().write(90, {1, 2}).write(91, {3, 5}).read(90, {6, 6})));
}

TEST_CASE("a lost update is seen") {
  REQUIRE(well(Book().write(10, {1, 2}).add(1, 11, {3, 9}).add(1, 12, {3, 9})));
  const LinearizabilityReport report =
      judge(Book().write(10, {1, 2}).add(1, 11, {3, 9}).add(1, 11, {3, 8}));
  REQUIRE(report.verdict == Linearizability::violated);
  REQUIRE(report.operation == 1);
  REQUIRE(report.text ==
          "key 7: add of 1 by client 1 (steps 3-9) returned 11, but the last allowed values were "
          "{11}");
}

TEST_CASE("a write that comes back is seen") {
  // Erased, and there again.
  REQUIRE_FALSE(well(Book().write(5, {1, 2}).erase({3, 4}).read(5, {5, 6})));
  REQUIRE_FALSE(well(Book().write(5, {1, 2}).erase({3, 4}).add(1, 6, {5, 6})));
  // Missed, and there again.
  REQUIRE_FALSE(well(Book().write(5, {1, 2}).erase({3, 20}).miss({5, 6}).read(5, {7, 8})));
}

TEST_CASE("an erase says ok or not_found as it likes") {
  for (const Outcome outcome : {Outcome::ok, Outcome::not_found}) {
    REQUIRE(well(Book().erase({1, 2}, outcome).miss({3, 4})));
    REQUIRE(well(Book().write(5, {1, 2}).erase({3, 4}, outcome).miss({5, 6})));
    REQUIRE_FALSE(well(Book().write(5, {1, 2}).erase({3, 4}, outcome).read(5, {5, 6})));
  }
}

TEST_CASE("an unknown outcome may have happened, or not, or later") {
  const auto begun = [] { return Book().write(5, {1, 2}).doubtful(OpKind::upsert, 6, 3); };
  REQUIRE(well(begun().read(5, {10, 11})));
  REQUIRE(well(begun().read(6, {10, 11})));
  REQUIRE(well(begun().read(5, {10, 11}).read(6, {90, 91})));
  REQUIRE_FALSE(well(begun().read(6, {10, 11}).read(5, {90, 91})));
  // Not before it began, and not twice.
  REQUIRE_FALSE(well(Book().read(6, {1, 2}).doubtful(OpKind::upsert, 6, 3)));
  REQUIRE_FALSE(well(begun().read(6, {10, 11}).write(5, {12, 13}).read(6, {14, 15})));
  REQUIRE(well(Book().write(5, {1, 2}).doubtful(OpKind::add, 2, 3).add(1, 8, {4, 5})));
  REQUIRE(well(Book().write(5, {1, 2}).doubtful(OpKind::add, 2, 3).add(1, 6, {4, 5})));
  REQUIRE(well(Book().write(5, {1, 2}).doubtful(OpKind::erase, 0, 3).miss({4, 5})));
  REQUIRE_FALSE(well(Book().write(5, {1, 2}).doubtful(OpKind::read, 0, 3).miss({4, 5})));
}

TEST_CASE("a failed operation never has an effect") {
  const auto begun = [] { return Book().write(5, {1, 2}).failed(OpKind::upsert, 6, {3, 4}); };
  REQUIRE(well(begun().read(5, {5, 6})));
  REQUIRE_FALSE(well(begun().read(6, {5, 6})));
}

TEST_CASE("garbage is never allowed") {
  const LinearizabilityReport report = judge(Book().write(5, {1, 2}).read(5, {3, 4}).garbage());
  REQUIRE(report.verdict == Linearizability::violated);
  REQUIRE(report.text ==
          "key 7: read by client 1 (steps 3-4) saw bytes that are no value, but the last allowed "
          "values were {5}");
}

TEST_CASE("without a tier a key may vanish once its newest record is evicted") {
  REQUIRE(well(Book().write(5, {1, 2}, 64).miss({40, 50}), kCache));
  REQUIRE(well(Book().write(5, {1, 2}, 64).miss({51, 60}).miss({61, 62}), kCache));
  REQUIRE(well(Book().write(5, {1, 2}, 64).read(5, {51, 60}).miss({61, 62}), kCache));
  REQUIRE(well(Book().write(5, {1, 2}, 64).add(2, 2, {55, 60}), kCache));
  // Too early; or not evicted at all, since a newer record was there.
  REQUIRE_FALSE(well(Book().write(5, {1, 2}, 64).miss({40, 49}), kCache));
  REQUIRE_FALSE(well(Book().write(5, {1, 2}, 64).write(6, {3, 4}, 128).miss({60, 61}), kCache));
  REQUIRE_FALSE(well(Book().write(5, {1, 2}, 128).add(2, 2, {55, 60}), kCache));
  // Or not a cache.
  REQUIRE_FALSE(well(Book().write(5, {1, 2}, 64).miss({51, 60}), {false, kHeadPasses64At50}));
}

TEST_CASE("what has vanished stays away until it is written") {
  REQUIRE_FALSE(well(Book().write(5, {1, 2}, 64).miss({51, 60}).read(5, {61, 62}), kCache));
  REQUIRE_FALSE(well(Book().write(5, {1, 2}, 64).miss({51, 60}).add(1, 6, {61, 62}), kCache));
  REQUIRE(well(Book().write(5, {1, 2}, 64).miss({51, 60}).add(1, 1, {61, 62}, 200), kCache));
}

TEST_CASE("an add that had found the record before it was evicted may complete") {
  const auto missed = [] { return Book().write(5, {1, 2}, 64).miss({52, 60}); };
  REQUIRE(well(missed().add(1, 6, {50, 70}, 200), kCache));
  REQUIRE_FALSE(well(missed().add(1, 6, {51, 70}, 200), kCache));
  // An erase that found nothing does not stop it, one that wrote a tombstone does.
  const auto erased = [&](Outcome outcome) {
    return missed()
        .erase({61, 62}, outcome)
        .miss({63, 64})
        .add(1, 6, {50, 70}, 200)
        .read(6, {71, 72});
  };
  REQUIRE(well(erased(Outcome::not_found), kCache));
  REQUIRE(well(missed().erase({61, 62}).add(1, 6, {50, 70}, 200).miss({71, 72}), kCache));
  REQUIRE_FALSE(well(erased(Outcome::ok), kCache));
}

TEST_CASE("a record of unknown address was in memory when it was written") {
  REQUIRE(well(Book().write(5, {45, 46}).miss({51, 60}), kCache));
  REQUIRE_FALSE(well(Book().write(5, {45, 46}).miss({47, 49}), kCache));
  REQUIRE_FALSE(well(Book().write(5, {52, 53}).miss({54, 60}), kCache));
}

TEST_CASE("the earliest of several violations is reported") {
  const Book book = Book().write(1, {1, 2}).on(3).write(1, {1, 2}).on(4);
  const LinearizabilityReport report =
      judge(Book(book).read(2, {30, 40}).on(3).read(2, {30, 39}).on(4));
  REQUIRE(report.key == 4);
  REQUIRE(report.step == 39);
}

TEST_CASE("a search that gives up is no failure") {
  Book book;
  for (uint64_t i = 0; i < 40; ++i) book.doubtful(OpKind::upsert, i, i);
  for (uint64_t i = 0; i < 20; ++i) book.read(i % 10, {100 + 2 * i, 101 + 2 * i});
  LinearizabilityChecker checker(10);
  const LinearizabilityReport report = checker.check(book.operations, {});
  REQUIRE(report.verdict == Linearizability::inconclusive);
  REQUIRE(report.text == "key 7: too many possible orders to try them all");
}

TEST_CASE("a checkpoint holds all of its version and nothing of the next") {
  const Book book = Book().write(5, {1, 2}).version(3).write(6, {3, 4}).version(4);
  const Cut cut{3, 20};
  LinearizabilityChecker checker;
  REQUIRE(checker.allowed_final(book.operations, {}, cut, {7, true, false, 5}));
  REQUIRE_FALSE(checker.allowed_final(book.operations, {}, cut, {7, true, false, 6}));
  REQUIRE_FALSE(checker.allowed_final(book.operations, {}, cut, {7, false}));
  REQUIRE_FALSE(checker.allowed_final(book.operations, {}, cut, {7, true, true, 5}));
  REQUIRE_FALSE(checker.allowed_final(book.operations, {}, {2, 20}, {7, true, false, 5}));
  REQUIRE(checker.allowed_final(book.operations, {}, {2, 20}, {7, false}));
  REQUIRE(checker.allowed_final(book.operations, {}, {4, 20}, {7, true, false, 6}));
}

TEST_CASE("what is in doubt may be in a checkpoint or not") {
  const auto begun = [] { return Book().write(5, {1, 2}).version(3); };
  LinearizabilityChecker checker;
  for (const uint64_t value : {5U, 6U}) {
    const Found found{7, true, false, value};
    const Book unknown = begun().doubtful(OpKind::upsert, 6, 3);
    REQUIRE(checker.allowed_final(unknown.operations, {}, {3, 20}, found));
    const Book of_no_version = begun().write(6, {3, 4});
    REQUIRE(checker.allowed_final(of_no_version.operations, {}, {3, 20}, found));
    // It keeps its place in time, and cannot have begun after the images were written.
    const Book before = Book().write(6, {1, 2}).write(5, {3, 4}).version(3);
    REQUIRE(checker.allowed_final(before.operations, {}, {3, 20}, found) == (value == 5));
    const Book late = begun().write(6, {21, 22});
    REQUIRE(checker.allowed_final(late.operations, {}, {3, 20}, found) == (value == 5));
  }
}

TEST_CASE("a checkpoint may lack what was evicted before its image was written") {
  const Book book = Book().write(5, {1, 2}, 16).version(3).write(6, {3, 4}, 64).version(3);
  LinearizabilityChecker checker;
  const auto allowed = [&](const Cut& cut, const Found& found, bool cache) {
    return checker.allowed_final(book.operations, {cache, kHeadPasses64At50}, cut, found);
  };
  REQUIRE(allowed({3, 60}, {7, false}, true));
  REQUIRE_FALSE(allowed({3, 49}, {7, false}, true));
  REQUIRE_FALSE(allowed({3, 60}, {7, false}, false));
  // But not show the one before it.
  REQUIRE_FALSE(allowed({3, 60}, {7, true, false, 5}, true));
}

TEST_CASE("what clients missed may be in a checkpoint that was written before") {
  const Book book = Book().write(5, {1, 2}, 64).version(3).miss({55, 56}).version(3);
  LinearizabilityChecker checker;
  REQUIRE(checker.allowed_final(book.operations, kCache, {3, 60}, {7, true, false, 5}));
  REQUIRE(checker.allowed_final(book.operations, kCache, {3, 60}, {7, false}));
  REQUIRE_FALSE(checker.allowed_final(book.operations, kCache, {3, 40}, {7, false}));
}

TEST_CASE("all keys of a checkpoint are judged, also those that it lacks") {
  const Book book = Book().write(5, {1, 2}).version(1).write(6, {3, 4}).on(8).version(1);
  LinearizabilityChecker checker;
  const Cut cut{1, 20};
  const std::vector<Found> both{{7, true, false, 5}, {8, true, false, 6}};
  REQUIRE(checker.check_final(book.operations, {}, cut, both).verdict == Linearizability::ok);
  const auto lacks = checker.check_final(book.operations, {}, cut, {both.data(), 1});
  REQUIRE(lacks.verdict == Linearizability::violated);
  REQUIRE(lacks.key == 8);
  REQUIRE(lacks.operation == kNoOperation);
  REQUIRE(lacks.text ==
          "key 8: the checkpoint of version 1 lacks it, but the last allowed values were {6}");
  const std::vector<Found> three{both[0], both[1], {9, true, false, 1}};
  const auto invented = checker.check_final(book.operations, {}, cut, three);
  REQUIRE(invented.text ==
          "key 9: the checkpoint of version 1 holds 1, but the last allowed values were {absent}");
}
