// SPDX-License-Identifier: Apache-2.0
// Values that change their size where they stand, records that leave their chain, and reads that
// copy: what they leave behind can be walked, and nobody sees a difference.
#include "tests/engine/store/store_fixture.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

RecordHeader header_at(const Fixture& world, LogAddr address) {
  return RecordHeader{world.store->log().at(address).load_word()};
}

int64_t step_at(const Fixture& world, LogAddr address) {
  return record_step(world.store->log().at(address), header_at(world, address));
}

}  // namespace

TEST_CASE("a value shrinks and grows again where it stands, and its record keeps its size") {
  Fixture world(small_options(true));
  const LogAddr place = world.upsert("key", std::string(60, 'a')).address;
  const int64_t size = step_at(world, place);
  CHECK_FALSE(header_at(world, place).has(RecordHeader::kFiller));
  for (size_t length = 0; length <= 60; ++length) {
    const std::string value(length, static_cast<char>('a' + length % 26));
    REQUIRE(world.upsert("key", value).address == place);
    CHECK(world.read("key") == value);
    CHECK(step_at(world, place) == size);
    const bool filled = record_size(3, static_cast<int64_t>(length)) < size;
    CHECK(header_at(world, place).has(RecordHeader::kFiller) == filled);
  }
  CHECK(world.upsert("key", std::string(size_t{70}, 'z')).address > place);
  world.close();
}

TEST_CASE("a read-modify-write changes a size in place as well") {
  Fixture world(small_options(true));
  const LogAddr place = world.add("n", 5).address;
  CHECK(world.add("n", 1, 3).address == place);  // within the padding of the record
  CHECK(world.number("n") == 6);
  CHECK(world.last.value_size == 11);
  CHECK(world.add("n", 1, 30).address > place);
  CHECK(world.number("n") == 7);
  world.close();
}

TEST_CASE("a record with a filler is read back from the device") {
  Fixture world(small_options(false));
  for (int i = 0; i < 40; ++i) world.upsert(key_of(i), std::string(50, 'l'));
  for (int i = 0; i < 40; ++i) world.upsert(key_of(i), std::string(static_cast<size_t>(i), 's'));
  for (int i = 100; i < 300; ++i) world.upsert(key_of(i), value_of(i));
  int pending = 0;
  for (int i = 0; i < 40; ++i) {
    CHECK(world.read(key_of(i)) == std::string(static_cast<size_t>(i), 's'));
    pending += world.last_was_pending ? 1 : 0;
  }
  CHECK(pending == 40);
  world.close();
}

TEST_CASE("a record that is replaced while it is young leaves its chain") {
  StoreOptions options = small_options(true);
  options.index_bits = 0;
  options.tag_bits = 0;  // one chain
  Fixture world(options);
  const LogAddr other = world.upsert("other", "x").address;
  const LogAddr first = world.upsert("key", "small").address;
  CHECK(header_at(world, first).prev() == other);
  const LogAddr second = world.upsert("key", std::string(50, 'l')).address;
  CHECK(header_at(world, second).prev() == other);
  CHECK_FALSE(header_at(world, first).has(RecordHeader::kValid));
  CHECK(header_at(world, first).has(RecordHeader::kSealed));
  CHECK(step_at(world, first) == record_size(3, 5));
  // One that is not the newest of its chain stays.
  const LogAddr third = world.upsert("other", std::string(50, 'm')).address;
  CHECK(header_at(world, third).prev() == second);
  CHECK(header_at(world, other).has(RecordHeader::kValid | RecordHeader::kSealed));
  CHECK(world.read("key") == std::string(50, 'l'));
  CHECK(world.read("other") == std::string(50, 'm'));
  world.close();
}

TEST_CASE("an erased record goes with its entry if nothing stood behind it, and else stays") {
  Fixture world(small_options(false));
  const LogAddr alone = world.upsert("alone", "x").address;
  CHECK(world.erase("alone").status == Status::ok);
  CHECK_FALSE(header_at(world, alone).has(RecordHeader::kValid));
  CHECK(world.read("alone") == "<none>");
  CHECK(world.erase("alone").status == Status::not_found);
  CHECK(world.upsert("alone", "again").status == Status::ok);
  CHECK(world.read("alone") == "again");
  // What is on the device would show again.
  world.upsert("old", "x");
  for (int i = 0; i < 300; ++i) world.upsert(key_of(i), value_of(i));
  const LogAddr young = world.upsert("old", "y").address;
  CHECK(world.erase("old").status == Status::ok);
  CHECK(header_at(world, young).has(RecordHeader::kValid | RecordHeader::kTombstone));
  CHECK(world.read("old") == "<none>");
  world.close();
}

TEST_CASE("reads copy what they find to the tail, if they are to") {
  for (const CopyReads copy :
       {CopyReads::none, CopyReads::from_device, CopyReads::from_immutable}) {
    StoreOptions options = small_options(false);
    options.copy_reads = copy;
    Fixture world(options);
    const LogAddr written = world.upsert("key", "value").address;
    for (int i = 0; i < 300; ++i) world.upsert(key_of(i), value_of(i));
    REQUIRE(written < world.at(Boundary::head));
    CHECK(world.read("key") == "value");
    CHECK(world.last_was_pending);
    const bool copied = copy != CopyReads::none;
    CHECK((world.last.address >= world.at(Boundary::ro)) == copied);
    CHECK(world.read("key") == "value");
    CHECK(world.last_was_pending != copied);
    // In memory, but no longer to be updated in place.
    REQUIRE(world.store->flush());
    const LogAddr before = world.last.address;
    CHECK(world.read(key_of(299)) == value_of(299));
    const bool from_memory = copy == CopyReads::from_immutable;
    CHECK((world.last.address >= world.at(Boundary::ro)) == from_memory);
    CHECK(world.read(key_of(299)) == value_of(299));
    CHECK(before != world.last.address);
    world.check_chain();
    world.close();
  }
}
