// SPDX-License-Identifier: Apache-2.0
// A committed checkpoint holds the state at its cut, whatever the size of its files.
#include "tests/scenarios/oracles/hand_made_run.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "engine/base/crc32c.hpp"
#include "engine/store/events.hpp"
#include "engine/store/record.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;
using orrery::engine::RecordHeader;
namespace engine = orrery::engine;
namespace events = orrery::engine::events;

namespace {

constexpr const char* kFolder = "store/cpr-checkpoints/0000000000000003";

// A cache whose only checkpoint, of version 1, holds one key: 5 is 7. Client 0 has written it, and
// then another value in version 2.
struct Committed : HandMadeRun {
  uint32_t page_bits = 9;
  int64_t start = 0;     // of the snapshot
  int64_t record = 512;  // the address of the record
  uint64_t value = 7;    // in the file
  uint64_t serial = 1;   // of client 0
  bool pages_synced = true;
  bool with_metadata = true;
  bool knows_session = true;

  Committed() { scenario.cache = true; }

  std::string text() const {
    const int64_t final = record + 512;
    const std::string sessions =
        knows_session ? fmt::format("sessions 1\nsession 0 {}\n", serial) : "sessions 0\n";
    return fmt::format(
        "format 5\ntoken {:016x}\nuse_snapshot_file 1\nversion 1\nnext_version 2\nflushed {}\n"
        "snapshot_start {}\nstart {}\nfinal {}\nsnapshot_final {}\nhead {}\nbegin {}\n"
        "page_bits {}\nsector 512\nnull_main 1\npages 0\npages_checksum 0\nindex_token "
        "0000000000000000\nlog_start 0\n{}",
        3, start, start, final, final, final, start, start, page_bits, sessions);
  }

  void write(engine::Runtime runtime) const {
    const std::string lines = text();
    std::vector<std::byte> info(1024);
    engine::put(info.data(), static_cast<uint32_t>(lines.size()));
    engine::put(info.data() + 4, engine::crc32c(engine::bytes_of(lines)));
    std::memcpy(info.data() + 8, lines.data(), lines.size());
    std::vector<std::byte> page(512);
    engine::put(page.data(), RecordHeader::kValid);
    engine::put(page.data() + 8, int32_t{12});
    key_bytes(5, 12, std::span(page).subspan(12));
    engine::put(page.data() + 24, int32_t{20});
    encode_value(value, 20, std::span(page).subspan(28));
    const auto place = static_cast<uint64_t>(record - start);
    write_file(runtime, std::string(kFolder) + "/snapshot.dat", page, pages_synced, place);
    if (with_metadata) write_file(runtime, std::string(kFolder) + "/info.dat", info, pages_synced);
    if (!pages_synced) (void)runtime.storage.sync_names();
  }

  std::string judge() {
    in_world([this](engine::Runtime runtime) { write(runtime); });
    Ending first;
    first.result = 7;
    first.version = 1;
    first.address = record;
    does(OpKind::upsert, 5, 7, first);
    event(events::kMetadataCommitted, 1);
    Ending second;
    second.result = 9;
    second.version = 2;
    does(OpKind::upsert, 5, 9, second);
    return label(judge_snapshots);
  }
};

}  // namespace

TEST_CASE("a checkpoint that holds what was done in its version is fine") {
  REQUIRE(Committed().judge() == "nothing");
}

TEST_CASE("a checkpoint that holds what was done later, or nothing, is found") {
  const char* const kWrong = "a checkpoint's files do not hold the state at its version";
  Committed later;
  later.value = 9;
  REQUIRE(later.judge() == kWrong);
  Committed nothing;
  nothing.scenario.cache = false;
  nothing.record = 512;
  nothing.value = 7;
  nothing.plan.sizes.set("null_main", 0);
  REQUIRE(nothing.judge() == "nothing");
  Ending third;
  third.result = 11;
  third.version = 1;
  nothing.history.clear();
  nothing.does(OpKind::upsert, 6, 11, third);
  REQUIRE(nothing.label(judge_snapshots) != "nothing");
}

TEST_CASE("files of any size are read: what lies a gigabyte behind is found, and not missed") {
  Committed far;
  far.record = int64_t{1} << 30;
  REQUIRE(far.judge() == "nothing");
  Committed wrong;
  wrong.record = int64_t{1} << 30;
  wrong.value = 9;
  REQUIRE(wrong.judge() == "a checkpoint's files do not hold the state at its version");
  Committed large;
  large.page_bits = 25;
  large.record = int64_t{1} << 25;
  large.value = 9;
  REQUIRE(large.judge() == "a checkpoint's files do not hold the state at its version");
}

TEST_CASE("a session's serial counts what the checkpoint holds of it") {
  Committed more;
  more.serial = 2;
  REQUIRE(more.judge() == "a checkpoint's serial of a session is not what it holds");
  Committed less;
  less.serial = 0;
  REQUIRE(less.judge() == "a checkpoint's serial of a session is not what it holds");
}

TEST_CASE("a session that the checkpoint forgot is missed") {
  Committed forgets;
  forgets.knows_session = false;
  REQUIRE(forgets.judge() == "nothing");
  Committed forgotten;
  forgotten.knows_session = false;
  forgotten.event(events::kSessionStarted, 0, 1, 0);
  REQUIRE(forgotten.judge() == "a checkpoint's serial of a session is not what it holds");
}

TEST_CASE("what no sync covers is no checkpoint") {
  Committed pending;
  pending.pages_synced = false;
  REQUIRE(pending.judge() == "a committed checkpoint is not durable");
}

TEST_CASE("a committed checkpoint without metadata is found") {
  Committed none;
  none.with_metadata = false;
  REQUIRE(none.judge() == "the metadata of a committed checkpoint cannot be read");
}

TEST_CASE("a search that gave up on a checkpoint says so") {
  Committed made;
  ask_too_much(made.history, 6);
  made.judge();
  const Judgement judgement = made.judged(judge_snapshots);
  REQUIRE_FALSE(judgement.finding);
  REQUIRE(judgement.not_judged.find("too many possible orders") != std::string::npos);
}
