// SPDX-License-Identifier: Apache-2.0
// A history keeps what clients asked and saw, and bytes tell whose they are.
#include "scenarios/history.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "tests/catch.hpp"

using namespace orrery::scenarios;
using orrery::engine::Bytes;
using orrery::engine::MutableBytes;

TEST_CASE("an operation is unknown until it ends") {
  History history;
  const size_t first = history.begin(1, OpKind::upsert, 7, 93, 10);
  const size_t second = history.begin(2, OpKind::read, 7, 0, 11);
  history.end(second,
              {.outcome = Outcome::ok, .step = 15, .result = 93, .address = 64, .version = 3});
  REQUIRE(history.operations().size() == 2);
  const Operation& open = history.operations()[first];
  REQUIRE(open.outcome == Outcome::unknown);
  REQUIRE(open.returned == kNeverReturned);
  REQUIRE(open.argument == 93);
  const Operation& read = history.operations()[second];
  REQUIRE(read.client == 2);
  REQUIRE(read.outcome == Outcome::ok);
  REQUIRE(read.result == 93);
  REQUIRE(read.invoked == 11);
  REQUIRE(read.returned == 15);
  REQUIRE(read.address == 64);
  REQUIRE(read.version == 3);
}

TEST_CASE("an operation that ends in doubt never returns") {
  History history;
  const size_t index = history.begin(1, OpKind::add, 7, 1, 10);
  history.end(index, {.outcome = Outcome::unknown, .step = 20});
  REQUIRE(history.operations()[index].outcome == Outcome::unknown);
  REQUIRE(history.operations()[index].returned == kNeverReturned);
}

TEST_CASE("clear forgets the operations and keeps the memory") {
  History history;
  for (uint32_t i = 0; i < 100; ++i) history.begin(i, OpKind::read, i, 0, i);
  const Operation* memory = history.operations().data();
  history.clear();
  REQUIRE(history.operations().empty());
  REQUIRE(history.begin(0, OpKind::read, 0, 0, 0) == 0);
  REQUIRE(history.operations().data() == memory);
}

TEST_CASE("operations that share a step are concurrent") {
  Operation first;
  Operation second;
  first.returned = 10;
  second.invoked = 10;
  REQUIRE_FALSE(before(first, second));
  second.invoked = 11;
  REQUIRE(before(first, second));
}

TEST_CASE("a value says its number at every length") {
  std::array<std::byte, 80> room{};
  for (size_t size = kEncodedSizeMin; size <= room.size(); ++size) {
    for (uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{93}, ~uint64_t{0}}) {
      room.fill(std::byte{0xEE});
      const Bytes value = encode_value(number, size, room);
      REQUIRE(value.size() == size);
      REQUIRE(decode_value(value) == number);
      REQUIRE(decode_key(key_bytes(number, size, room)) == number);
      // Nothing is written beyond the value.
      REQUIRE(std::all_of(room.begin() + static_cast<ptrdiff_t>(size), room.end(),
                          [](std::byte b) { return b == std::byte{0xEE}; }));
    }
  }
  for (size_t size = 0; size < kEncodedSizeMin; ++size) {
    REQUIRE_FALSE(decode_value(Bytes{room}.first(size)).has_value());
  }
}

TEST_CASE("every torn value is recognised") {
  std::array<std::byte, 64> old_room{};
  std::array<std::byte, 64> new_room{};
  for (uint64_t number = 0; number < 50; ++number) {
    encode_value(number, 64, old_room);
    encode_value(number + 1, 64, new_room);
    for (size_t seam = 8; seam < 64; seam += 8) {
      std::array<std::byte, 64> torn = new_room;
      std::copy(old_room.begin() + static_cast<ptrdiff_t>(seam), old_room.end(),
                torn.begin() + static_cast<ptrdiff_t>(seam));
      REQUIRE_FALSE(decode_value(torn).has_value());
    }
  }
}

TEST_CASE("every flipped bit behind the number is recognised") {
  std::array<std::byte, 37> room{};
  encode_value(123456789, room.size(), room);
  for (size_t bit = 0; bit < room.size() * 8; ++bit) {
    room[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
    // A flip in the number makes it another number, whose pattern is another as well.
    REQUIRE_FALSE(decode_value(room).has_value());
    room[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
  }
}

TEST_CASE("zeros and keys are no values") {
  std::array<std::byte, 24> room{};
  REQUIRE_FALSE(decode_value(room).has_value());
  key_bytes(5, room.size(), room);
  REQUIRE_FALSE(decode_value(room).has_value());
  encode_value(5, room.size(), room);
  REQUIRE_FALSE(decode_key(room).has_value());
}
