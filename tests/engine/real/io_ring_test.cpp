// SPDX-License-Identifier: Apache-2.0
// What a ring does that no contract sees: it is deep enough for so many requests and no more, asks
// for a part at a time, and what is direct leaves nothing in the page cache.
#include "engine/real/io_ring.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <filesystem>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "engine/real/file_device.hpp"
#include "engine/real/threads.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/kernel_calls.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/sim/request.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Errc;
using engine::IoKind;

namespace {

constexpr size_t kSize = 4096;

struct RingFixture {
  tests::TemporaryFolder folder;
  engine::Threads threads;
  std::unique_ptr<engine::IoRing> ring;
  std::deque<engine::FileDevice> devices;

  /// False where the kernel gives us no ring.
  bool start(const engine::RingOptions& options) {
    auto started = engine::IoRing::start(options);
    if (!started) {
      WARN("not tried: " << started.error().what);
      return false;
    }
    ring = std::move(*started);
    return true;
  }
  std::string path() const { return folder.path() + "/file"; }
  engine::FileDevice& open(bool direct) {
    engine::FileDevice& device =
        devices.emplace_back(path(), engine::DeviceOptions{}, *ring, direct);
    REQUIRE(device.open({}));
    return device;
  }
  Errc transact(engine::FileDevice& device, IoKind kind, uint64_t offset,
                engine::MutableBytes bytes) {
    return tests::transact(threads, device, kind, offset, bytes);
  }
};

struct Buffer {
  alignas(kSize) std::byte bytes[kSize];
  explicit Buffer(unsigned first) {
    for (size_t at = 0; at < kSize; ++at) bytes[at] = static_cast<std::byte>(first + at * 7);
  }
  bool operator==(const Buffer& other) const { return std::memcmp(bytes, other.bytes, kSize) == 0; }
};

/// A request whose completion does not return before it is let go.
struct Gate {
  std::latch reached{1};
  std::latch open{1};
  engine::Io io;
  Gate() {
    io.kind = IoKind::sync;
    io.owner = this;
    io.done = [](engine::Io& finished) {
      auto& self = *static_cast<Gate*>(finished.owner);
      self.reached.count_down();
      self.open.wait();
    };
  }
};

/// How many pages of a file are in the page cache.
size_t cached_pages(const std::string& path, size_t size) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  void* const at = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  REQUIRE(at != MAP_FAILED);
  std::vector<unsigned char> pages(size / 4096);
  REQUIRE(mincore(at, size, pages.data()) == 0);
  munmap(at, size);
  close(file);
  size_t count = 0;
  for (const unsigned char page : pages) count += page & 1;
  return count;
}

}  // namespace

TEST_CASE("a ring keeps what it has no place for, until it is cancelled or has one", "[ring]") {
  constexpr size_t kDepth = 4;
  constexpr size_t kRequests = 12;
  RingFixture fixture;
  if (!fixture.start({.threads = 1, .depth = kDepth})) return;
  engine::FileDevice& device = fixture.open(false);
  // The only thread is held up: nothing comes back from the kernel.
  Gate gate;
  device.submit(gate.io, engine::Site::current());
  gate.reached.wait();
  std::deque<Buffer> buffers;
  std::deque<tests::Request> requests;
  for (size_t i = 0; i < kRequests; ++i) {
    buffers.emplace_back(static_cast<unsigned>(i));
    requests.emplace_back(fixture.threads);
    requests.back().submit(device, IoKind::write, i * kSize, buffers.back().bytes);
  }
  for (size_t i = 0; i < kRequests; ++i) {
    INFO(i);
    const bool is_queued = i >= kDepth;
    if (i % 3 == 2) CHECK(device.cancel(requests[i].io) == is_queued);
    if (i % 3 == 2) CHECK_FALSE(device.cancel(requests[i].io));
    CHECK_FALSE(requests[i].has_ended());
  }
  gate.open.count_down();
  for (size_t i = 0; i < kRequests; ++i) {
    INFO(i);
    const bool was_cancelled = i % 3 == 2 && i >= kDepth;
    CHECK(requests[i].wait() == (was_cancelled ? Errc::cancelled : Errc::ok));
    CHECK(requests[i].io.transferred == (was_cancelled ? 0 : kSize));
    Buffer read(99);
    CHECK(fixture.transact(device, IoKind::read, i * kSize, read.bytes) == Errc::ok);
    CHECK((read == buffers[i]) != was_cancelled);
    CHECK(requests[i].finishes == 1);
  }
  fixture.ring.reset();
}

TEST_CASE("a ring that goes lets whoever still hands something over come back first", "[ring]") {
  RingFixture fixture;
  if (!fixture.start({})) return;
  engine::FileDevice& device = fixture.open(false);
  Buffer written(1);
  tests::Request request(fixture.threads);
  const tests::LingeringSubmits submits;
  std::thread submitter([&] { request.submit(device, IoKind::write, 0, written.bytes); });
  CHECK(request.wait() == Errc::ok);
  fixture.ring.reset();
  submitter.join();
  CHECK(submits.most_at_once() == 1);
}

TEST_CASE("a transfer that the kernel ends early goes on where it ended", "[ring]") {
  for (const bool direct : {false, true}) {
    // The middle one ends inside of a sector.
    for (const size_t chunk : {size_t{512}, size_t{1000}, size_t{1536}}) {
      INFO("direct " << direct << ", " << chunk << " bytes at a time");
      RingFixture fixture;
      if (!fixture.start({.chunk = chunk})) return;
      engine::FileDevice& device = fixture.open(direct);
      Buffer written(1);
      Buffer read(2);
      REQUIRE(fixture.transact(device, IoKind::write, kSize, written.bytes) == Errc::ok);
      REQUIRE(device.size() == 2 * kSize);
      REQUIRE(fixture.transact(device, IoKind::read, kSize, read.bytes) == Errc::ok);
      REQUIRE(read == written);
      // Half of it lies beyond the end.
      REQUIRE(fixture.transact(device, IoKind::read, kSize + 2048, read.bytes) == Errc::ok);
      REQUIRE(std::memcmp(read.bytes, written.bytes + 2048, 2048) == 0);
      for (size_t at = 2048; at < kSize; ++at) REQUIRE(read.bytes[at] == std::byte{0});
      fixture.ring.reset();
    }
  }
}

TEST_CASE("a direct read may end inside of a sector", "[ring]") {
  RingFixture fixture;
  if (!fixture.start({})) return;
  engine::FileDevice& device = fixture.open(true);
  Buffer written(1);
  REQUIRE(fixture.transact(device, IoKind::write, 0, written.bytes) == Errc::ok);
  std::filesystem::resize_file(fixture.path(), 700);
  Buffer read(2);
  REQUIRE(fixture.transact(device, IoKind::read, 0, read.bytes) == Errc::ok);
  REQUIRE(std::memcmp(read.bytes, written.bytes, 700) == 0);
  for (size_t at = 700; at < kSize; ++at) REQUIRE(read.bytes[at] == std::byte{0});
  fixture.ring.reset();
}

TEST_CASE("a file that another process has open is not opened, for a while", "[ring]") {
  RingFixture fixture;
  if (!fixture.start({})) return;
  engine::FileDevice& device = fixture.open(true);
  // As a process that was killed, and whose last request is still under way.
  device.close();
  const int other = open(fixture.path().c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(flock(other, LOCK_SH) == 0);
  std::atomic<bool> opened{false};
  std::thread opener([&] {
    engine::DeviceOptions existing;
    existing.must_exist = true;
    opened.store(device.open(existing).has_value());
  });
  usleep(20'000);
  CHECK_FALSE(opened.load());
  close(other);
  opener.join();
  CHECK(opened.load());
  const int late = open(fixture.path().c_str(), O_RDWR | O_CLOEXEC);
  CHECK(flock(late, LOCK_EX | LOCK_NB) != 0);
  device.close();
  CHECK(flock(late, LOCK_EX | LOCK_NB) == 0);
  close(late);
}

TEST_CASE("what is transferred directly is not in the page cache", "[ring]") {
  for (const tests::IoWay& way : tests::io_ways()) {
    const tests::TemporaryFolder folder;
    auto machine = engine::Machine::open({folder.path(), 2, way.method, way.direct, false});
    REQUIRE(machine);
    const engine::Runtime runtime = (*machine)->runtime();
    struct statfs status{};
    REQUIRE(statfs(folder.path().c_str(), &status) == 0);
    if (status.f_type != EXT4_SUPER_MAGIC && status.f_type != XFS_SUPER_MAGIC) {
      WARN("not tried: nothing is direct on this file system");
      return;
    }
    engine::Device& device = **runtime.storage.open("x", {});
    Buffer buffer(1);
    for (uint64_t i = 0; i < 16; ++i) {
      REQUIRE(tests::transact(runtime.tasks, device, IoKind::write, i * kSize, buffer.bytes) ==
              Errc::ok);
      REQUIRE(tests::transact(runtime.tasks, device, IoKind::read, i * kSize, buffer.bytes) ==
              Errc::ok);
    }
    INFO(way.name);
    CHECK((*machine)->io_method().starts_with(way.direct ? "past" : "through"));
    CHECK(cached_pages(folder.path() + "/x", 16 * kSize) == (way.direct ? 0 : 16));
    // A buffer of another alignment goes through the cache.
    alignas(512) std::byte bytes[1024] = {};
    REQUIRE(tests::transact(runtime.tasks, device, IoKind::read, 0, {bytes + 8, 512}) == Errc::ok);
    CHECK(std::memcmp(bytes + 8, buffer.bytes, 512) == 0);
    CHECK(cached_pages(folder.path() + "/x", 16 * kSize) >= 1);
  }
}

TEST_CASE("syncs of a device take turns, and hear of the failure of one before them", "[ring]") {
  RingFixture fixture;
  if (!fixture.start({})) return;
  engine::FileDevice& device = fixture.open(false);
  engine::Io syncs[4];
  Errc error = Errc::corrupt;
  REQUIRE(device.begin_sync(syncs[0], error));
  CHECK(error == Errc::ok);
  for (int i = 1; i < 4; ++i) REQUIRE_FALSE(device.begin_sync(syncs[i], error));
  CHECK(device.end_sync(Errc::ok, error) == &syncs[1]);
  CHECK(error == Errc::ok);
  CHECK(device.end_sync(Errc::no_space, error) == &syncs[2]);
  CHECK(error == Errc::io);
  CHECK(device.end_sync(Errc::ok, error) == &syncs[3]);
  CHECK(error == Errc::io);
  CHECK(device.end_sync(Errc::ok, error) == nullptr);
  REQUIRE(device.begin_sync(syncs[0], error));
  CHECK(error == Errc::io);
  // It fails for what was lost before, and says nothing of what is written from now on.
  device.reset();
  CHECK(device.end_sync(Errc::ok, error) == nullptr);
  for (int round = 0; round < 2; ++round) {
    REQUIRE(device.begin_sync(syncs[0], error));
    CHECK(error == Errc::ok);
    REQUIRE_FALSE(device.begin_sync(syncs[1], error));
    CHECK(device.end_sync(Errc::ok, error) == &syncs[1]);
    CHECK(error == Errc::ok);
    CHECK(device.end_sync(Errc::ok, error) == nullptr);
  }
}

TEST_CASE("many who sync at once are all answered", "[ring]") {
  for (const unsigned threads : {1U, 4U}) {
    RingFixture fixture;
    if (!fixture.start({.threads = threads, .depth = 4})) return;
    engine::FileDevice& device = fixture.open(true);
    Buffer buffer(1);
    std::deque<tests::Request> requests;
    for (uint64_t i = 0; i < 40; ++i) {
      requests.emplace_back(fixture.threads);
      const bool writes = i % 5 == 0;
      requests.back().submit(device, writes ? IoKind::write : IoKind::sync, i * kSize,
                             writes ? engine::MutableBytes(buffer.bytes) : engine::MutableBytes());
    }
    for (tests::Request& request : requests) CHECK(request.wait() == Errc::ok);
    fixture.ring.reset();
    for (tests::Request& request : requests) CHECK(request.finishes == 1);
  }
}
