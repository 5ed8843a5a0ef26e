// SPDX-License-Identifier: Apache-2.0
// Recovery on real files: what somebody cut short or removed is noticed, and a disk that was full
// for a while harms nothing.
#include <filesystem>
#include <string>

#include "engine/real/machine.hpp"
#include "engine/store/store.hpp"
#include "tests/engine/real/shortage.hpp"
#include "tests/engine/real/temporary_folder.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Errc;
using engine::LogCheckpoint;

namespace {

constexpr int kRecoveredKeys = 200;

engine::StoreOptions options_of_test() {
  engine::StoreOptions options;
  options.page_bits = 9;
  options.memory_bits = 12;
  options.index_bits = 4;
  options.segment_bits = 20;
  options.epoch_slots = 8;
  options.prefix = "db";
  return options;
}

void fill(engine::Session& session) {
  const std::string value(40, 'v');
  for (int i = 0; i < kRecoveredKeys; ++i) {
    const std::string key = "key-" + std::to_string(i);
    REQUIRE(session.upsert(engine::bytes_of(key), engine::bytes_of(value)).status ==
            engine::Status::ok);
  }
}

Errc capture(engine::Store& store, LogCheckpoint log) {
  const auto ticket = store.start_checkpoint({log, false});
  REQUIRE(ticket);
  const auto ended = store.wait_checkpoint(*ticket);
  return ended ? Errc::ok : ended.error().code;
}

/// A store that was filled and captured, in a folder.
void make_store(const std::string& folder, LogCheckpoint log) {
  auto machine = engine::Machine::open({folder});
  REQUIRE(machine);
  const engine::Bugs bugs;
  auto store = engine::Store::open((*machine)->runtime(), options_of_test(), bugs);
  REQUIRE(store);
  auto session = (*store)->start_session({});
  REQUIRE(session);
  fill(**session);
  REQUIRE(capture(**store, log) == Errc::ok);
  (*session)->close();
}

Errc recovery_of(const std::string& folder) {
  auto machine = engine::Machine::open({folder});
  REQUIRE(machine);
  const engine::Bugs bugs;
  const auto recovered = engine::Store::recover((*machine)->runtime(), options_of_test(), bugs);
  return recovered ? Errc::ok : recovered.error().code;
}

size_t file_count(const std::string& folder) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("natively: a main log that was cut short or removed is corrupt", "[native]") {
  for (const LogCheckpoint log : {LogCheckpoint::snapshot, LogCheckpoint::fold_over}) {
    const tests::TemporaryFolder folder;
    make_store(folder.path(), log);
    const std::string main = folder.path() + "/db/hlog";
    const auto whole = std::filesystem::file_size(main);
    REQUIRE(whole > 8192);
    REQUIRE(recovery_of(folder.path()) == Errc::ok);
    for (const uint64_t size : {whole - 512, uint64_t{1024}, uint64_t{0}}) {
      std::filesystem::resize_file(main, size);
      CHECK(recovery_of(folder.path()) == Errc::corrupt);
      std::filesystem::resize_file(main, whole);
      // Long again, and empty where it was cut. The page of the end is read from the snapshot.
      if (log == LogCheckpoint::snapshot && size > 1024) continue;
      CHECK(recovery_of(folder.path()) == Errc::corrupt);
    }
    std::filesystem::remove(main);
    CHECK(recovery_of(folder.path()) == Errc::corrupt);
    CHECK_FALSE(std::filesystem::exists(main));  // nor was it made by looking for it
  }
}

TEST_CASE("natively: a checkpoint on a full disk leaves nothing behind, and the next is sound",
          "[native]") {
  const tests::TemporaryFolder folder;
  auto machine = engine::Machine::open({folder.path()});
  REQUIRE(machine);
  engine::StoreOptions options = options_of_test();
  options.checkpoints_kept = 1;
  const engine::Bugs bugs;
  auto store = engine::Store::open((*machine)->runtime(), options, bugs);
  REQUIRE(store);
  auto session = (*store)->start_session({});
  REQUIRE(session);
  fill(**session);
  REQUIRE(capture(**store, LogCheckpoint::snapshot) == Errc::ok);
  const size_t files = file_count(folder.path());
  for (int i = 0; i < 3; ++i) {
    // The log itself is not in want of room: all but a few records of it are written.
    REQUIRE((*store)->flush());
    REQUIRE((*session)->upsert(engine::bytes_of("few"), engine::bytes_of("new")).status ==
            engine::Status::ok);
    Errc failed = Errc::ok;
    {
      const tests::FullDisk full;
      failed = capture(**store, LogCheckpoint::snapshot);
    }
    CHECK(failed == Errc::no_space);
    CHECK(file_count(folder.path()) == files);
  }
  CHECK(capture(**store, LogCheckpoint::snapshot) == Errc::ok);
  CHECK(file_count(folder.path()) == files);
  (*session)->close();
  (*store)->close();
  session = engine::Error{};
  store = engine::Error{};
  machine = engine::Error{};  // so that another may have the folder
  CHECK(recovery_of(folder.path()) == Errc::ok);
}

TEST_CASE("natively: a process that is short of descriptors loses no store", "[native]") {
  const tests::TemporaryFolder folder;
  make_store(folder.path(), LogCheckpoint::snapshot);
  const auto begin = [&](const engine::Runtime& runtime) {
    const engine::Bugs bugs;
    const auto recovered = engine::Store::recover(runtime, options_of_test(), bugs);
    if (recovered || recovered.error().code != Errc::not_found) return recovered.has_value();
    return engine::Store::open(runtime, options_of_test(), bugs).has_value();
  };
  for (size_t count = 0;; ++count) {
    auto machine = engine::Machine::open({folder.path()});
    REQUIRE(machine);
    bool begun = false;
    bool opened = false;
    {
      const tests::FewDescriptors few(count);
      const engine::Bugs bugs;
      begun = begin((*machine)->runtime());
      opened = engine::Store::open((*machine)->runtime(), options_of_test(), bugs).has_value();
    }
    INFO("descriptors up to " << count);
    CHECK_FALSE(opened);
    machine = engine::Error{};
    REQUIRE(recovery_of(folder.path()) == Errc::ok);
    if (begun) break;
  }
}
