// SPDX-License-Identifier: Apache-2.0
// An operation that needs the device asks it as often as the policy says, and then has an answer.
#include "tests/engine/store/store_fixture.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

StoreOptions with_policy(uint32_t attempts, uint32_t delay_us) {
  StoreOptions options = small_options(false);
  options.main_io = {attempts, delay_us};
  return options;
}

void fill(Fixture& world) {
  for (int i = 0; i < 200; ++i) REQUIRE(world.upsert(key_of(i), value_of(i)).status == Status::ok);
}

/// A read that has failed once and is to be tried again later.
struct Waiting {
  explicit Waiting(Fixture& world) {
    world.plain.device("db/hlog").failing_reads = 1;
    const MutableBytes room{reinterpret_cast<std::byte*>(output.data()), output.size()};
    REQUIRE(world.session->read(bytes_of(key_of(3)), room, &later).status == Status::pending);
    later.status = Status::pending;
    world.session->complete_pending(false);
    REQUIRE(later.status == Status::pending);
    REQUIRE(world.session->pending_count() == 1);
  }
  std::string output = std::string(1000, 0);
  OpResult later;
};

}  // namespace

TEST_CASE("a read is tried as often as the policy says, and then fails its operation") {
  for (const int attempts : {1, 2, 3, 16}) {
    for (const uint32_t delay_us : {0U, 50U}) {
      INFO(attempts << " attempts, after " << delay_us << " us");
      Fixture world(with_policy(static_cast<uint32_t>(attempts), delay_us));
      fill(world);
      PlainDevice& device = world.plain.device("db/hlog");
      device.failing_reads = attempts - 1;
      CHECK(world.read(key_of(3)) == value_of(3));
      CHECK(world.plain.now().ns == (attempts - 1) * int64_t{delay_us} * 1000);
      device.failing_reads = attempts;
      CHECK(world.read(key_of(3)) == "<io>");
      CHECK(device.failing_reads == 0);
      device.short_reads = attempts - 1;
      CHECK(world.read(key_of(3)) == value_of(3));
      device.short_reads = attempts;
      CHECK(world.read(key_of(3)) == "<io>");
      world.close();
    }
  }
}

TEST_CASE("each record of a chain has all the attempts") {
  StoreOptions options = with_policy(2, 0);
  options.index_bits = 0;
  options.tag_bits = 0;  // all keys in one chain
  Fixture world(options);
  fill(world);
  PlainDevice& device = world.plain.device("db/hlog");
  device.failing_every = 2;
  CHECK(world.read(key_of(3)) == value_of(3));
  device.failing_every = 0;
  world.close();
}

TEST_CASE("a read that waits to be tried again is given up with its session") {
  Fixture world(with_policy(3, 1'000'000));
  fill(world);
  Waiting read(world);
  const int reads = world.plain.device("db/hlog").reads;
  world.session->abandon();
  CHECK(read.later.status == Status::failed);
  CHECK(read.later.error.code == Errc::cancelled);
  CHECK(world.plain.device("db/hlog").reads == reads);
  CHECK(world.plain.now().ns == 0);
  world.session = {};
  world.store->close();
}

TEST_CASE("a store that is emptied does not wait for a read that is to be tried again") {
  Fixture world(with_policy(3, 1'000));
  fill(world);
  Waiting read(world);
  REQUIRE(world.store->reset());
  const int reads = world.plain.device("db/hlog").reads;
  world.session->complete_pending(true);
  CHECK(read.later.status == Status::not_found);
  CHECK(world.plain.device("db/hlog").reads == reads);
  world.close();
}

TEST_CASE("a read is not tried again before its time") {
  Fixture world(with_policy(3, 1'000));
  fill(world);
  Waiting read(world);
  const int reads = world.plain.device("db/hlog").reads;
  for (int look = 0; look < 5; ++look) world.session->complete_pending(false);
  CHECK(world.plain.device("db/hlog").reads == reads);
  world.session->complete_pending(true);
  CHECK(read.later.status == Status::ok);
  CHECK(read.output.substr(0, read.later.value_size) == value_of(3));
  CHECK(world.plain.now().ns == 1'000'000);
  world.close();
}
