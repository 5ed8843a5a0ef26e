// SPDX-License-Identifier: Apache-2.0
// What a file does that no contract sees: a reset that fails hides what it could not drop, and to
// give room back takes its time without anybody's having to wait.
#include "engine/real/file_device.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "engine/real/machine.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/kernel_calls.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/sim/request.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Errc;
using engine::IoKind;
using tests::CallKind;
using tests::KernelCall;

namespace {

constexpr uint64_t kSegment = 65'536;

struct Fixture {
  tests::TemporaryFolder folder;
  std::unique_ptr<engine::Machine> machine;

  explicit Fixture(const tests::IoWay& way = tests::io_ways().front()) {
    auto opened = engine::Machine::open({folder.path(), 2, way.method, way.direct, false});
    REQUIRE(opened);
    machine = std::move(*opened);
  }
  std::string path() const { return folder.path() + "/data"; }
  engine::Device& open(uint64_t segment_size = 0) {
    const auto opened = machine->runtime().storage.open("data", {segment_size, 512});
    REQUIRE(opened);
    return **opened;
  }
  Errc transact(engine::Device& device, IoKind kind, uint64_t offset, engine::MutableBytes bytes) {
    return tests::transact(machine->runtime().tasks, device, kind, offset, bytes);
  }
};

struct Sector {
  alignas(512) std::byte bytes[512];
  explicit Sector(char fill) { std::memset(bytes, fill, sizeof bytes); }
};

/// Whether no device has the file open.
bool is_free(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool free = flock(file, LOCK_EX | LOCK_NB) == 0;
  close(file);
  return free;
}

}  // namespace

TEST_CASE("after a reset that failed nothing is read or written until one works", "[device]") {
  for (const tests::IoWay& way : tests::io_ways()) {
    INFO(way.name);
    Fixture fixture(way);
    engine::Device& device = fixture.open();
    Sector sector('k');
    REQUIRE(fixture.transact(device, IoKind::write, 0, sector.bytes) == Errc::ok);
    {
      const tests::WatchedCalls watched(
          [](const KernelCall& call) { return call.kind == CallKind::ftruncate ? EIO : 0; });
      device.reset();
    }
    const auto is_useless = [&] {
      CHECK(fixture.transact(device, IoKind::read, 0, sector.bytes) == Errc::io);
      CHECK(fixture.transact(device, IoKind::write, 512, sector.bytes) == Errc::io);
      CHECK(fixture.transact(device, IoKind::sync, 0, {}) == Errc::io);
      CHECK(device.size() == 512);
    };
    is_useless();
    device.close();
    fixture.open();
    is_useless();
    device.reset();
    CHECK(device.size() == 0);
    CHECK(fixture.transact(device, IoKind::read, 0, sector.bytes) == Errc::ok);
    CHECK(sector.bytes[0] == std::byte{0});
    CHECK(fixture.transact(device, IoKind::write, 0, sector.bytes) == Errc::ok);
    CHECK(fixture.transact(device, IoKind::sync, 0, {}) == Errc::ok);
  }
}

TEST_CASE("a reset empties the file that is open, and not what has taken its name", "[device]") {
  Fixture fixture;
  engine::Device& device = fixture.open();
  Sector sector('k');
  REQUIRE(fixture.transact(device, IoKind::write, 0, sector.bytes) == Errc::ok);
  std::filesystem::copy_file(fixture.path(), fixture.path() + "-other");
  std::filesystem::rename(fixture.path() + "-other", fixture.path());
  device.reset();
  CHECK(fixture.transact(device, IoKind::read, 0, sector.bytes) == Errc::ok);
  CHECK(sector.bytes[0] == std::byte{0});
  CHECK(std::filesystem::file_size(fixture.path()) == 512);
  // One that is closed is emptied as well.
  device.close();
  device.reset();
  CHECK(std::filesystem::file_size(fixture.path()) == 0);
}

TEST_CASE("a device takes another segment size while nobody has it open", "[device]") {
  Fixture fixture;
  engine::Storage& storage = fixture.machine->runtime().storage;
  engine::Device& device = fixture.open(4096);
  std::vector<std::byte> bytes(8192);
  CHECK(fixture.transact(device, IoKind::write, 0, bytes) == Errc::invalid);
  CHECK(storage.open("data", {kSegment, 512}).error().code == Errc::invalid);
  CHECK(storage.open("data", {4096, 512}));
  device.close();
  REQUIRE(&fixture.open(kSegment) == &device);
  CHECK(fixture.transact(device, IoKind::write, 0, bytes) == Errc::ok);
  CHECK(storage.open("data", {4096, 512}).error().code == Errc::invalid);
}

TEST_CASE("while room is given back, requests are taken, and the file stays open", "[device]") {
  for (const tests::IoWay& way : tests::io_ways()) {
    for (const CallKind kind : {CallKind::fallocate, CallKind::ftruncate}) {
      INFO(way.name);
      Fixture fixture(way);
      engine::Device& device = fixture.open(kSegment);
      Sector sector('k');
      REQUIRE(fixture.transact(device, IoKind::write, 2 * kSegment, sector.bytes) == Errc::ok);
      Errc read = Errc::corrupt;
      std::thread reader;
      std::promise<void> finished;
      int visits = 0;
      bool stayed_open = false;
      bool in_time = false;
      {
        const tests::WatchedCalls watched([&](const KernelCall& call) {
          if (call.kind != kind) return 0;
          ++visits;
          reader = std::thread([&] {
            read = fixture.transact(device, IoKind::read, 2 * kSegment, sector.bytes);
            device.close();
            finished.set_value();
          });
          // It waits for this call only if it has to: then the test has failed already.
          in_time =
              finished.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
          stayed_open = std::filesystem::equivalent(call.path, fixture.path());
          return 0;
        });
        if (kind == CallKind::fallocate) device.truncate_until(2 * kSegment);
        if (kind == CallKind::ftruncate) device.reset();
      }
      reader.join();
      CHECK(visits == 1);
      CHECK(in_time);
      CHECK(read == Errc::ok);
      CHECK(sector.bytes[0] == std::byte{'k'});
      CHECK(stayed_open);
      CHECK(is_free(fixture.path()));
    }
  }
}

TEST_CASE("room that could not be given back is given back by the next truncation", "[device]") {
  Fixture fixture;
  engine::Device& device = fixture.open(kSegment);
  std::vector<uint64_t> from;
  int answer = EIO;
  const tests::WatchedCalls watched([&](const KernelCall& call) {
    if (call.kind != CallKind::fallocate) return 0;
    from.push_back(call.offset);
    return answer;
  });
  device.truncate_until(2 * kSegment);
  answer = 0;
  device.truncate_until(3 * kSegment);
  device.truncate_until(3 * kSegment + 512);
  device.truncate_until(4 * kSegment);
  CHECK(from == std::vector<uint64_t>{0, 0, 3 * kSegment});
}
