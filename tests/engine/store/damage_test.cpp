// SPDX-License-Identifier: Apache-2.0
// What is missing, damaged or another's is noticed and left as it is: by a recovery, by one that
// goes back, and by a store that would begin where one has been.
#include "engine/base/crc32c.hpp"
#include "tests/engine/store/lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

constexpr CheckpointRequest kFolded{LogCheckpoint::fold_over, false};
constexpr CheckpointRequest kFoldedWithIndex{LogCheckpoint::fold_over, true};

/// Recovers; the error, if there is one. A store that was recovered is closed again.
Error recovery_error(Lives& lives, const RecoverOptions& wanted = {}) {
  const auto recovered = lives.try_recover(wanted);
  if (!recovered) return recovered.error();
  lives.die();
  return {Errc::ok};
}

/// The address of each record on the main device, in order.
std::vector<LogAddr> records_on(Lives& lives, LogAddr until) {
  const auto& bytes = lives.plain.device("db/hlog").bytes;
  const Geometry geometry = HybridLog::geometry_of(lives.options);
  std::vector<LogAddr> all;
  for (LogAddr address = kFirstValid; address < until;) {
    const Bytes rest = Bytes(bytes).subspan(geometry.file_offset(address));
    if (get<uint64_t>(rest.data()) == 0) {
      address += kHeaderSize;
      continue;
    }
    const auto stage = look_at_image(rest, static_cast<int64_t>(rest.size()));
    REQUIRE(stage);
    all.push_back(address);
    address += stage->image.size;
  }
  return all;
}

/// The same metadata with another number of its format, and a checksum that is good.
void change_format(PlainDevice& file, const std::string& from, const std::string& to) {
  auto& bytes = file.bytes;
  const size_t size = get<uint32_t>(bytes.data());
  std::string text(text_of(Bytes{bytes.data() + 8, size}));
  REQUIRE(text.starts_with(from));
  REQUIRE(from.size() == to.size());
  text.replace(0, from.size(), to);
  std::memcpy(bytes.data() + 8, text.data(), size);
  put(bytes.data() + 4, crc32c(Bytes{bytes.data() + 8, size}));
}

}  // namespace

TEST_CASE("no page of a snapshot is believed that is not what was written") {
  for (const bool null_main : {false, true}) {
    Lives lives(small_options(null_main));
    lives.open();
    lives.fill(0, 300, "a");
    const uint64_t token = lives.checkpoint();
    lives.die();
    lives.recover();
    const CheckpointInfo info = lives.store->recovered();
    lives.die();
    const Geometry geometry = HybridLog::geometry_of(lives.options);
    const auto in_value = static_cast<uint64_t>(value_offset(std::ssize(key_of(0))));
    auto& bytes = lives.plain.device(file_of(token, &DeviceName::snapshot)).bytes;
    REQUIRE(info.pages > 1);
    for (uint64_t page = 0; page < info.pages; ++page) {
      INFO("page " << page << " of " << info.pages << ", a cache: " << null_main);
      // The mark that a value begins with: every length stays good, and only a checksum can tell.
      auto& byte = bytes[page * static_cast<uint64_t>(geometry.aligned_page) + in_value];
      REQUIRE(byte == std::byte{'a'});
      byte ^= std::byte{1};
      CHECK(recovery_error(lives).code == Errc::corrupt);
      byte ^= std::byte{1};
    }
    CHECK(recovery_error(lives).code == Errc::ok);
  }
}

TEST_CASE("a main log that is too short is corrupt, with the address where it ends") {
  for (const CheckpointRequest& request : {CheckpointRequest{}, kFolded, kFoldedWithIndex}) {
    Lives lives(small_options(false));
    lives.open();
    lives.fill(0, 300, "a");
    lives.checkpoint(request);
    const LogAddr flushed = lives.store->log().load(Boundary::flushed);
    lives.die();
    auto& bytes = lives.plain.device("db/hlog").bytes;
    const auto whole = bytes;
    REQUIRE(whole.size() >= static_cast<size_t>(flushed));
    for (const size_t size : {size_t{0}, size_t{64}, size_t{1024}, whole.size() - 64}) {
      bytes.resize(size);
      const Error error = recovery_error(lives);
      CHECK(error.code == Errc::corrupt);
      CHECK(error.where == std::max<LogAddr>(kFirstValid, static_cast<LogAddr>(size)));
      bytes = whole;
    }
    lives.recover();
    lives.check(lives.captured, 300);
    lives.die();
  }
}

TEST_CASE("a main log of which nothing is needed may be missing") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 5, "a");
  lives.checkpoint();
  REQUIRE(lives.plain.device("db/hlog").bytes.empty());
  lives.die();
  REQUIRE(lives.plain.remove("db/hlog"));
  lives.recover();
  lives.check(lives.captured, 5);
  lives.die();
}

TEST_CASE("a part of the log that was never written is not taken for empty") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 100, "a");
  lives.checkpoint(kFolded);
  const LogAddr end = lives.store->log().tail();
  lives.die();
  auto& bytes = lives.plain.device("db/hlog").bytes;
  const auto whole = bytes;
  const auto without = [&](LogAddr from, LogAddr until) {
    std::fill(bytes.begin() + from, bytes.begin() + until, std::byte{0});
    const Error error = recovery_error(lives);
    bytes = whole;
    return error;
  };
  // A whole page, wherever it is; that in which the log begins may be empty.
  for (LogAddr page = 512; page < end; page += 512) {
    const Error error = without(page, std::min<LogAddr>(page + 512, end));
    CHECK(error.code == Errc::corrupt);
    CHECK(error.where == page);
  }
  // A record with others behind it.
  const std::vector<LogAddr> records = records_on(lives, end);
  REQUIRE(records.size() == 100);
  for (size_t i = 0; i + 1 < records.size(); ++i) {
    if (records[i] / 512 != records[i + 1] / 512) continue;
    const Error error = without(records[i], records[i + 1]);
    CHECK(error.code == Errc::corrupt);
    CHECK(error.where == records[i]);
  }
  // The last one: the page was full up to there.
  CHECK(without(records.back(), end).where == records.back());
  lives.recover();
  lives.check(lives.captured, 100);
  lives.die();
}

TEST_CASE("where a record found no room there is no damage") {
  for (const CheckpointRequest& request : {CheckpointRequest{}, kFolded, kFoldedWithIndex}) {
    for (const LogAddr first :
         {LogAddr{64}, LogAddr{512 - 8}, LogAddr{1024}, LogAddr{1024 + 200}}) {
      StoreOptions options = small_options(false);
      options.first_address = first;
      Lives lives(options);
      lives.open();
      // The first record does not fit on the page where the log begins, and holes are of any size.
      lives.set("large", std::string(460, 'l'));
      for (int i = 0; i < 60; ++i)
        lives.set(key_of(i), std::string(static_cast<size_t>(10 + i * 7), 'v'));
      for (int life = 0; life < 4; ++life) {
        INFO(first << " " << life);
        lives.checkpoint(request);
        lives.set("lost", std::string(100, 'x'));
        lives.die();
        lives.recover();
        lives.check(lives.captured, 60);
        lives.model = lives.captured;
        for (int i = 0; i < 20; ++i)
          lives.set(key_of(i), std::string(static_cast<size_t>(30 + life * 90 + i), 'w'));
      }
      REQUIRE(lives.store->reset());
      lives.model.clear();
      lives.set("large", std::string(460, 'l'));
      lives.set(key_of(3), "again");
      lives.checkpoint(request);
      lives.die();
      lives.recover();
      lives.check(lives.captured, 60);
      CHECK(lives.read("large") == std::string(460, 'l'));
      lives.die();
    }
  }
}

TEST_CASE("a record that replaces a later one is corrupt, and stops nobody's process") {
  for (const CheckpointRequest& request : {kFolded, kFoldedWithIndex}) {
    StoreOptions options = small_options(false);
    options.memory_bits = 15;  // all of it stays in memory
    options.index_bits = 0;
    Lives lives(options);
    lives.open();
    lives.fill(0, 60, "a");
    lives.checkpoint(request);
    const LogAddr end = lives.store->log().tail();
    lives.die();
    auto& bytes = lives.plain.device("db/hlog").bytes;
    const auto whole = bytes;
    for (const LogAddr address : records_on(lives, end)) {
      for (const LogAddr prev : {address, address + 64, kAddrEnd - 8}) {
        const uint64_t word = get<uint64_t>(bytes.data() + address);
        put(bytes.data() + address,
            (word & ~RecordHeader::kPrevMask) | static_cast<uint64_t>(prev));
        const Error error = recovery_error(lives);
        CHECK(error.code == Errc::corrupt);
        CHECK(error.where == address);
        bytes = whole;
      }
    }
    lives.recover();
    lives.check(lives.captured, 60);
    lives.die();
  }
}

TEST_CASE("going back writes nothing before the newer checkpoints are gone for good") {
  StoreOptions options = small_options(false);
  options.index_bits = 3;
  options.tag_bits = 1;  // keys share chains
  Lives lives(options);
  lives.open();
  lives.fill(0, 100, "a");
  const uint64_t older = lives.checkpoint({LogCheckpoint::snapshot, true});
  lives.fill(0, 100, "b");
  lives.checkpoint();
  lives.die();
  lives.options.index_bits = 2;  // chains are linked anew, and written
  const std::vector<std::byte> before = lives.plain.device("db/hlog").bytes;
  for (int i = 0; i < 2; ++i) {
    lives.plain.failing_name_syncs = 1;
    CHECK(recovery_error(lives, {older}).code == Errc::io);
    CHECK(lives.plain.device("db/hlog").bytes == before);
  }
  lives.recover({older});
  CHECK(lives.plain.device("db/hlog").bytes != before);
  lives.die();
}

TEST_CASE("a newer checkpoint whose removal could not be synced is gone before going back writes") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 100, "a");
  const uint64_t older = lives.checkpoint();  // without an index, whose removal syncs names as well
  const Model captured = lives.captured;
  lives.fill(0, 100, "b");
  const std::string newer = file_of(lives.checkpoint(), &DeviceName::metadata);
  lives.die();
  lives.options.index_bits = 2;  // chains are linked anew, and written
  lives.options.tag_bits = 1;
  const PlainDevice& main = lives.plain.device("db/hlog");
  const std::vector<std::byte> before = main.bytes;
  lives.plain.failing_name_syncs = 1;
  CHECK(recovery_error(lives, {older}).code == Errc::io);
  CHECK(main.bytes == before);
  REQUIRE_FALSE(lives.plain.has(newer));
  std::unique_ptr<PlainDevice> unsynced = std::move(lives.plain.removed.back());
  // Nothing is left to remove. It writes, and power is lost before all of that is durable.
  const int syncs = lives.plain.name_syncs;
  lives.plain.device("db/hlog").failing_syncs = 1;
  CHECK(recovery_error(lives, {older}).code == Errc::io);
  CHECK(main.bytes != before);
  if (lives.plain.name_syncs == syncs) lives.plain.devices[newer] = std::move(unsynced);
  lives.recover();
  CHECK(lives.store->recovered().token == older);
  lives.check(captured, 100);
  lives.die();
}

TEST_CASE("going back removes nothing before the older checkpoint has been read") {
  for (const bool same_index : {false, true}) {
    const CheckpointRequest newer = same_index ? kFolded : CheckpointRequest{};
    StoreOptions options = small_options(false);
    options.index_bits = 3;
    options.tag_bits = 1;  // keys share chains
    options.main_io.attempts = 1;
    Lives lives(options);
    lives.open();
    lives.fill(0, 100, "a");
    const uint64_t older = lives.checkpoint({LogCheckpoint::snapshot, true});
    lives.fill(0, 100, "b");
    lives.checkpoint(newer);
    lives.die();
    if (!same_index) lives.options.index_bits = 2;  // chains would be linked anew, and written
    const Contents before = contents_of(lives.plain);
    const RecoverOptions wanted{older};
    const auto refused = [&](Errc code) {
      CHECK(recovery_error(lives, wanted).code == code);
      CHECK(contents_of(lives.plain) == before);
      CHECK(lives.plain.live_blocks == 0);
      CHECK(lives.plain.live_frames == 0);
    };
    PlainDevice& snapshot = lives.plain.device(file_of(older, &DeviceName::snapshot));
    snapshot.bytes[snapshot.bytes.size() / 2] ^= std::byte{0x10};
    CHECK(recovery_error(lives, wanted).code == Errc::corrupt);
    snapshot.bytes[snapshot.bytes.size() / 2] ^= std::byte{0x10};
    CHECK(contents_of(lives.plain) == before);
    for (const char* label : {"read ahead", "page table", "page table file"}) {
      lives.plain.failing_label = label;
      lives.plain.failing_allocations = 1;
      refused(Errc::no_memory);
    }
    for (const std::string& file :
         {file_of(older, &DeviceName::snapshot), file_of(older, &DeviceName::page_table),
          std::string("db/hlog")}) {
      lives.plain.device(file).failing_reads = 1;
      refused(Errc::io);
    }
    const Model newest = lives.captured;
    lives.recover();
    lives.check(newest, 100);
    lives.die();
    // And still there is a way back. From the first write on there is no other.
    if (!same_index) lives.options.index_bits = 1;
    lives.plain.device("db/hlog").failing_writes = same_index ? 0 : 1;
    CHECK(recovery_error(lives, wanted).code == (same_index ? Errc::ok : Errc::io));
    lives.recover(wanted);
    CHECK(lives.read(key_of(0)) == "a" + value_of(0));
    lives.die();
    lives.recover();
    CHECK(lives.store->recovered().token == older);
    CHECK(lives.read(key_of(99)) == "a" + value_of(99));
    lives.die();
  }
}

TEST_CASE("a store does not begin where one can be recovered") {
  for (const bool null_main : {false, true}) {
    Lives lives(small_options(null_main));
    lives.open();
    lives.fill(0, 20, "a");
    lives.checkpoint();
    lives.die();
    const Contents before = contents_of(lives.plain);
    const auto error_of_open = [&](const StoreOptions& options) {
      const auto opened = Store::open(lives.plain.runtime(), options, lives.bugs);
      return opened ? Errc::ok : opened.error().code;
    };
    CHECK(error_of_open(lives.options) == Errc::exists);
    StoreOptions other = lives.options;
    other.page_bits = 10;
    CHECK(error_of_open(other) == Errc::exists);
    CHECK(contents_of(lives.plain) == before);
    CHECK(lives.plain.live_blocks == 0);
    other.prefix = "other";
    CHECK(error_of_open(other) == Errc::ok);
    lives.recover();
    lives.check(lives.captured, 20);
    lives.die();
  }
}

TEST_CASE("a store begins anew where a life died before its first checkpoint of the log") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 200, "a");
  const uint64_t index = lives.checkpoint({LogCheckpoint::none, true});
  const uint64_t half = lives.checkpoint();
  lives.die();
  lives.plain.device(file_of(half, &DeviceName::metadata)).bytes[20] ^= std::byte{1};
  CHECK(lives.try_recover().error().code == Errc::not_found);
  lives.model.clear();
  lives.options.checkpoints_kept = 1;
  lives.open();
  lives.fill(0, 20, "b");
  // An index alone is no reason to remove anything.
  const Contents before = contents_of(lives.plain);
  lives.checkpoint({LogCheckpoint::none, true});
  for (const auto& [name, bytes] : before) CHECK(lives.plain.has(name));
  lives.checkpoint();
  CHECK_FALSE(lives.plain.has(file_of(half, &DeviceName::metadata)));
  CHECK_FALSE(lives.plain.has(file_of(index, &DeviceName::index_metadata)));
  lives.die();
  lives.recover();
  lives.check(lives.captured, 200);
  lives.die();
}

TEST_CASE("metadata of another format is refused, and neither passed over nor removed") {
  for (const bool of_index : {false, true}) {
    Lives lives(small_options(false));
    lives.options.checkpoints_kept = 2;
    lives.open();
    lives.fill(0, 60, "a");
    const uint64_t older = lives.checkpoint();
    lives.fill(0, 60, "b");
    const uint64_t newer = lives.checkpoint({LogCheckpoint::snapshot, true});
    lives.die();
    const std::string file =
        file_of(newer, of_index ? &DeviceName::index_metadata : &DeviceName::metadata);
    const std::string known = of_index ? "format 1" : "format 5";
    change_format(lives.plain.device(file), known, "format 9");
    const Contents before = contents_of(lives.plain);
    RecoverOptions until_first;
    until_first.version_max = 1;
    for (const RecoverOptions& wanted : {RecoverOptions{}, RecoverOptions{older}, until_first}) {
      const Error error = recovery_error(lives, wanted);
      CHECK(error.code == Errc::invalid);
      CHECK(error.where == 9);
    }
    const auto opened = Store::open(lives.plain.runtime(), lives.options, lives.bugs);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::invalid);
    CHECK(contents_of(lives.plain) == before);
    change_format(lives.plain.device(file), "format 9", known);
    lives.recover();
    lives.check(lives.captured, 60);
    lives.die();
  }
}

TEST_CASE("what is missing is corrupt, and is not made by looking for it") {
  for (const bool null_main : {false, true}) {
    Lives lives(small_options(null_main));
    lives.open();
    lives.fill(0, 100, "a");
    const uint64_t token = lives.checkpoint({LogCheckpoint::snapshot, true});
    lives.die();
    std::vector<std::string> needed{file_of(token, &DeviceName::snapshot),
                                    file_of(token, &DeviceName::page_table)};
    if (!null_main) needed.emplace_back("db/hlog");
    for (const std::string& name : needed) {
      auto device = lives.plain.devices.extract(name);
      const Contents before = contents_of(lives.plain);
      CHECK(recovery_error(lives).code == Errc::corrupt);
      CHECK(contents_of(lives.plain) == before);
      lives.plain.devices.insert(std::move(device));
    }
    for (const auto name : {&DeviceName::index_table, &DeviceName::index_metadata}) {
      auto device = lives.plain.devices.extract(file_of(token, name));
      lives.recover();
      CHECK_FALSE(lives.plain.has(file_of(token, name)));
      lives.die();
      lives.plain.devices.insert(std::move(device));
    }
  }
}

TEST_CASE("a checkpoint whose pages cannot be read back removes no other") {
  struct Row {
    DeviceName (*file)(std::string_view, uint64_t);
    CheckpointRequest request;
  };
  const Row rows[] = {{&DeviceName::snapshot, {LogCheckpoint::snapshot, false}},
                      {&DeviceName::page_table, {LogCheckpoint::snapshot, false}},
                      {&DeviceName::metadata, {LogCheckpoint::snapshot, false}},
                      {&DeviceName::index_table, {LogCheckpoint::snapshot, true}},
                      {&DeviceName::index_metadata, {LogCheckpoint::snapshot, true}},
                      {&DeviceName::index_table, {LogCheckpoint::none, true}},
                      {&DeviceName::index_metadata, {LogCheckpoint::none, true}}};
  for (const Row& row : rows) {
    StoreOptions options = small_options(false);
    options.checkpoints_kept = 1;
    Lives lives(options);
    lives.open();
    lives.fill(0, 60, "a");
    const uint64_t older = lives.checkpoint({LogCheckpoint::snapshot, true});
    lives.fill(0, 60, "b");
    // The device of the next one says that a page was written, and it was not.
    const std::string file = file_of(older + 1, row.file);
    DeviceOptions sectors;
    sectors.sector_size = options.sector_size;
    REQUIRE(lives.plain.open(file, sectors));
    lives.plain.device(file).lost_writes = 1;
    INFO(file);
    const auto ticket = lives.store->start_checkpoint(row.request);
    REQUIRE(ticket);
    CHECK(ticket->token == older + 1);
    CHECK(lives.store->wait_checkpoint(*ticket).error().code == Errc::corrupt);
    CHECK_FALSE(lives.plain.has(file));
    lives.die();
    lives.recover();
    CHECK(lives.store->recovered().token == older);
    lives.check(lives.captured, 60);
    lives.die();
  }
}
