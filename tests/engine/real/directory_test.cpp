// SPDX-License-Identifier: Apache-2.0
// What a folder of devices does that no contract sees: it belongs to one storage at a time.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "engine/real/machine.hpp"
#include "tests/engine/real/temporary_folder.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using engine::Errc;
using tests::TemporaryFolder;

namespace {

std::unique_ptr<engine::Machine> open_machine(const std::string& folder) {
  auto opened = engine::Machine::open({folder});
  REQUIRE(opened);
  return std::move(*opened);
}

}  // namespace

TEST_CASE("a folder belongs to one storage at a time", "[directory]") {
  const TemporaryFolder folder;
  auto machine = open_machine(folder.path());
  const std::string link = folder.path() + "-link";
  std::filesystem::create_directory_symlink(folder.path(), link);
  for (const std::string& path : {folder.path(), link}) {
    const auto second = engine::Machine::open({path});
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::exists);
    CHECK(std::string(second.error().what).find("in use") != std::string::npos);
  }
  std::filesystem::remove(link);
  CHECK(machine->runtime().storage.open("x", {}));  // the first goes on
  machine.reset();
  // Another process.
  const int other = open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(flock(other, LOCK_EX | LOCK_NB) == 0);
  CHECK(engine::Machine::open({folder.path()}).error().code == Errc::exists);
  close(other);
  CHECK(engine::Machine::open({folder.path()}));
}

TEST_CASE("a folder is free when its storage goes, whatever was forked meanwhile", "[directory]") {
  const TemporaryFolder folder;
  auto machine = open_machine(folder.path());
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  REQUIRE(child > 0);
  machine.reset();
  const bool free = engine::Machine::open({folder.path()}).has_value();
  REQUIRE(kill(child, SIGKILL) == 0);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  CHECK(free);
}
