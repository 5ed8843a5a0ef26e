// SPDX-License-Identifier: Apache-2.0
// How a log gives up its oldest part: never beyond its tail, never before it is flushed, never from
// under a pin, and on the device last.
#include "engine/store/hybrid_log.hpp"

#include "tests/engine/store/store_fixture.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

/// A log without a store.
struct BareLog {
  explicit BareLog(const StoreOptions& options)
      : epoch(plain, slots), log(plain.runtime(), epoch, bugs) {
    REQUIRE(slots.initialise(plain, 8));
    REQUIRE(epoch.initialise(plain));
    device = *plain.open("log", {uint64_t{1} << options.segment_bits, options.sector_size});
    REQUIRE(log.initialise(options, *device));
    REQUIRE(log.ensure_page_after_tail());
  }
  LogAddr append(int64_t size) {
    Self& self = plain.self();
    for (int tries = 0; tries < 10; ++tries) {
      epoch.resume(self);
      const Allocation allocation = log.allocate(self, size);
      if (allocation.outcome == Allocate::ok) log.at(allocation.address).store_word(7);
      epoch.suspend(self);
      if (allocation.outcome == Allocate::ok) return allocation.address;
      plain.complete_all();
    }
    return kInvalidAddr;
  }
  LogAddr make_read_only() {
    Self& self = plain.self();
    epoch.resume(self);
    const LogAddr until = log.shift_ro_to_tail(self);
    epoch.suspend(self);
    return until;
  }
  Result<void> shift(LogAddr address) { return log.shift_begin(plain.self(), address); }
  LogAddr at(Boundary which) const { return log.load(which); }
  PlainDevice& file() { return plain.device("log"); }

  PlainRuntime plain;
  Bugs bugs;
  EpochSlots slots;
  EpochTable epoch;
  HybridLog log;
  Device* device = nullptr;
};

}  // namespace

TEST_CASE("begin takes everything below it along, in the middle of a page too") {
  BareLog bare(small_options(false));
  for (int i = 0; i < 21; ++i) REQUIRE(bare.append(128) != kInvalidAddr);
  const LogAddr begin = bare.log.tail() - 128;
  REQUIRE(bare.log.geometry().offset(begin) != 0);
  REQUIRE(bare.shift(begin));
  for (const Boundary which : {Boundary::begin, Boundary::head, Boundary::safe_head,
                               Boundary::closed, Boundary::flushed, Boundary::safe_ro}) {
    CHECK(bare.at(which) == begin);
  }
  REQUIRE(bare.append(128) == begin + 128);
  REQUIRE(bare.shift(begin));  // again, and backwards
  REQUIRE(bare.shift(64));
  CHECK(bare.at(Boundary::begin) == begin);
  REQUIRE(bare.shift(bare.log.tail()));
  CHECK(bare.at(Boundary::closed) == bare.log.tail());
  bare.log.close();
}

TEST_CASE("begin never passes the tail") {
  BareLog bare(small_options(false));
  REQUIRE(bare.append(128) == 64);
  for (const LogAddr wrong : {LogAddr{200}, LogAddr{1 << 20}, LogAddr{100}}) {
    const auto refused = bare.shift(wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::invalid);
  }
  CHECK(bare.at(Boundary::begin) == 64);
  bare.log.close();
}

TEST_CASE("a begin shift waits for the writes that are under way") {
  BareLog bare(small_options(false));
  bare.plain.queued = true;
  for (int i = 0; i < 6; ++i) REQUIRE(bare.append(256) != kInvalidAddr);
  bare.plain.held = true;
  const LogAddr begin = bare.make_read_only();
  CHECK_THROWS_AS(bare.shift(begin), std::logic_error);  // nobody can end the wait
  CHECK(bare.at(Boundary::begin) == begin);
  CHECK(bare.at(Boundary::head) < begin);
  bare.plain.held = false;
  REQUIRE(bare.shift(begin));
  CHECK(bare.at(Boundary::head) == begin);
  bare.log.close();
}

TEST_CASE("a begin shift of a log that has failed says so and waits for nobody") {
  BareLog bare(small_options(false));
  REQUIRE(bare.append(256) != kInvalidAddr);
  REQUIRE(bare.append(256) != kInvalidAddr);
  REQUIRE(bare.append(256) != kInvalidAddr);
  bare.file().failing_writes = 100;
  const auto failed = bare.shift(bare.make_read_only());
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::io);
  bare.log.close();
}

TEST_CASE("a begin shift stops below a pinned page until it is unpinned") {
  StoreOptions options = small_options(false);
  options.parked_pages_max = 0;
  BareLog bare(options);
  for (int i = 0; i < 6; ++i) REQUIRE(bare.append(256) != kInvalidAddr);
  REQUIRE(bare.log.frames().try_pin(1) == Pin::counted);
  const LogAddr begin = bare.log.tail();
  CHECK_THROWS_AS(bare.shift(begin), std::logic_error);
  CHECK(bare.at(Boundary::head) == 512);  // the start of the pinned page
  bare.log.frames().unpin(1);
  REQUIRE(bare.shift(begin));
  CHECK(bare.at(Boundary::closed) == begin);
  bare.log.close();
}

TEST_CASE("the device keeps what is at or above the page of begin, whatever one asks for") {
  BareLog bare(small_options(false));
  for (int i = 0; i < 20; ++i) REQUIRE(bare.append(256) != kInvalidAddr);
  const LogAddr begin = 3 * 512 + 256;
  REQUIRE(bare.shift(begin));
  CHECK(bare.file().truncated == 0);  // not before somebody says that nobody needs it
  bare.log.truncate_device(begin);
  CHECK(bare.file().truncated == 3 * 512);
  bare.log.close();
}

TEST_CASE("what a tolerant flusher cannot write becomes a hole, and the log goes on") {
  BareLog bare(small_options(false));
  bare.log.flusher().tolerate_failures();
  for (int i = 0; i < 4; ++i) REQUIRE(bare.append(256) != kInvalidAddr);
  const LogAddr lost = bare.log.tail();
  REQUIRE(bare.shift(64));
  bare.file().failing_writes = 3;  // as often as it is tried
  const LogAddr until = bare.make_read_only();
  REQUIRE(until == lost);
  REQUIRE(bare.log.flusher().wait_for(until));
  const Holes holes = bare.log.flusher().holes();
  REQUIRE(holes.size() == 1);
  CHECK(holes[0].until > holes[0].from);
  REQUIRE(bare.append(256) != kInvalidAddr);
  REQUIRE(bare.shift(bare.log.tail()));
  CHECK_FALSE(bare.log.flusher().failed());
  bare.log.close();
}

TEST_CASE("holes join where they touch, and there is room for a few") {
  Holes holes;
  REQUIRE(holes.add({200, 300}));
  REQUIRE(holes.add({64, 100}));
  REQUIRE(holes.add({400, 500}));
  REQUIRE(holes.size() == 3);
  REQUIRE(holes.add({300, 400}));
  REQUIRE(holes.size() == 2);
  CHECK(holes[1] == Hole{200, 500});
  CHECK(holes.first_in(100, 200) == nullptr);
  CHECK(holes.first_in(99, 200)->from == 64);
  CHECK(holes.first_in(100, 201)->from == 200);
  holes.drop_above(250);
  CHECK(holes[1] == Hole{200, 250});
  holes.drop_below(100);
  REQUIRE(holes.size() == 1);
  holes.drop_above(200);
  REQUIRE(holes.size() == 0);
  for (size_t i = 0; i < Holes::kMax; ++i) {
    const auto from = static_cast<LogAddr>(100 * (i + 1));
    REQUIRE(holes.add({from, from + 50}));
  }
  CHECK_FALSE(holes.add({10, 20}));
  REQUIRE(holes.add({150, 200}));  // joins two
  CHECK(holes.size() == Holes::kMax - 1);
}

TEST_CASE("begin passes no part of a page whose write is under way") {
  BareLog bare(small_options(false));
  bare.plain.queued = true;
  bare.plain.held = true;
  REQUIRE(bare.append(128) != kInvalidAddr);
  const LogAddr under_way = bare.make_read_only();
  REQUIRE(bare.append(128) != kInvalidAddr);
  const LogAddr begin = bare.log.tail();
  CHECK_THROWS_AS(bare.shift(begin), std::logic_error);
  CHECK(bare.at(Boundary::flushed) < under_way);
  CHECK(bare.at(Boundary::head) < under_way);
  bare.plain.held = false;
  REQUIRE(bare.shift(begin));
  bare.log.close();
}

TEST_CASE("a store gives up its oldest part: those keys are gone, with or without a device") {
  for (const bool null_main : {false, true}) {
    Fixture world(small_options(null_main));
    std::vector<LogAddr> addresses;
    for (int i = 0; i < 60; ++i) {
      addresses.push_back(world.upsert(key_of(i), value_of(i)).address);
    }
    const LogAddr begin = addresses[40];
    REQUIRE(world.store->shift_begin(begin));
    CHECK(world.at(Boundary::head) >= begin);
    for (int i = 0; i < 60; ++i) {
      INFO(i);
      CHECK(world.read(key_of(i)) == (i < 40 ? "<none>" : value_of(i)));
    }
    CHECK(world.add("number", 5).status == Status::ok);
    CHECK(world.add(key_of(3), 7).status == Status::ok);  // begins anew
    CHECK(world.number(key_of(3)) == 7);
    CHECK(world.erase(key_of(4)).status == Status::not_found);
    const auto refused = world.store->shift_begin(world.store->log().tail() + 8);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::invalid);
    world.check_chain();
    world.close();
  }
}

TEST_CASE("what a pending operation had asked for and was given up is not there") {
  Fixture world(small_options(false));
  const LogAddr first = world.upsert("old", "value").address;
  LogAddr last = first;
  for (int i = 0; i < 300; ++i) last = world.upsert(key_of(i), value_of(i)).address;
  REQUIRE(world.at(Boundary::head) > first);
  world.plain.queued = true;
  OpResult read_later;
  std::array<std::byte, 100> room{};
  REQUIRE(world.session->read(bytes_of("old"), room, &read_later).status == Status::pending);
  world.plain.queued = false;
  REQUIRE(world.store->shift_begin(last));
  world.session->complete_pending(true);
  CHECK(read_later.status == Status::not_found);
  world.close();
}

TEST_CASE("the device keeps what a checkpoint needs, and no more") {
  for (const uint32_t kept : {0U, 1U, 2U}) {
    StoreOptions options = small_options(false);
    options.checkpoints_kept = kept;
    Fixture world(options);
    const auto checkpoint = [&] {
      const auto ticket = world.store->start_checkpoint({LogCheckpoint::fold_over, false});
      REQUIRE(ticket);
      REQUIRE(world.store->wait_checkpoint(*ticket));
    };
    std::vector<LogAddr> addresses;
    for (int i = 0; i < 200; ++i) {
      addresses.push_back(world.upsert(key_of(i), value_of(i)).address);
    }
    checkpoint();
    REQUIRE(world.store->shift_begin(addresses[100]));
    PlainDevice& hlog = world.plain.device("db/hlog");
    CHECK(hlog.truncated == 0);
    checkpoint();
    const auto page = static_cast<uint64_t>(addresses[100] & ~LogAddr{511});
    CHECK(hlog.truncated == (kept == 1 ? page : 0));
    checkpoint();
    CHECK(hlog.truncated == (kept == 0 ? 0 : page));
    world.close();
    auto recovered = Store::recover(world.plain.runtime(), options, world.bugs);
    REQUIRE(recovered);
    world.store = std::move(*recovered);
    world.session = started_session(*world.store);
    CHECK(world.read(key_of(99)) == "<none>");
    CHECK(world.read(key_of(100)) == value_of(100));
    CHECK(world.read(key_of(199)) == value_of(199));
    world.close();
  }
}

TEST_CASE("the device keeps what a checkpoint needs that could not be removed") {
  StoreOptions options = small_options(false);
  options.checkpoints_kept = 1;
  Fixture world(options);
  const auto checkpoint = [&] {
    const auto ticket = world.store->start_checkpoint({LogCheckpoint::fold_over, false});
    REQUIRE(ticket);
    REQUIRE(world.store->wait_checkpoint(*ticket));
  };
  for (int i = 0; i < 200; ++i) world.upsert(key_of(i), value_of(i));
  checkpoint();
  REQUIRE(world.store->shift_begin(world.store->log().tail()));
  world.plain.failing_removes = 1;
  checkpoint();
  CHECK(world.plain.device("db/hlog").truncated == 0);
  checkpoint();
  CHECK(world.plain.device("db/hlog").truncated > 0);
  world.close();
}
