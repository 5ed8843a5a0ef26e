// SPDX-License-Identifier: Apache-2.0
// What only the machine promises: contents outlive the process's use of them, the kernel's errors
// are a device's errors, names are paths, and what was given back is really gone.
#include "engine/real/machine.hpp"
#include "engine/base/sanitizers.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/shortage.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/sim/request.hpp"
#include "tests/start.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Errc;
using engine::IoKind;
using tests::TemporaryFolder;

namespace {

struct MachineFixture {
  TemporaryFolder folder;
  std::unique_ptr<engine::Machine> machine;

  MachineFixture() { open(); }
  void open() {
    machine.reset();
    auto opened = engine::Machine::open({folder.path() + "/devices"});
    REQUIRE(opened);
    machine = std::move(*opened);
  }
  engine::Runtime runtime() { return machine->runtime(); }
  /// The names, or none if they cannot be listed.
  Errc list(std::vector<std::string>& names) {
    const auto visit = [](void* list, std::string_view name) {
      static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    };
    const auto listed = runtime().storage.list("", visit, &names);
    return listed ? Errc::ok : listed.error().code;
  }
  Errc open_error(const std::string& name) {
    const auto opened = runtime().storage.open(name, {});
    return opened ? Errc::ok : opened.error().code;
  }
};

struct AlignedSector {
  alignas(512) std::byte bytes[512];
  explicit AlignedSector(char fill) { std::memset(bytes, fill, sizeof bytes); }
};

}  // namespace

TEST_CASE("devices outlive the machine that made them", "[machine]") {
  MachineFixture fixture;
  {
    const engine::Runtime runtime = fixture.runtime();
    engine::Device& device = **runtime.storage.open("a/b/data", {});
    AlignedSector sector('k');
    REQUIRE(tests::transact(runtime.tasks, device, IoKind::write, 512, sector.bytes) == Errc::ok);
    REQUIRE(tests::transact(runtime.tasks, device, IoKind::sync, 0, {}) == Errc::ok);
    REQUIRE(runtime.storage.sync_names());
  }
  fixture.open();
  const engine::Runtime runtime = fixture.runtime();
  std::vector<std::string> names;
  REQUIRE(fixture.list(names) == Errc::ok);
  REQUIRE(names == std::vector<std::string>{"a/b/data"});
  engine::Device& device = **runtime.storage.open("a/b/data", {});
  REQUIRE(device.size() == 1024);
  AlignedSector sector('?');
  REQUIRE(tests::transact(runtime.tasks, device, IoKind::read, 512, sector.bytes) == Errc::ok);
  REQUIRE(sector.bytes[0] == std::byte{'k'});
  device.close();
  // Never opened in this life, and removed all the same.
  fixture.open();
  REQUIRE(fixture.runtime().storage.remove("a/b/data"));
  REQUIRE_FALSE(fixture.runtime().storage.remove("a/b/data"));
}

TEST_CASE("a full device says no_space, and after a failed sync every sync fails", "[machine]") {
  MachineFixture fixture;
  // The kernel's device that is always full, and cannot sync.
  REQUIRE(symlink("/dev/full", (fixture.folder.path() + "/devices/full").c_str()) == 0);
  const engine::Runtime runtime = fixture.runtime();
  engine::Device& device = **runtime.storage.open("full", {});
  AlignedSector sector('x');
  tests::Request write(runtime.tasks);
  write.submit(device, IoKind::write, 0, sector.bytes);
  REQUIRE(write.wait() == Errc::no_space);
  REQUIRE(write.io.transferred == 0);
  REQUIRE(device.size() == 0);
  REQUIRE(tests::transact(runtime.tasks, device, IoKind::sync, 0, {}) == Errc::io);
  // Behind the same name there is a sound file now. What was lost is lost all the same.
  device.close();
  REQUIRE(unlink((fixture.folder.path() + "/devices/full").c_str()) == 0);
  REQUIRE(*runtime.storage.open("full", {}) == &device);
  REQUIRE(tests::transact(runtime.tasks, device, IoKind::sync, 0, {}) == Errc::io);
  device.reset();
  REQUIRE(tests::transact(runtime.tasks, device, IoKind::sync, 0, {}) == Errc::ok);
}

TEST_CASE("a folder that is mounted read-only can be listed, and nothing else", "[machine]") {
  for (const tests::IoWay& way : tests::io_ways()) {
    const TemporaryFolder folder;
    const engine::MachineOptions options{folder.path(), 2, way.method, way.direct, false};
    {
      auto machine = engine::Machine::open(options);
      REQUIRE(machine);
      const engine::Runtime runtime = (*machine)->runtime();
      AlignedSector sector('x');
      engine::Device& device = **runtime.storage.open("x", {});
      REQUIRE(tests::transact(runtime.tasks, device, IoKind::write, 0, sector.bytes) == Errc::ok);
    }
    std::vector<Errc> codes;
    const auto try_all = [&] {
      auto machine = engine::Machine::open(options);
      if (!machine) return codes.push_back(machine.error().code);
      engine::Storage& storage = (*machine)->runtime().storage;
      const auto add = [&](const auto& result) {
        codes.push_back(result ? Errc::ok : result.error().code);
      };
      add(storage.list("", [](void*, std::string_view) {}, nullptr));
      add(storage.open("x", {}));
      add(storage.open("new", {}));
      add(storage.open("folder/new", {}));
      add(storage.remove("x"));
    };
    if (!tests::run_read_only(folder.path(), try_all)) {
      WARN("not tried: this process may not mount anything");
      return;
    }
    CHECK(codes == std::vector{Errc::ok, Errc::io, Errc::io, Errc::io, Errc::io});
  }
}

TEST_CASE("the kernel's errors are the errors of a device", "[machine]") {
  REQUIRE(engine::errc_of(ENOSPC) == Errc::no_space);
  REQUIRE(engine::errc_of(EDQUOT) == Errc::no_space);
  REQUIRE(engine::errc_of(ENOMEM) == Errc::no_memory);
  REQUIRE(engine::errc_of(ENOENT) == Errc::not_found);
  REQUIRE(engine::errc_of(EIO) == Errc::io);
  REQUIRE(engine::errc_of(EBADF) == Errc::io);
}

TEST_CASE("a name cannot leave the directory, or be a folder and a device", "[machine]") {
  MachineFixture fixture;
  for (const char* const name : {"..", ".", "../x", "a/../x", "a/./x", "/x", "x/", "a//x"}) {
    INFO(name);
    REQUIRE(fixture.open_error(name) == Errc::invalid);
  }
  REQUIRE(fixture.open_error("..x/.y") == Errc::ok);
  REQUIRE(fixture.open_error("a/x") == Errc::ok);
  REQUIRE(fixture.open_error("a") == Errc::io);
  REQUIRE(fixture.open_error("a/x/y") == Errc::io);
  struct stat status{};
  REQUIRE(stat((fixture.folder.path() + "/x").c_str(), &status) != 0);
  const auto removed = fixture.runtime().storage.remove("../devices");
  REQUIRE(removed.error().code == Errc::not_found);
}

TEST_CASE("names that cannot be synced stay unsynced", "[machine]") {
  MachineFixture fixture;
  const engine::Runtime runtime = fixture.runtime();
  REQUIRE(fixture.open_error("a/x") == Errc::ok);
  const std::string folder = fixture.folder.path() + "/devices/a";
  REQUIRE(rename(folder.c_str(), (folder + "-away").c_str()) == 0);
  for (int i = 0; i < 2; ++i) {
    const auto synced = runtime.storage.sync_names();
    REQUIRE_FALSE(synced);
    REQUIRE(synced.error().code == Errc::io);
  }
  REQUIRE(rename((folder + "-away").c_str(), folder.c_str()) == 0);
  REQUIRE(runtime.storage.sync_names());
}

TEST_CASE("a device keeps its sector size until it is removed", "[machine]") {
  MachineFixture fixture;
  engine::Storage& storage = fixture.runtime().storage;
  (*storage.open("x", {0, 512}))->close();
  REQUIRE(storage.open("x", {0, 64}).error().code == Errc::invalid);
  REQUIRE(storage.open("x", {0, 512}));
  REQUIRE(storage.remove("x"));
  const auto again = storage.open("x", {0, 64});
  REQUIRE(again);
  REQUIRE((*again)->sector_size() == 64);
}

TEST_CASE("after a folder could not be synced no sync of names succeeds", "[machine]") {
  MachineFixture fixture;
  // A folder of the kernel's, which has a file that can be written and cannot be synced itself.
  const std::string folder = fixture.folder.path() + "/devices/p";
  REQUIRE(symlink("/proc/self", folder.c_str()) == 0);
  REQUIRE(fixture.open_error("p/comm") == Errc::ok);
  REQUIRE(fixture.runtime().storage.sync_names().error().code == Errc::io);
  // In its place there is a sound one now. What was lost is lost all the same.
  REQUIRE(unlink(folder.c_str()) == 0);
  std::filesystem::create_directory(folder);
  REQUIRE(fixture.runtime().storage.sync_names().error().code == Errc::io);
  fixture.open();
  REQUIRE(fixture.runtime().storage.sync_names());
}

TEST_CASE("what is gone with its folder is durably gone, and stops nobody", "[machine]") {
  MachineFixture fixture;
  const engine::Runtime runtime = fixture.runtime();
  const std::string folder = fixture.folder.path() + "/devices/a";
  for (const bool synced : {false, true}) {
    REQUIRE(fixture.open_error("a/b/x") == Errc::ok);
    if (synced) REQUIRE(runtime.storage.sync_names());
    REQUIRE(runtime.storage.remove("a/b/x"));
    REQUIRE(rmdir((folder + "/b").c_str()) == 0);
    REQUIRE(rmdir(folder.c_str()) == 0);
    REQUIRE(runtime.storage.sync_names());
  }
  // Somebody took the file as well, and whoever removes it is told.
  REQUIRE(fixture.open_error("a/b/x") == Errc::ok);
  std::filesystem::remove_all(folder);
  REQUIRE_FALSE(runtime.storage.sync_names());
  REQUIRE(runtime.storage.remove("a/b/x").error().code == Errc::not_found);
  REQUIRE(runtime.storage.sync_names());
  // Where a folder would have to be stands a device.
  REQUIRE(fixture.open_error("a") == Errc::ok);
  REQUIRE(runtime.storage.remove("a/b/x").error().code == Errc::not_found);
  REQUIRE(runtime.storage.sync_names());
}

TEST_CASE("a list is whole, or an error that visits nothing", "[machine]") {
  MachineFixture fixture;
  for (const char* const name : {"a/b/x", "a/y", "z"})
    REQUIRE(fixture.open_error(name) == Errc::ok);
  // A folder has one machine at a time.
  const std::string copy = fixture.folder.path() + "/copy";
  std::filesystem::copy(fixture.folder.path() + "/devices", copy,
                        std::filesystem::copy_options::recursive);
  // The deeper a folder, the more descriptors are needed to look into it.
  size_t refused = 0;
  for (;; ++refused) {
    std::vector<std::string> names;
    Errc opened = Errc::ok;
    Errc code = Errc::ok;
    {
      const tests::FewDescriptors few(refused);
      engine::MachineOptions options{copy};
      options.io = engine::IoMethod::pool;  // a ring needs a descriptor of its own
      const auto other = engine::Machine::open(options);
      if (!other) opened = other.error().code;
      code = fixture.list(names);
    }
    if (code == Errc::ok) {
      REQUIRE(names == std::vector<std::string>{"a/b/x", "a/y", "z"});
    } else {
      REQUIRE(code == Errc::no_memory);
      REQUIRE(names.empty());
      REQUIRE(opened == Errc::no_memory);
    }
    if (opened == Errc::ok) break;  // it keeps one descriptor more than a list
    REQUIRE(opened == Errc::no_memory);
  }
  REQUIRE(refused >= 3);
  // A folder that cannot be that of a device is somebody else's.
  std::filesystem::create_directories(fixture.folder.path() + "/devices/lost+found/x");
  std::vector<std::string> names;
  REQUIRE(fixture.list(names) == Errc::ok);
  REQUIRE(names.size() == 3);
  // Links that lead nowhere: there is nothing, a file where a folder would have to be, themselves.
  for (const char* const target : {"none", "z/none", "link"}) {
    const std::string link = fixture.folder.path() + "/devices/link";
    std::filesystem::create_symlink(target, link);
    INFO(target);
    names.clear();
    fixture.open();
    CHECK(fixture.list(names) == Errc::ok);
    CHECK(names == std::vector<std::string>{"a/b/x", "a/y", "link", "z"});
    std::filesystem::remove(link);
  }
  std::filesystem::remove_all(fixture.folder.path() + "/devices");
  names.clear();
  REQUIRE(fixture.list(names) == Errc::io);  // and not nothing
}

TEST_CASE("a retired frame is unmapped, and an untouched one costs nothing", "[machine]") {
  MachineFixture fixture;
  engine::Frames& frames = fixture.machine->frames();
  constexpr size_t kBytes = size_t{64} << 20;
  engine::Frame* const frame = *frames.acquire(3, kBytes);
  const auto resident = [&] {
    std::vector<unsigned char> pages(kBytes / 4096);
    REQUIRE(mincore(frame->base, kBytes, pages.data()) == 0);
    size_t count = 0;
    for (const unsigned char page : pages) count += page & 1;
    return count;
  };
  REQUIRE(resident() == 0);
  engine::PageRef::at(frame, 3, 100'000).store_word(1);
  REQUIRE(resident() == 1);
  frames.renew(frame, 4);
  REQUIRE(resident() == 0);
  std::byte* const base = frame->base;
  frames.retire(frame);
  REQUIRE(msync(base, 4096, MS_ASYNC) != 0);
  REQUIRE(frame->base == nullptr);
}

TEST_CASE("what the machine cannot give is no_memory", "[machine]") {
  MachineFixture fixture;
  const engine::Runtime runtime = fixture.runtime();
  constexpr size_t kTooMuch = size_t{1} << 60;
  const auto frame = runtime.frames.acquire(0, kTooMuch);
  REQUIRE_FALSE(frame);
  REQUIRE(frame.error().code == Errc::no_memory);
#if !ORRERY_ASAN && !ORRERY_TSAN  // a sanitizer takes it for a mistake
  for (const size_t alignment : {8U, 512U}) {
    const auto block = runtime.memory.allocate(kTooMuch, alignment, "too much");
    REQUIRE_FALSE(block);
    REQUIRE(block.error().code == Errc::no_memory);
  }
#endif
}

TEST_CASE("a write that a limit ends half way has failed as a whole", "[machine]") {
  for (const tests::IoWay& way : tests::io_ways()) {
    const TemporaryFolder folder;
    auto machine = engine::Machine::open({folder.path(), 2, way.method, way.direct, false});
    REQUIRE(machine);
    const engine::Runtime runtime = (*machine)->runtime();
    engine::Device& device = **runtime.storage.open("data", {});
    alignas(4096) std::byte bytes[8192];
    std::memset(bytes, 'a', sizeof bytes);
    Errc refused = Errc::ok;
    size_t transferred = 1;
    {
      const tests::IgnoredSignal ignored(SIGXFSZ);
      const tests::Limit limit(RLIMIT_FSIZE, 4096);
      tests::Request write(runtime.tasks);
      write.submit(device, IoKind::write, 0, bytes);
      refused = write.wait();
      transferred = write.io.transferred;
    }
    INFO(way.name);
    CHECK(refused == Errc::no_space);
    CHECK(transferred == 0);
    // It may have had a part of its effect. The next one has all of its own.
    CHECK(device.size() == 0);
    std::memset(bytes, 'b', sizeof bytes);
    REQUIRE(tests::transact(runtime.tasks, device, IoKind::write, 0, bytes) == Errc::ok);
    CHECK(device.size() == sizeof bytes);
    std::memset(bytes, '?', sizeof bytes);
    REQUIRE(tests::transact(runtime.tasks, device, IoKind::read, 0, bytes) == Errc::ok);
    for (const std::byte byte : bytes) REQUIRE(byte == std::byte{'b'});
  }
}

TEST_CASE("what is given up gives its room on the disk back", "[machine]") {
  constexpr uint64_t kSegmentSize = 65'536;
  MachineFixture fixture;
  const engine::Runtime runtime = fixture.runtime();
  engine::DeviceOptions options;
  options.segment_size = kSegmentSize;
  engine::Device& device = **runtime.storage.open("data", options);
  std::vector<std::byte> bytes(kSegmentSize, std::byte{'x'});
  for (uint64_t at = 0; at < 4 * kSegmentSize; at += kSegmentSize) {
    REQUIRE(tests::transact(runtime.tasks, device, IoKind::write, at, bytes) == Errc::ok);
  }
  REQUIRE(tests::transact(runtime.tasks, device, IoKind::sync, 0, {}) == Errc::ok);
  const std::string path = fixture.folder.path() + "/devices/data";
  const auto used = [&] {
    struct stat status{};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return static_cast<uint64_t>(status.st_blocks) * 512;
  };
  const int other = open((fixture.folder.path() + "/other").c_str(), O_RDWR | O_CREAT, 0600);
  const bool can = fallocate(other, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0;
  close(other);
  if (!can) {
    WARN("not tried: this file system keeps what is given up");
    return;
  }
  const uint64_t before = used();
  device.truncate_until(2 * kSegmentSize + 512);
  CHECK(used() + 2 * kSegmentSize <= before);
  CHECK(used() >= 2 * kSegmentSize);
  CHECK(device.size() == 4 * kSegmentSize);
}

TEST_CASE("a machine that gets no ring says so, and goes on without", "[machine]") {
  const TemporaryFolder folder;
  std::string method;
  Errc insisted = Errc::ok;
  Errc written = Errc::corrupt;
  const bool could = tests::run_without_ring([&] {
    const auto none = engine::Machine::open({folder.path(), 2, engine::IoMethod::ring});
    if (!none) insisted = none.error().code;
    const auto machine = engine::Machine::open({folder.path(), 2});
    if (!machine) return;
    method = (*machine)->io_method();
    const engine::Runtime runtime = (*machine)->runtime();
    AlignedSector sector('x');
    engine::Device& device = **runtime.storage.open("data", {});
    written = tests::transact(runtime.tasks, device, IoKind::write, 0, sector.bytes);
  });
  if (!could) {
    WARN("not tried: this process may not be restricted");
    return;
  }
  INFO(method);
  CHECK(insisted == Errc::io);
  CHECK(method.ends_with(
      "page cache, pread and pwrite: the kernel gives us no ring: Operation not permitted"));
  CHECK(written == Errc::ok);
}

TEST_CASE("a folder that cannot be made is an error of the machine", "[machine]") {
  const TemporaryFolder folder;
  REQUIRE_FALSE(engine::Machine::open({folder.path() + "/none/devices"}));
  const std::string file = folder.path() + "/file";
  REQUIRE(symlink("/dev/null", file.c_str()) == 0);
  REQUIRE_FALSE(engine::Machine::open({file}));
}

TEST_CASE("a machine that goes first performs what is in flight", "[machine]") {
  MachineFixture fixture;
  constexpr int kRequests = 40;
  std::atomic<int> finished{0};
  std::vector<engine::Io> requests(kRequests);
  std::vector<AlignedSector> sectors(kRequests, AlignedSector('x'));
  engine::Device& device = **fixture.runtime().storage.open("data", {});
  for (size_t i = 0; i < kRequests; ++i) {
    engine::Io& io = requests[i];
    io.kind = IoKind::write;
    io.offset = i * 512;
    io.length = 512;
    io.buffer = sectors[i].bytes;
    io.owner = &finished;
    io.done = [](engine::Io& one) { ++*static_cast<std::atomic<int>*>(one.owner); };
    device.submit(io);
  }
  fixture.machine.reset();
  REQUIRE(finished == kRequests);
  fixture.open();
  REQUIRE((*fixture.runtime().storage.open("data", {}))->size() == kRequests * 512);
}
