// SPDX-License-Identifier: Apache-2.0
// What a folder of devices does that no contract sees: its own name is durable as well, it belongs
// to one storage at a time, and nobody waits for a file that he has not asked for.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <latch>
#include <new>
#include <set>
#include <string>
#include <thread>

#include "engine/base/sanitizers.hpp"
#include "engine/real/machine.hpp"
#include "tests/engine/real/kernel_calls.hpp"
#include "tests/engine/real/temporary_folder.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Errc;
using tests::CallKind;
using tests::KernelCall;
using tests::TemporaryFolder;

namespace {

std::unique_ptr<engine::Machine> open_machine(const std::string& folder) {
  auto opened = engine::Machine::open({folder});
  REQUIRE(opened);
  return std::move(*opened);
}

/// The folders that a sync of names has synced.
std::set<std::string> synced_by(engine::Storage& storage, Errc expected = Errc::ok) {
  std::set<std::string> synced;
  const tests::WatchedCalls watched([&](const KernelCall& call) {
    if (call.kind == CallKind::fsync) synced.insert(call.path);
    return 0;
  });
  const auto done = storage.sync_names();
  REQUIRE((done ? Errc::ok : done.error().code) == expected);
  return synced;
}

}  // namespace

TEST_CASE("the name of the folder itself is durable when its names are", "[directory]") {
  const TemporaryFolder above;
  const std::string folder = above.path() + "/devices";
  using Names = std::set<std::string>;
  // Also if an earlier life has made it, which may have ended before it had synced anything.
  for (int life = 0; life < 2; ++life) {
    const auto machine = open_machine(folder);
    engine::Storage& storage = machine->runtime().storage;
    CHECK(synced_by(storage) == Names{above.path(), folder});
    CHECK(synced_by(storage).empty());
    REQUIRE(storage.open("x", {}));
    CHECK(synced_by(storage) == Names{folder});
  }
}

TEST_CASE("if the name of the folder cannot be made durable, no name is", "[directory]") {
  const TemporaryFolder above;
  const auto machine = open_machine(above.path() + "/devices");
  engine::Storage& storage = machine->runtime().storage;
  {
    const tests::WatchedCalls watched([&](const KernelCall& call) {
      return call.kind == CallKind::fsync && call.path == above.path() ? EIO : 0;
    });
    CHECK(storage.sync_names().error().code == Errc::io);
  }
  CHECK(storage.sync_names().error().code == Errc::io);
}

TEST_CASE("a folder belongs to one storage at a time", "[directory]") {
  const TemporaryFolder folder;
  auto machine = open_machine(folder.path());
  const std::string link = folder.path() + "-link";
  std::filesystem::create_directory_symlink(folder.path(), link);
  const auto second = engine::Machine::open({link});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::exists);
  CHECK(std::string(second.error().what).find("in use") != std::string::npos);
  std::filesystem::remove(link);
  CHECK(machine->runtime().storage.open("x", {}));  // the first goes on
  machine.reset();
  // Another process.
  const int other = open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(flock(other, LOCK_EX | LOCK_NB) == 0);
  CHECK(engine::Machine::open({folder.path()}).error().code == Errc::exists);
  // One that was killed and is about to end.
  std::thread ending([other] {
    usleep(100'000);
    close(other);
  });
  CHECK(engine::Machine::open({folder.path()}));
  ending.join();
}

TEST_CASE("a folder is free when its storage goes, whatever was forked meanwhile", "[directory]") {
  const TemporaryFolder folder;
  auto machine = open_machine(folder.path());
  REQUIRE(machine->runtime().storage.open("x", {}));
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  REQUIRE(child > 0);
  machine.reset();
  auto again = engine::Machine::open({folder.path()});
  const bool free = again && (*again)->runtime().storage.open("x", {});
  REQUIRE(kill(child, SIGKILL) == 0);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  CHECK(free);
}

TEST_CASE("who waits for a file holds up nobody who wants another", "[directory]") {
  const TemporaryFolder folder;
  const auto machine = open_machine(folder.path());
  engine::Storage& storage = machine->runtime().storage;
  (*storage.open("slow", {}))->close();
  (*storage.open("new", {}))->close();
  REQUIRE(storage.remove("new"));
  // As processes that were killed, and whose last requests are still under way.
  const int held[] = {open((folder.path() + "/slow").c_str(), O_RDWR | O_CLOEXEC),
                      open((folder.path() + "/new").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
  for (const int file : held) REQUIRE(flock(file, LOCK_SH) == 0);
  std::latch waiting(2);
  std::set<std::string> seen;
  std::mutex mutex;
  const tests::WatchedCalls watched([&](const KernelCall& call) {
    const std::lock_guard lock(mutex);
    const bool is_held = call.path.ends_with("/slow") || call.path.ends_with("/new");
    if (call.kind == CallKind::flock && is_held && seen.insert(call.path).second) {
      waiting.count_down();
    }
    return 0;
  });
  engine::Result<engine::Device*> slow = engine::Error{};
  engine::Result<engine::Device*> fresh = engine::Error{};
  engine::Result<engine::Device*> again = engine::Error{};
  std::thread openers[] = {std::thread([&] { slow = storage.open("slow", {}); }),
                           std::thread([&] { fresh = storage.open("new", {}); }),
                           std::thread([&] { again = storage.open("new", {}); })};
  waiting.wait();
  CHECK(storage.open("other", {}));
  CHECK(storage.list("", [](void*, std::string_view) {}, nullptr));
  CHECK(storage.sync_names());
  CHECK(storage.remove("other"));
  for (const int file : held) close(file);
  for (std::thread& opener : openers) opener.join();
  CHECK(slow);
  REQUIRE(fresh);
  REQUIRE(again);
  CHECK(*fresh == *again);
  CHECK(storage.remove("new"));
}

#if !ORRERY_ASAN && !ORRERY_TSAN  // a sanitizer has its own operators

namespace {

thread_local int allocations_left = -1;  // none follows the last; without a limit if negative

}  // namespace

// What it gives is freed by the operator of the library, which calls free.
void* operator new(size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  void* const block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

TEST_CASE("a file that was made without memory to note its name is synced all the same",
          "[directory]") {
  const TemporaryFolder above;
  const auto machine = open_machine(above.path());
  engine::Storage& storage = machine->runtime().storage;
  const std::string name = "a-folder-with-a-long-name/data";  // no short string
  const std::string path = above.path() + "/" + name;
  (*storage.open(name, {}))->close();
  for (int count = 0;; ++count) {
    REQUIRE(storage.sync_names());
    REQUIRE(std::filesystem::remove(path));  // known, and not there
    allocations_left = count;
    const auto opened = storage.open(name, {});
    allocations_left = -1;
    INFO(count << " allocations");
    if (!opened) CHECK(opened.error().code == Errc::no_memory);
    const bool is_made = std::filesystem::exists(path);
    CHECK((!is_made || synced_by(storage).contains(above.path() + "/a-folder-with-a-long-name")));
    if (!is_made) REQUIRE(storage.open(name, {}));
    (*storage.open(name, {}))->close();
    if (opened) break;
  }
}

#endif
