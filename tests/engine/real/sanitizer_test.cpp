// SPDX-License-Identifier: Apache-2.0
// The kernel touches buffers behind the backs of the sanitizers. The device tells them: what would
// be a mistake of any other code is one here. Nothing of this is there in a build without them.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "engine/base/sanitizers.hpp"
#include "engine/real/machine.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/killed_child.hpp"
#include "tests/engine/real/temporary_folder.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

#if ORRERY_ASAN || ORRERY_TSAN

using namespace orrery;
using engine::IoKind;

namespace {

constexpr const char* kChild = "a process that makes a mistake with a buffer";

/// Of sectors: nothing is said of the last one of a write.
struct Pair {
  alignas(512) std::byte bytes[1024] = {};
};

/// A device whose only thread is held up until it is let go, so that requests stay in flight. To
/// let it go orders nothing in the eyes of a race detector.
struct Busy {
  std::unique_ptr<engine::Machine> machine;
  engine::Device* device = nullptr;
  std::atomic<bool> held_up{false};
  std::atomic<bool> let_go{false};
  std::atomic<bool> ended{false};
  engine::Io gate;
  engine::Io io;

  Busy(const std::string& folder, const tests::IoWay& way) {
    machine = engine::Machine::open({folder, 1, way.method, way.direct, false}).value();
    device = *machine->runtime().storage.open("data", {});
    gate.kind = IoKind::sync;
    gate.owner = this;
    gate.done = [](engine::Io& finished) {
      auto& busy = *static_cast<Busy*>(finished.owner);
      busy.held_up.store(true, std::memory_order_relaxed);
      while (!busy.let_go.load(std::memory_order_relaxed)) usleep(1000);
    };
    device->submit(gate);
    while (!held_up.load(std::memory_order_relaxed)) usleep(1000);
  }
  void submit(IoKind kind, std::byte* buffer) {
    io.kind = kind;
    io.offset = 1024;
    io.length = sizeof(Pair);
    io.buffer = buffer;
    io.owner = this;
    io.done = [](engine::Io& finished) { static_cast<Busy*>(finished.owner)->ended.store(true); };
    device->submit(io);
  }
  void finish() {
    let_go.store(true, std::memory_order_relaxed);
    while (!ended.load()) usleep(1000);
  }
};

enum class Mistake : uint8_t { none, freed, outside, freed_early, touched };

/// In a process of its own: a sanitizer that has found something ends it.
std::string said_of(Mistake mistake, const std::string& folder, size_t way, IoKind kind) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  const pid_t child = tests::spawn_test_case(
      kChild,
      {"ORRERY_TEST_FOLDER=" + folder, "ORRERY_TEST_WAY=" + std::to_string(way),
       "ORRERY_TEST_KIND=" + std::to_string(static_cast<int>(kind)),
       "ORRERY_TEST_MISTAKE=" + std::to_string(static_cast<int>(mistake))},
      &actions);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string said;
  char part[4096];
  for (ssize_t count = 0; (count = read(ends[0], part, sizeof part)) > 0;) {
    said.append(part, static_cast<size_t>(count));
  }
  close(ends[0]);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  return said;
}

int number_of(const char* name) { return std::stoi(std::getenv(name)); }

}  // namespace

TEST_CASE(kChild, "[.child]") {
  const char* const folder = std::getenv("ORRERY_TEST_FOLDER");
  REQUIRE(folder != nullptr);  // or somebody has started it by hand
  const auto mistake = static_cast<Mistake>(number_of("ORRERY_TEST_MISTAKE"));
  const auto way = static_cast<size_t>(number_of("ORRERY_TEST_WAY"));
  const auto kind = static_cast<IoKind>(number_of("ORRERY_TEST_KIND"));
  Busy busy(folder, tests::io_ways().at(way));
  auto pair = std::make_unique<Pair>();
  std::byte* const bytes = pair->bytes + (mistake == Mistake::outside ? 8 : 0);
  if (mistake == Mistake::freed) pair.reset();
  busy.submit(kind, bytes);
  if (mistake == Mistake::freed_early) pair.reset();
  if (mistake == Mistake::touched) bytes[0] = std::byte{'x'};
  busy.finish();
}

TEST_CASE("what a device does to a buffer is seen by the sanitizers", "[sanitizer]") {
  const tests::TemporaryFolder folder;
  std::ofstream(folder.path() + "/data") << std::string(4096, 'x');
  const std::vector<tests::IoWay> ways = tests::io_ways();
  for (size_t way = 0; way < ways.size(); ++way) {
    for (const IoKind kind : {IoKind::read, IoKind::write}) {
      INFO(ways[way].name << (kind == IoKind::read ? ", read" : ", write"));
      const auto check = [&](Mistake mistake, const std::string& told) {
        const std::string said = said_of(mistake, folder.path(), way, kind);
        INFO(said);
        CHECK(told.empty() == said.empty());
        CHECK(said.find(told) != std::string::npos);
      };
      check(Mistake::none, "");
#if ORRERY_ASAN
      const std::string request =
          "/data: a request for 1024 bytes at 1024 has a buffer that is not";
      check(Mistake::freed, request);
      check(Mistake::outside, request);
      check(Mistake::freed_early,
            "/data: the buffer of a request for 1024 bytes at 1024 was freed in flight");
#else
      check(Mistake::touched, "data race");
#endif
    }
  }
}

#endif
