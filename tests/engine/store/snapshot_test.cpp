// SPDX-License-Identifier: Apache-2.0
// A checkpoint holds what was there, or fails and leaves no file; bugs come back on request.
#include <optional>

#include "engine/store/metadata.hpp"
#include "engine/store/names.hpp"
#include "tests/engine/store/store_fixture.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

using Image = std::map<std::string, std::string>;

std::string file(uint64_t token, bool metadata) {
  const DeviceName name =
      metadata ? DeviceName::metadata("db", token) : DeviceName::snapshot("db", token);
  return std::string(name.view());
}

DecodedMetadata metadata_of(Fixture& world, uint64_t token) {
  const auto decoded = decode_metadata(world.plain.device(file(token, true)).bytes, {});
  REQUIRE(decoded);
  return *decoded;
}

// Walks the records of one page, whose bytes stand at `at`, and applies those of the version.
void apply_page(Bytes bytes, size_t at, LogAddr from, LogAddr until, LogAddr fuzzy_start,
                Image& image) {
  const LogAddr start = from;
  for (LogAddr address = from; address < until;) {
    const size_t place = at + static_cast<size_t>(address - start);
    REQUIRE(place + 8 <= bytes.size());
    const RecordHeader header{get<uint64_t>(bytes.data() + place)};
    if (header.is_hole()) {
      address += 8;
      continue;
    }
    const auto limit = static_cast<size_t>(until - address);
    const auto stage =
        look_at_image(bytes.subspan(place, std::min(limit, bytes.size() - place)), until - address);
    REQUIRE(stage);
    REQUIRE(stage->complete);
    const bool newer = header.has(RecordHeader::kInNewVersion) && address >= fuzzy_start;
    const std::string key(text_of(stage->image.key));
    if (header.has(RecordHeader::kValid) && !newer) {
      image[key] = std::string(text_of(stage->image.value));
      if (header.has(RecordHeader::kTombstone)) image.erase(key);
    }
    address += stage->image.size;
  }
}

// What a checkpoint says: whole pages of the main log up to `flushed`, the rest from the snapshot.
Image image_of(Fixture& world, const CheckpointInfo& info) {
  Image image;
  const auto& geometry = world.store->log().geometry();
  const auto& snapshot = world.plain.device(file(info.token, false)).bytes;
  const int64_t first = geometry.page(info.snapshot_start);
  for (int64_t page = geometry.page(info.begin); geometry.page_start(page) < info.final; ++page) {
    const LogAddr from = std::max(geometry.page_start(page), kFirstValid);
    const bool in_main = !info.null_main && geometry.page_end(page) <= info.flushed;
    if (!in_main && page < first) continue;
    const int64_t place = geometry.aligned_page * (in_main ? page : page - first);
    const auto& bytes = in_main ? world.plain.device("db/hlog").bytes : snapshot;
    apply_page(bytes, static_cast<size_t>(place + geometry.offset(from)), from,
               std::min(geometry.page_end(page), info.final), info.start, image);
  }
  return image;
}

Image readable(Fixture& world, int keys) {
  Image image;
  for (int number = 0; number < keys; ++number) {
    const std::string value = world.read(key_of(number));
    if (value != "<none>") image[key_of(number)] = value;
  }
  return image;
}

// A world that is never closed, because its checkpoint hangs.
[[maybe_unused]] Fixture& hung(const StoreOptions& options, const Bugs& bugs) {
  static auto& worlds = *new std::vector<Fixture*>();
  worlds.push_back(new Fixture(options, bugs));
  return *worlds.back();
}

CheckpointResult checkpoint(Fixture& world) {
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  const auto result = world.store->wait_checkpoint(*ticket);
  REQUIRE(result);
  CHECK(result->token == ticket->token);
  return *result;
}

}  // namespace

TEST_CASE("a checkpoint at rest equals the store") {
  for (const bool null_main : {false, true}) {
    for (const int throttle : {-1, 0, 5}) {
      for (const bool queued : {false, true}) {
        for (const bool barrier : {false, true}) {
          StoreOptions options = small_options(null_main);
          options.throttle_ms = throttle;
          options.version_barrier = barrier;
          Fixture world(options);
          world.plain.queued = queued;
          for (int round = 0; round < 300; ++round) {
            const std::string key = key_of(round % 90);
            if (round % 7 == 0) {
              world.erase(key);
            } else {
              world.upsert(key, value_of(round, static_cast<size_t>(10 + round % 5)));
            }
          }
          const Image before = readable(world, 90);
          const CheckpointResult result = checkpoint(world);
          CHECK(world.store->version() == 2);
          const DecodedMetadata decoded = metadata_of(world, result.token);
          CHECK(decoded.info == result.info);
          CHECK(decoded.info.version == 1);
          CHECK(decoded.info.final == world.store->log().tail());
          CHECK(decoded.info.flushed <= decoded.info.final);
          CHECK(decoded.session_count == 1);
          CHECK(image_of(world, decoded.info) == before);
          CHECK(world.plain.name_syncs >= 2);
          CHECK(world.plain.device(file(result.token, false)).syncs == 1);
          CHECK(world.upsert("after", "x").version == 2);
          world.close();
        }
      }
    }
  }
}

TEST_CASE("checkpoints follow one another, also of an empty store") {
  Fixture world(small_options(true));
  for (uint64_t number = 1; number <= 20; ++number) {
    const CheckpointResult result = checkpoint(world);
    CHECK(result.token == number);
    CHECK(result.info.version == number);
    CHECK(world.upsert("key", "value").version == number + 1);
  }
  CheckpointTicket forgotten;
  forgotten.token = 1;
  CHECK(world.store->wait_checkpoint(forgotten).error().code == Errc::not_found);
  world.close();
}

TEST_CASE("a second checkpoint is refused while one runs, and sessions drive the first") {
  StoreOptions options = small_options(true);
  Fixture world(options);
  world.plain.queued = true;
  world.upsert("a", "1");
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  CHECK(world.store->start_checkpoint().error().code == Errc::exists);
  for (int round = 0; round < 50 && !world.store->checkpoint_ended(*ticket); ++round) {
    world.session->refresh();
    world.plain.complete_all();
  }
  CHECK(world.store->checkpoint_ended(*ticket));
  CHECK(world.store->wait_checkpoint(*ticket));
  CHECK(world.session->version() == 2);
  world.close();
}

TEST_CASE("what comes after the switch is not in the checkpoint") {
  StoreOptions options = small_options(true);
  options.throttle_ms = -1;
  Fixture world(options);
  world.plain.queued = true;
  world.plain.held = true;
  for (int number = 0; number < 20; ++number) world.upsert(key_of(number), value_of(number));
  const Image before = readable(world, 30);
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  for (int round = 0; round < 5; ++round) world.session->refresh();
  CHECK(world.session->version() == 2);
  for (int number = 10; number < 30; ++number) {
    // The same size: in place, were it not for the checkpoint.
    const OpResult result = world.upsert(key_of(number), value_of(number + 500));
    CHECK(result.version == 2);
  }
  CHECK(world.add("n", 1).version == 2);
  const LogAddr made = world.add("n", 1).address;
  CHECK(world.add("n", 1).address == made);  // of the new version: in place again
  world.erase(key_of(0));
  world.plain.held = false;
  const auto result = world.store->wait_checkpoint(*ticket);
  REQUIRE(result);
  CHECK(image_of(world, result->info) == before);
  CHECK(world.read(key_of(0)) == "<none>");
  CHECK(world.read(key_of(15)) == value_of(515));
  world.close();
}

TEST_CASE("pages that are evicted while they are written are parked") {
  for (const bool keep_frames : {false, true}) {
    for (const uint32_t parked_max : {0U, 2U, 4U}) {
      StoreOptions options = small_options(true);
      options.keep_frames = keep_frames;
      options.parked_pages_max = parked_max;
      options.throttle_ms = -1;
      Fixture world(options);
      for (int number = 0; number < 100; ++number) world.upsert(key_of(number), value_of(number));
      const Image before = readable(world, 100);
      const auto ticket = world.store->start_checkpoint();
      REQUIRE(ticket);
      world.plain.queued = true;
      world.plain.held = true;
      for (int round = 0; round < 5; ++round) world.session->refresh();
      const LogAddr head = world.at(Boundary::head);
      const auto& geometry = world.store->log().geometry();
      // As many pages as can be parked, and no more.
      const int64_t pages = parked_max == 0 ? 0 : parked_max;
      for (int number = 200; world.at(Boundary::head) < head + pages * geometry.page_size();
           ++number) {
        REQUIRE(world.upsert(key_of(number), value_of(number)).status == Status::ok);
      }
      world.plain.held = false;
      const auto result = world.store->wait_checkpoint(*ticket);
      REQUIRE(result);
      CHECK(image_of(world, result->info) == before);
      for (int number = 500; number < 700; ++number) {
        REQUIRE(world.upsert(key_of(number), value_of(number)).status == Status::ok);
      }
      world.close();
    }
  }
}

TEST_CASE("whatever fails makes the checkpoint fail, and only that") {
  const auto breaks = [](auto sabotage, Errc code) {
    for (const int throttle : {-1, 0}) {
      StoreOptions options = small_options(false);
      options.throttle_ms = throttle;
      Fixture world(options);
      for (int number = 0; number < 100; ++number) world.upsert(key_of(number), value_of(number));
      const auto ticket = world.store->start_checkpoint();
      REQUIRE(ticket);
      sabotage(world);
      const auto result = world.store->wait_checkpoint(*ticket);
      REQUIRE_FALSE(result);
      CHECK(result.error().code == code);
      CHECK(world.plain.devices.count(file(ticket->token, true)) == 0);
      CHECK(world.plain.devices.count(file(ticket->token, false)) == 0);
      CHECK(world.store->version() == 2);
      CHECK(world.upsert("after", "x").version == 2);
      world.plain.failing_allocations = 0;
      const Image before = readable(world, 100);
      Image after = image_of(world, checkpoint(world).info);
      after.erase("after");
      CHECK(after == before);
      world.close();
    }
  };
  breaks([](Fixture& world) { world.plain.failing_opens = 1; }, Errc::io);
  breaks([](Fixture& world) { world.plain.device("db/hlog").failing_syncs = 1; }, Errc::io);
  for (const char* label : {"snapshot page", "page copy", "session points", "metadata"}) {
    breaks(
        [label](Fixture& world) {
          world.plain.failing_label = label;
          world.plain.failing_allocations = 1;
        },
        Errc::no_memory);
  }
}

TEST_CASE("a snapshot device that fails makes the checkpoint fail") {
  for (const int throttle : {-1, 0}) {
    for (const int what : {0, 1, 2, 3, 4}) {
      StoreOptions options = small_options(true);
      options.throttle_ms = throttle;
      Fixture world(options);
      for (int number = 0; number < 100; ++number) world.upsert(key_of(number), value_of(number));
      // The files exist already, so that they can be told to fail.
      DeviceOptions device;
      device.sector_size = 64;
      REQUIRE(world.plain.open(file(1, what >= 3), device));
      PlainDevice& broken = world.plain.device(file(1, what >= 3));
      if (what == 0 || what == 3) broken.failing_writes = 1;
      if (what == 1) broken.short_writes = 1;
      if (what == 2 || what == 4) broken.failing_syncs = 1;
      const auto ticket = world.store->start_checkpoint();
      REQUIRE(ticket);
      CHECK(ticket->token == 1);
      CHECK(world.store->wait_checkpoint(*ticket).error().code == Errc::io);
      CHECK(world.plain.devices.count(file(1, true)) == 0);
      CHECK(world.plain.devices.count(file(1, false)) == 0);
      CHECK(checkpoint(world).token == 2);
      world.close();
    }
  }
}

TEST_CASE("no task to write a snapshot fails it") {
  Fixture world(small_options(true));
  world.upsert("a", "b");
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  world.plain.failing_spawns = 1;
  CHECK(world.store->wait_checkpoint(*ticket).error().code == Errc::no_memory);
  CHECK(checkpoint(world).token == 2);
  world.close();
}

TEST_CASE("a session that drives a checkpoint does not commit it, unless there is nobody else") {
  for (const bool alone : {false, true}) {
    StoreOptions options = small_options(true);
    options.throttle_ms = -1;  // no task for the snapshot either
    Fixture world(options);
    world.upsert("a", "b");
    const auto ticket = world.store->start_checkpoint();
    REQUIRE(ticket);
    if (alone) world.plain.failing_spawns = 1;
    while (!world.store->checkpoint_ended(*ticket)) world.session->refresh();
    CHECK(world.store->wait_checkpoint(*ticket));
    CHECK(world.plain.failing_spawns == 0);
    CHECK((world.plain.names_synced_by == world.plain.self().id) == alone);
    CHECK(checkpoint(world).token == 2);
    world.close();
  }
}

TEST_CASE("tokens of an earlier life are not used again") {
  PlainRuntime plain;
  const Bugs bugs;
  for (uint64_t life = 1; life <= 3; ++life) {
    auto store = life == 1 ? Store::open(plain.runtime(), small_options(true), bugs)
                           : Store::recover(plain.runtime(), small_options(true), bugs);
    REQUIRE(store);
    const auto ticket = (*store)->start_checkpoint();
    REQUIRE(ticket);
    CHECK(ticket->token == life);
    CHECK((*store)->wait_checkpoint(*ticket));
    (*store)->close();
  }
}

TEST_CASE("a snapshot with nothing to write") {
  Fixture world(small_options(false));
  // The tail stands at a page boundary and everything is flushed.
  world.upsert("fill", std::string(492, 'x'));
  REQUIRE(world.store->flush());
  REQUIRE(world.store->log().geometry().offset(world.at(Boundary::flushed)) == 0);
  const CheckpointResult result = checkpoint(world);
  CHECK(result.info.snapshot_start == result.info.final);
  CHECK(world.plain.device(file(result.token, false)).writes == 0);
  world.close();
}

#ifndef ORRERY_NO_SWITCHES

TEST_CASE("garnet-1413 never ends where there is nothing to write") {
  Bugs bugs;
  bugs.garnet_1413.on = true;
  Fixture& world = hung(small_options(false), bugs);
  world.upsert("fill", std::string(492, 'x'));
  REQUIRE(world.store->flush());
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  CHECK_THROWS_AS(world.store->wait_checkpoint(*ticket), std::logic_error);
  CHECK(world.bugs.garnet_1413.reached.value() == 1);
}

TEST_CASE("garnet-1679b.a never ends when its runner fails") {
  Bugs bugs;
  bugs.garnet_1679b_a.on = true;
  Fixture& world = hung(small_options(true), bugs);
  world.upsert("a", "b");
  const auto ticket = world.store->start_checkpoint();
  REQUIRE(ticket);
  world.plain.failing_label = "page copy";
  world.plain.failing_allocations = 1;
  CHECK_THROWS_AS(world.store->wait_checkpoint(*ticket), std::logic_error);
  CHECK(world.bugs.garnet_1679b_a.reached.value() == 1);
}

TEST_CASE("spec-d9 names a flushed address above the final one") {
  for (const bool broken : {false, true}) {
    Bugs bugs;
    bugs.spec_d9.on = broken;
    StoreOptions options = small_options(false);
    options.throttle_ms = -1;
    Fixture world(options, bugs);
    for (int number = 0; number < 20; ++number) world.upsert(key_of(number), value_of(number));
    const auto ticket = world.store->start_checkpoint();
    REQUIRE(ticket);
    for (int round = 0; round < 4; ++round) world.session->refresh();
    for (int number = 0; number < 100; ++number) world.upsert(key_of(number), value_of(number));
    const auto result = world.store->wait_checkpoint(*ticket);
    REQUIRE(result);
    if (broken) CHECK(world.bugs.spec_d9.reached.value() == 1);
    if (!broken) CHECK(result->info.flushed <= result->info.final);
    world.close();
  }
}

TEST_CASE("garnet-385 walks a foreign page at the scale of 1 : 65536") {
  for (const bool broken : {false, true}) {
    Bugs bugs;
    bugs.garnet_385.on = broken;
    StoreOptions options = small_options(true);
    options.memory_bits = 9 + 11;
    options.empty_pages = 768;
    options.mutable_permille = 900;
    options.width_bits = 16;
    Fixture& world = hung(options, bugs);
    std::array<std::byte, 4> key{};
    for (uint32_t number = 0; number < 1400; ++number) {
      put(key.data(), number);
      REQUIRE(world.session->upsert_zeros(key, 512 - 20).status == Status::ok);
    }
    REQUIRE(world.at(Boundary::ro) - world.at(Boundary::head) == 128 * 512);
    const Frame* const victim = world.store->log().at(world.at(Boundary::safe_ro)).frame();
    REQUIRE(RecordHeader{get<uint64_t>(victim->base)}.has(RecordHeader::kDirty));
    // The second walk would leave its frame, which nobody sees here: it does not happen.
    world.plain.queued = true;
    world.plain.completions_left = broken ? 1 : 1 << 20;
    const auto ticket = world.store->start_checkpoint();
    REQUIRE(ticket);
    if (broken) {
      CHECK_THROWS_AS(world.store->wait_checkpoint(*ticket), std::logic_error);
      CHECK_FALSE(RecordHeader{get<uint64_t>(victim->base)}.has(RecordHeader::kDirty));
      CHECK(world.bugs.garnet_385.reached.value() == 1);
    } else {
      CHECK(world.store->wait_checkpoint(*ticket));
      world.close();
    }
  }
}

#endif
