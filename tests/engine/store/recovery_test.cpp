// SPDX-License-Identifier: Apache-2.0
// From files to a running store: what was captured is there, what came after is not, whatever the
// memory; and what is damaged is reported.
#include "tests/engine/store/lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

TEST_CASE("a recovered store holds what was captured, and nothing that came after") {
  for (const bool inline_writes : {false, true}) {
    StoreOptions options = small_options(false);
    options.throttle_ms = inline_writes ? -1 : 0;
    Lives lives(options);
    lives.open();
    lives.fill(0, 100, "a");
    lives.erase(key_of(7));
    lives.erase(key_of(99));
    lives.checkpoint();
    const uint64_t version = lives.store->version();
    lives.fill(50, 150, "b");
    lives.erase(key_of(3));
    lives.die();
    lives.recover();
    CHECK(lives.store->version() == version);
    CHECK(lives.store->recovered().version == version - 1);
    lives.check(lives.captured, 150);
    // It goes on, through evictions, and may be captured again.
    lives.model = lives.captured;
    lives.fill(100, 250, "c");
    lives.check(lives.model, 250);
    lives.checkpoint();
    lives.set(key_of(0), "lost");
    lives.die();
    lives.recover();
    lives.check(lives.captured, 250);
    lives.die();
  }
}

TEST_CASE("recovering twice is recovering once") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 200, "a");
  lives.checkpoint();
  lives.fill(0, 100, "b");
  lives.die();
  lives.recover();
  const LogAddr tail = lives.store->log().tail();
  const auto main = lives.plain.device("db/hlog").bytes;
  lives.die();
  lives.recover();
  CHECK(lives.store->log().tail() == tail);
  CHECK(lives.plain.device("db/hlog").bytes == main);
  lives.check(lives.captured, 200);
  lives.die();
}

TEST_CASE("memory may be smaller or larger than it was") {
  for (const uint32_t memory_bits : {10U, 11U, 13U, 15U}) {
    for (const uint32_t index_bits : {0U, 4U, 8U}) {
      Lives lives(small_options(false));
      lives.open();
      lives.fill(0, 120, "a");
      lives.fill(20, 60, "b");
      lives.checkpoint();
      lives.fill(0, 40, "c");
      lives.die();
      lives.options.memory_bits = memory_bits;
      lives.options.index_bits = index_bits;
      INFO(memory_bits << " " << index_bits);
      lives.recover();
      const LogAddr in_memory = lives.store->log().tail() - lives.store->log().load(Boundary::head);
      CHECK(in_memory <= (int64_t{1} << memory_bits));
      lives.check(lives.captured, 120);
      lives.model = lives.captured;
      lives.fill(100, 200, "d");
      lives.check(lives.model, 200);
      lives.die();
    }
  }
}

TEST_CASE("each recovery leaves on the main device the chains of its own index") {
  for (const auto& [first_bits, second_bits] :
       std::vector<std::pair<uint32_t, uint32_t>>{{0, 4}, {4, 0}, {1, 3}, {3, 1}, {8, 0}}) {
    Lives lives(small_options(false));
    lives.options.tag_bits = 0;  // so that keys share chains
    lives.options.index_bits = second_bits;
    lives.open();
    lives.fill(0, 37, "a");
    REQUIRE(lives.store->flush());  // up to the middle of a page
    lives.fill(30, 50, "b");
    lives.checkpoint();
    for (const uint32_t bits : {first_bits, second_bits}) {
      lives.die();
      lives.options.index_bits = bits;
      lives.recover();
    }
    lives.fill(100, 200, "c");  // until none of it is in memory
    INFO(first_bits << " " << second_bits);
    lives.check(lives.captured, 50);
    lives.die();
  }
}

TEST_CASE("a cache recovers what was in memory") {
  for (const bool keep : {false, true}) {
    StoreOptions options = small_options(true);
    options.keep_frames = keep;
    Lives lives(options);
    lives.open();
    lives.fill(0, 300, "a");
    lives.checkpoint();
    Model wanted;
    for (int i = 0; i < 300; ++i) {
      const std::string value = lives.read(key_of(i));
      if (value != "<none>") wanted[key_of(i)] = value;
    }
    REQUIRE(wanted.size() > 20);
    lives.fill(0, 5, "b");
    lives.die();
    lives.recover();
    lives.check(wanted, 300);
    lives.fill(0, 300, "c");
    CHECK(lives.read(key_of(299)) == "c" + value_of(299));
    lives.die();
  }
}

TEST_CASE("a recovered cache does not know a value that was replaced by one that it has lost") {
  for (const bool with_index : {false, true}) {
    Lives lives(small_options(true));
    lives.open();
    lives.fill(0, 100, "a");
    lives.set("hot", "old");
    lives.fill(100, 115, "b");
    lives.set("hot", "new, and longer than what it replaces");
    const int64_t lost = lives.store->log().geometry().page(lives.store->log().tail());
    lives.fill(115, 150, "c");
    const uint64_t token = lives.checkpoint({.index = with_index});
    lives.die();
    leave_out(lives, token, lost);
    lives.recover();
    CHECK(lives.store->log().load(Boundary::begin) ==
          lives.store->log().geometry().page_start(lost + 1));
    CHECK(lives.read("hot") == "<none>");
    CHECK(lives.read(key_of(99)) == "<none>");
    CHECK(lives.read(key_of(149)) == "c" + value_of(149));
    lives.fill(0, 300, "e");
    CHECK(lives.read(key_of(299)) == "e" + value_of(299));
    lives.die();
  }
}

TEST_CASE("a cache that has lost all of its snapshot is recovered, and empty") {
  Lives lives(small_options(true));
  lives.open();
  lives.fill(0, 100, "a");
  const uint64_t token = lives.checkpoint();
  const LogAddr tail = lives.store->log().tail();
  const int64_t last = lives.store->log().geometry().page(tail - 1);
  lives.die();
  leave_out(lives, token, last);
  lives.recover();
  CHECK(lives.store->log().load(Boundary::begin) == tail);
  CHECK(lives.read(key_of(99)) == "<none>");
  lives.fill(0, 300, "b");
  CHECK(lives.read(key_of(299)) == "b" + value_of(299));
  lives.checkpoint();
  lives.die();
  lives.recover();
  CHECK(lives.read(key_of(299)) == "b" + value_of(299));
  lives.die();
}

// What had been given up was perhaps never written, and so a recovery may find anything there; and
// among that nobody can tell the bits of a header that change while its page is written.
TEST_CASE("what was given up below a page's records is no part of its checksum") {
  StoreOptions options = small_options(false);
  options.throttle_ms = -1;
  Lives lives(options);
  lives.open();
  lives.fill(0, 12, "a");
  REQUIRE(lives.store->shift_begin(lives.store->log().tail()));
  lives.model.clear();
  lives.checkpoint({LogCheckpoint::fold_over, false});
  const LogAddr begin = lives.store->log().load(Boundary::begin);
  const Geometry geometry = HybridLog::geometry_of(options);
  REQUIRE(geometry.offset(begin) > 0);
  lives.die();
  auto& bytes = lives.plain.device("db/hlog").bytes;
  const auto page = geometry.file_offset(geometry.page_start(geometry.page(begin)));
  const auto end = geometry.file_offset(begin);
  bytes.resize(std::max<size_t>(bytes.size(), end));
  for (size_t at = page; at < end; ++at) bytes[at] = std::byte{0xFF};
  lives.recover();
  Adder first(7);
  REQUIRE(lives.session->rmw(bytes_of("n"), first).status == Status::ok);
  const std::string captured = lives.read("n");
  // Once the page is read-only the snapshot takes it as it stands.
  Result<CheckpointTicket> ticket = Error{Errc::not_found, "not begun"};
  lives.plain.queued = true;
  lives.plain.meanwhile = [&] {
    ticket = lives.store->start_checkpoint();
    for (int round = 0; round < 5; ++round) lives.session->refresh();
    Adder second(1, 8);  // seals the record that it replaces
    CHECK(lives.session->rmw(bytes_of("n"), second).status == Status::ok);
  };
  REQUIRE(lives.store->flush());
  REQUIRE(ticket);
  REQUIRE(lives.store->wait_checkpoint(*ticket));
  lives.plain.queued = false;
  lives.die();
  lives.recover();
  CHECK(lives.read("n") == captured);
  lives.die();
}

TEST_CASE("the newest checkpoint counts, by its version; an older one if it is asked for") {
  Lives lives(small_options(false));
  lives.open();
  CHECK(lives.try_recover().error().code == Errc::not_found);
  std::vector<std::pair<uint64_t, Model>> checkpoints;
  for (int i = 0; i < 3; ++i) {
    lives.fill(i * 10, i * 10 + 20, std::string(1, static_cast<char>('a' + i)));
    const uint64_t token = lives.checkpoint();
    checkpoints.emplace_back(token, lives.captured);
  }
  lives.die();
  lives.recover();
  lives.check(checkpoints[2].second, 50);
  lives.die();
  // Metadata that a crash left half-written is none.
  auto& newest = lives.plain.device(file_of(checkpoints[2].first, &DeviceName::metadata)).bytes;
  newest[40] ^= std::byte{1};
  lives.recover();
  lives.check(checkpoints[1].second, 50);
  lives.die();
  newest.clear();
  lives.recover();
  lives.check(checkpoints[1].second, 50);
  lives.die();
}

TEST_CASE("a store that goes back to an older checkpoint goes on from there") {
  for (const bool by_token : {false, true}) {
    Lives lives(small_options(false));
    lives.open();
    std::vector<std::pair<uint64_t, Model>> checkpoints;
    for (int i = 0; i < 4; ++i) {
      lives.fill(i * 10, i * 10 + 40, std::string(1, static_cast<char>('a' + i)));
      const uint64_t token = lives.checkpoint();
      checkpoints.emplace_back(token, lives.captured);
    }
    lives.die();
    RecoverOptions wanted;
    if (by_token) wanted.token = checkpoints[1].first;
    if (!by_token) wanted.version_max = 2;
    lives.recover(wanted);
    lives.check(checkpoints[1].second, 80);
    // Over what the newer checkpoints had of the log.
    lives.model = checkpoints[1].second;
    lives.fill(0, 80, "other");
    lives.die();
    lives.recover();
    lives.check(checkpoints[1].second, 80);
    lives.model = checkpoints[1].second;
    lives.fill(5, 70, "third");
    lives.checkpoint();
    lives.die();
    lives.recover();
    lives.check(lives.captured, 80);
    lives.die();
    RecoverOptions gone;
    gone.token = checkpoints[3].first;
    CHECK(lives.try_recover(gone).error().code == Errc::not_found);
  }
}

TEST_CASE("every kind of checkpoint is recovered, and recovered again after a crash") {
  for (const LogCheckpoint log : {LogCheckpoint::snapshot, LogCheckpoint::fold_over}) {
    for (const bool index : {false, true}) {
      for (const bool with_old_index : {false, true}) {
        StoreOptions options = small_options(false);
        options.index_bits = 2;  // with overflow buckets
        Lives lives(options);
        lives.open();
        lives.fill(0, 100, "a");
        if (with_old_index) lives.checkpoint({LogCheckpoint::none, true});
        lives.fill(60, 160, "b");
        lives.erase(key_of(70));
        lives.checkpoint({log, index});
        lives.fill(0, 30, "c");
        lives.die();
        for (int life = 0; life < 3; ++life) {
          INFO(index << with_old_index << life);
          lives.recover();
          lives.check(lives.captured, 160);
          lives.model = lives.captured;
          lives.fill(20, 60, "lost");
          if (life == 1) lives.checkpoint({log, false});
          lives.die();
        }
      }
    }
  }
}

TEST_CASE("an index that is damaged, short or of another shape is built anew") {
  StoreOptions options = small_options(false);
  Lives lives(options);
  lives.open();
  lives.fill(0, 150, "a");
  const uint64_t token = lives.checkpoint({LogCheckpoint::snapshot, true});
  lives.die();
  const auto survives = [&] {
    lives.recover();
    lives.check(lives.captured, 150);
    lives.die();
  };
  auto& table = lives.plain.device(file_of(token, &DeviceName::index_table)).bytes;
  auto& info = lives.plain.device(file_of(token, &DeviceName::index_metadata)).bytes;
  for (const size_t at : {size_t{0}, size_t{9}, table.size() / 2}) {
    table[at] ^= std::byte{0x40};
    survives();
    table[at] ^= std::byte{0x40};
  }
  info[20] ^= std::byte{1};
  survives();
  info[20] ^= std::byte{1};
  const auto whole = table;
  table.resize(table.size() / 2);
  survives();
  table = whole;
  lives.options.index_bits = 3;
  survives();
  lives.options.index_bits = options.index_bits;
  lives.options.tag_bits = 3;
  survives();
  lives.options.tag_bits = options.tag_bits;
  survives();
}

TEST_CASE("a checkpoint of nothing is refused, and so is a cache that is to fold over") {
  for (const bool null_main : {false, true}) {
    Lives lives(small_options(null_main));
    lives.open();
    const CheckpointRequest nothing{LogCheckpoint::none, false};
    CHECK(lives.store->start_checkpoint(nothing).error().code == Errc::invalid);
    const auto folded = lives.store->start_checkpoint({LogCheckpoint::fold_over, false});
    REQUIRE(folded.has_value() != null_main);
    if (!null_main) CHECK(lives.store->wait_checkpoint(*folded));
    if (null_main) CHECK(folded.error().code == Errc::invalid);
    lives.die();
  }
}

TEST_CASE("sessions count on from where the checkpoint has them") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 10, "a");
  lives.checkpoint();
  lives.fill(0, 7, "b");
  lives.die();
  lives.recover();
  CHECK(lives.store->session_serial(1) == 10);
  CHECK(lives.store->session_serial(2) == 0);
  lives.fill(0, 5, "c");
  lives.checkpoint();
  lives.die();
  lives.recover();
  CHECK(lives.store->session_serial(1) == 15);
  lives.die();
}

TEST_CASE("damage is reported with its address, and nothing is walked") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 60, "a");
  const uint64_t token = lives.checkpoint();
  lives.die();
  const auto recover_with = [&](const std::string& file, size_t at, uint8_t bits) {
    auto& bytes = lives.plain.device(file).bytes;
    REQUIRE(at < bytes.size());
    bytes[at] ^= std::byte{bits};
    const auto recovered = lives.try_recover();
    bytes[at] ^= std::byte{bits};
    if (recovered) lives.die();
    return recovered ? Errc::ok : recovered.error().code;
  };
  const std::string snapshot = file_of(token, &DeviceName::snapshot);
  const std::string table = file_of(token, &DeviceName::page_table);
  const size_t size = lives.plain.device(snapshot).bytes.size();
  int missed = 0;
  for (size_t at = 64; at + 64 < size; at += 13) {
    missed += recover_with(snapshot, at, 0x10) == Errc::corrupt ? 0 : 1;
  }
  // A bit of Sealed or Dirty, and the bytes behind the end, say nothing.
  CHECK(missed * 100 < static_cast<int>(size / 13));
  for (size_t at = 0; at < 16; ++at) CHECK(recover_with(table, at, 0x01) == Errc::corrupt);
  const auto cut = [&](const std::string& file, size_t to) {
    auto& bytes = lives.plain.device(file).bytes;
    const auto before = bytes;
    bytes.resize(to);
    const auto recovered = lives.try_recover();
    bytes = before;
    REQUIRE_FALSE(recovered);
    return recovered.error().code;
  };
  CHECK(cut(snapshot, size / 2) == Errc::corrupt);
  CHECK(cut(snapshot, 0) == Errc::corrupt);
  CHECK(cut(table, 0) == Errc::corrupt);
  CHECK(cut("db/hlog", 256) == Errc::corrupt);
  lives.recover();
  lives.check(lives.captured, 60);
  lives.die();
}

TEST_CASE("a checkpoint of another geometry is refused, and left as it is") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 60, "a");
  lives.checkpoint();
  lives.die();
  const auto refused = [&](const auto& change) {
    const StoreOptions before = lives.options;
    change(lives.options);
    const auto recovered = lives.try_recover();
    lives.options = before;
    REQUIRE_FALSE(recovered);
    return recovered.error().code;
  };
  CHECK(refused([](StoreOptions& o) { o.page_bits = 10; }) == Errc::invalid);
  CHECK(refused([](StoreOptions& o) { o.main_is_null = true; }) == Errc::invalid);
  CHECK(refused([](StoreOptions& o) { o.prefix = "other"; }) == Errc::not_found);
  lives.recover();
  lives.check(lives.captured, 60);
  lives.die();
}

TEST_CASE("memory or a device that fails ends a recovery without a trace") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 60, "a");
  const uint64_t token = lives.checkpoint();
  lives.die();
  for (const char* label : {"store", "read ahead", "page table", "page table file",
                            "checkpoint tokens", "metadata", "session points"}) {
    lives.plain.failing_label = label;
    lives.plain.failing_allocations = 1;
    INFO(label);
    const auto recovered = lives.try_recover();
    REQUIRE_FALSE(recovered);
    CHECK(recovered.error().code == Errc::no_memory);
    CHECK(lives.plain.live_blocks == 0);
    CHECK(lives.plain.live_frames == 0);
  }
  for (const std::string& file : {std::string("db/hlog"), file_of(token, &DeviceName::snapshot),
                                  file_of(token, &DeviceName::metadata)}) {
    lives.plain.device(file).failing_reads = 1000;  // more than all tries
    const auto recovered = lives.try_recover();
    lives.plain.device(file).failing_reads = 0;
    REQUIRE_FALSE(recovered);
    CHECK(recovered.error().code == Errc::io);
    CHECK(lives.plain.live_blocks == 0);
    CHECK(lives.plain.live_frames == 0);
  }
  lives.plain.device("db/hlog").failing_reads = 2;  // one less than it is tried
  lives.recover();
  lives.check(lives.captured, 60);
  lives.die();
}
