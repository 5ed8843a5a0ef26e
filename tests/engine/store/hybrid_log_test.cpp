// SPDX-License-Identifier: Apache-2.0
// The numbers of the log: lags at rest, holes at page ends, the end of all addresses.
#include "tests/engine/store/store_fixture.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

// Fills whole pages; the key is four bytes long.
void fill_pages(Fixture& world, int64_t pages) {
  const auto page_size = static_cast<size_t>(world.store->log().geometry().page_size());
  for (int64_t page = 0; page < pages; ++page) {
    const auto number = static_cast<uint32_t>(page);
    std::array<std::byte, 4> key{};
    put(key.data(), number);
    REQUIRE(world.session->upsert_zeros(key, page_size - 20).status == Status::ok);
  }
}

}  // namespace

TEST_CASE("40g in 32 MiB pages, scaled down: 128 pages between head and ro at rest") {
  StoreOptions options = small_options(true);
  options.memory_bits = 9 + 11;  // 2048 slots
  options.empty_pages = 768;
  options.mutable_permille = 900;
  options.keep_frames = false;
  Fixture world(options);
  CHECK(world.store->log().head_lag() == 1279 * 512);
  CHECK(world.store->log().ro_lag() == 1151 * 512);
  fill_pages(world, 2000);
  const LogAddr tail_page = world.store->log().tail() - 512;
  CHECK(world.at(Boundary::ro) == tail_page - 1151 * 512);
  CHECK(world.at(Boundary::head) == tail_page - 1279 * 512);
  CHECK(world.at(Boundary::ro) - world.at(Boundary::head) == 128 * 512);
  CHECK(world.at(Boundary::safe_ro) == world.at(Boundary::ro));
  CHECK(world.at(Boundary::closed) == world.at(Boundary::head));
  CHECK(world.plain.live_frames == 1281);  // in memory, and the one after the tail
  world.close();
}

TEST_CASE("lags of the sizes in the specification") {
  struct Row {
    uint32_t slot_bits, empty;
    int64_t lag, ro_lag;
  };
  for (const Row row : {Row{8, 0, 255, 229}, Row{9, 0, 511, 459}, Row{10, 256, 767, 690},
                        Row{10, 0, 1023, 920}, Row{11, 896, 1151, 1035}, Row{12, 0, 4095, 3685}}) {
    StoreOptions options = small_options(true);
    options.memory_bits = 9 + row.slot_bits;
    options.empty_pages = row.empty;
    options.mutable_permille = 900;
    Fixture world(options);
    CHECK(world.store->log().head_lag() == row.lag * 512);
    CHECK(world.store->log().ro_lag() == row.ro_lag * 512);
    world.close();
  }
}

TEST_CASE("memory taken away is left at once, and memory given back is used again") {
  StoreOptions options = small_options(true);  // eight pages
  options.empty_pages = 1;
  Fixture world(options);
  const auto pages_in_memory = [&] {
    return (world.store->log().tail() - 512 - world.at(Boundary::head)) / 512;
  };
  fill_pages(world, 20);
  CHECK(pages_in_memory() == 6);
  REQUIRE(world.store->set_empty_pages(4));
  CHECK(pages_in_memory() == 3);
  CHECK(world.at(Boundary::closed) == world.at(Boundary::head));
  world.check_chain();
  fill_pages(world, 20);
  CHECK(pages_in_memory() == 3);
  REQUIRE(world.store->set_empty_pages(1));
  CHECK(pages_in_memory() == 3);
  fill_pages(world, 20);
  CHECK(pages_in_memory() == 6);
  for (const uint32_t wrong : {0U, 8U, 9U}) {
    const auto refused = world.store->set_empty_pages(wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::invalid);
  }
  CHECK(pages_in_memory() == 6);
  world.close();
}

TEST_CASE("a record that does not fit leaves a hole") {
  Fixture world(small_options(true));
  CHECK(world.upsert("a", std::string(300, 'a')).address == 64);
  CHECK(world.upsert("b", std::string(300, 'b')).address == 512);
  CHECK(world.upsert("c", "c").address > 512);
  CHECK(world.read("a") == std::string(300, 'a'));
  world.close();
}

TEST_CASE("the log ends before its addresses do") {
  StoreOptions options = small_options(true);
  options.first_address = kAddrEnd - 6 * 512;
  Fixture world(options);
  int stored = 0;
  OpResult result;
  for (; stored < 100; ++stored) {
    result = world.upsert(key_of(stored), std::string(300, 'x'));
    if (result.status == Status::failed) break;
    CHECK(result.address < kAddrEnd);
  }
  CHECK(stored == 5);
  CHECK(result.error.code == Errc::too_large);
  CHECK(world.upsert("more", std::string(300, 'x')).error.code == Errc::too_large);
  CHECK(world.upsert("small", "y").status == Status::failed);
  CHECK(world.read(key_of(4)) == std::string(300, 'x'));
  world.close();
}

TEST_CASE("pages smaller than a sector have a stride of a sector") {
  StoreOptions options = small_options(false);
  options.page_bits = 6;
  options.memory_bits = 9;
  options.sector_size = 512;
  Fixture world(options);
  for (int number = 0; number < 60; ++number) {
    REQUIRE(world.upsert(key_of(number), "v" + std::to_string(number)).status == Status::ok);
  }
  for (int number = 0; number < 60; ++number) {
    CHECK(world.read(key_of(number)) == "v" + std::to_string(number));
  }
  CHECK(world.plain.device("db/hlog").size() % 512 == 0);
  world.close();
}
