// SPDX-License-Identifier: Apache-2.0
// A commit makes a cookie and the positions of readers durable, and a recovery finds them as they
// were then.
#include "engine/store/append_log_marks.hpp"

#include "tests/engine/store/append_lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

std::string cookie_of(AppendLives& lives) {
  return std::string(text_of(lives.log->marks().cookie()));
}

std::vector<std::byte> bytes_of_marks(const CommitMarks& marks) {
  std::vector<std::byte> bytes(CommitMarks::kEncodedMax);
  bytes.resize(marks.encode(bytes));
  return bytes;
}

CommitMarks some_marks() {
  CommitMarks marks;
  REQUIRE(marks.set_cookie(bytes_of("biscuit")));
  REQUIRE(marks.set_position("replica", 640));
  REQUIRE(marks.set_position("backup", 64));
  return marks;
}

/// The marks with another value in one of their words.
bool is_refused(size_t word, uint64_t value) {
  std::vector<std::byte> bytes = bytes_of_marks(some_marks());
  put(bytes.data() + word * 8, value);
  const auto decoded = CommitMarks::decode(bytes);
  return !decoded && decoded.error().code == Errc::corrupt;
}

}  // namespace

TEST_CASE("marks have room for a few, and say so", "[append-log]") {
  CommitMarks marks;
  CHECK(marks.set_cookie(std::vector<std::byte>(129)).error().code == Errc::too_large);
  CHECK(marks.set_cookie(std::vector<std::byte>(128)));
  CHECK(marks.set_position("", 64).error().code == Errc::invalid);
  CHECK(marks.set_position(std::string(25, 'x'), 64).error().code == Errc::invalid);
  CHECK(marks.set_position(std::string(24, 'x'), 64));
  for (int i = 1; i < 8; ++i) CHECK(marks.set_position(std::to_string(i), 64 + 8 * i));
  CHECK(marks.set_position("9", 64).error().code == Errc::too_large);
  CHECK(marks.set_position("7", 800));
  CHECK(marks.highest_position() == 800);
  CHECK(*CommitMarks::decode(bytes_of_marks(marks)) == marks);
  CHECK(marks.drop_position("7"));
  CHECK_FALSE(marks.drop_position("7"));
  CHECK(marks.position("6") == 112);
  CHECK_FALSE(marks.position("7"));
}

TEST_CASE("marks that are cut, or make no sense, are none", "[append-log]") {
  const std::vector<std::byte> good = bytes_of_marks(some_marks());
  CHECK(*CommitMarks::decode(good) == some_marks());
  CHECK(*CommitMarks::decode(bytes_of_marks({})) == CommitMarks());
  for (size_t size = 0; size < good.size(); ++size) {
    REQUIRE_FALSE(CommitMarks::decode(Bytes(good).first(size)));
  }
  for (const uint64_t size : {uint64_t{9}, uint64_t{129}, UINT64_MAX}) CHECK(is_refused(0, size));
  for (const uint64_t count : {uint64_t{1}, uint64_t{3}, UINT64_MAX}) CHECK(is_refused(2, count));
  for (const uint64_t size : {uint64_t{0}, uint64_t{25}, UINT64_MAX}) CHECK(is_refused(3, size));
  CHECK(is_refused(7, UINT64_MAX));
}

TEST_CASE("the cookie and the positions of a commit are found again", "[append-log]") {
  for (const bool fast : {false, true}) {
    AppendLives lives(small_log(fast));
    lives.fill(0, 10);
    REQUIRE(lives.log->set_cookie(bytes_of("first")));
    REQUIRE(lives.log->set_position("reader", 64));
    lives.commit();
    lives.fill(10, 20);
    lives.commit();  // a record alone, in the fast mode
    REQUIRE(lives.log->set_cookie(bytes_of("never committed")));
    lives.die();
    lives.recover();
    CHECK(cookie_of(lives) == "first");
    CHECK(lives.log->marks().position("reader") == 64);
    CHECK(lives.read() == numbers(0, 20));
    REQUIRE(lives.log->set_cookie(bytes_of("second")));
    lives.log->drop_position("reader");
    lives.commit();  // nothing was appended
    lives.die();
    lives.recover();
    CHECK(cookie_of(lives) == "second");
    CHECK_FALSE(lives.log->marks().position("reader"));
    lives.close();
  }
}

TEST_CASE("a commit that cannot file its marks fails, and the old ones stay", "[append-log]") {
  for (const bool fast : {false, true}) {
    AppendLives lives(small_log(fast));
    lives.put(0);
    REQUIRE(lives.log->set_cookie(bytes_of("old")));
    lives.commit();
    REQUIRE(lives.log->set_cookie(bytes_of("new")));
    lives.plain.failing_opens = 1;
    CHECK_FALSE(lives.log->commit(0));
    lives.die();
    lives.recover();
    CHECK(cookie_of(lives) == "old");
    lives.close();
  }
}

TEST_CASE("a reader with a name goes on where it was, in another life", "[append-log]") {
  AppendLives lives(small_log());
  lives.fill(0, 30);
  lives.commit();
  IteratorOptions named;
  named.name = "reader";
  {
    AppendLogIterator iterator(lives.plain.runtime(), *lives.log, named);
    REQUIRE(iterator.initialise());
    for (int i = 0; i < 12; ++i) REQUIRE(iterator.get_next());
    REQUIRE(iterator.keep_position());
  }
  CHECK(lives.read(named) == numbers(12, 30));
  lives.commit();
  lives.die();
  lives.recover();
  CHECK(lives.read(named) == numbers(12, 30));
  CHECK(lives.read() == numbers(0, 30));
  CHECK(lives.log->set_position("x", lives.log->tail() + 8).error().code == Errc::invalid);
  CHECK(lives.log->set_position("x", 65).error().code == Errc::invalid);
  lives.close();
}
