// SPDX-License-Identifier: Apache-2.0
// The machine keeps what the boundary promises where it goes wrong: its trouble is the kernel's.
// Each part of a trial is another life of the machine.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "engine/real/machine.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/kernel_calls.hpp"
#include "tests/engine/real/killed_child.hpp"
#include "tests/engine/real/shortage.hpp"
#include "tests/engine/real/temporary_folder.hpp"
#include "tests/engine/runtime/trial.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using tests::Expect;
using tests::Trial;
using tests::Trouble;

namespace {

template <typename Part>
void play(const engine::MachineOptions& options, const Part& part, Expect& expect) {
  auto machine = engine::Machine::open(options);
  expect(machine.has_value(), "no machine can be opened");
  if (machine) part((*machine)->runtime(), expect);
}

void play_and_die(const engine::MachineOptions& options, Trial::Part part, Expect& expect) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto machine = engine::Machine::open(options);
    expect(machine.has_value(), "no machine can be opened");
    if (machine) part((*machine)->runtime(), expect);
    (void)raise(SIGKILL);
  }
  REQUIRE_FALSE(tests::wait_for_child(child));
}

/// Takes all the room that a file system has left, for as long as it lives.
class Filler {
 public:
  explicit Filler(const std::string& folder) : path_(folder + "/filler") {
    const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const std::string bytes(4096, 'f');
    while (write(file, bytes.data(), bytes.size()) > 0) continue;
    close(file);
  }
  ~Filler() { unlink(path_.c_str()); }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;

 private:
  std::string path_;
};

// All of it on a file system that is full meanwhile: what was there can be written over.
void play_on_small_disk(const tests::IoWay& way, const Trial& trial, Expect& expect) {
  const tests::TemporaryFolder folder;
  const engine::MachineOptions options{folder.path() + "/devices", 2, way.method, way.direct,
                                       false};
  const auto parts = [&] {
    play(options, trial.before, expect);
    {
      const Filler filler(folder.path());
      play(options, trial.during, expect);
    }
    play(options, trial.after, expect);
  };
  if (tests::run_on_small_disk(folder.path(), size_t{1} << 20, parts)) return;
  WARN("not tried: this process may not mount");
  expect.saw();
}

std::string verdict_of(Expect& expect) {
  if (expect.broken() != nullptr) return expect.broken();
  return expect.has_seen() ? "ok" : "it never saw its trouble";
}

int refuse_names(const tests::KernelCall& call) {
  const bool of_names = call.kind == tests::CallKind::fsync ||
                        call.kind == tests::CallKind::readdir ||
                        call.kind == tests::CallKind::unlink;
  return of_names ? EIO : 0;
}

void play_in_trouble(const engine::MachineOptions& options, const Trial& trial, Expect& expect) {
  switch (trial.trouble) {
    case Trouble::full_disk: {
      const tests::FullDisk full;
      return play(options, trial.during, expect);
    }
    case Trouble::small_files: {
      const tests::SmallFiles small(tests::kFileMax);
      return play(options, trial.during, expect);
    }
    case Trouble::read_only: {
      const auto part = [&] { play(options, trial.during, expect); };
      if (tests::run_read_only(options.folder, part)) return;
      WARN("not tried: this process may not mount");
      return expect.saw();
    }
    case Trouble::broken_names: {
      const auto part = [&](const engine::Runtime& runtime, Expect& all) {
        const tests::WatchedCalls names(&refuse_names);
        trial.during(runtime, all);
      };
      return play(options, part, expect);
    }
    case Trouble::broken_disk:
    case Trouble::short_transfers: {
      const bool fail = trial.trouble == Trouble::broken_disk;
      const tests::TroubledTransfers transfers(fail ? tests::Transfers::failing
                                                    : tests::Transfers::in_halves);
      play(options, trial.during, expect);
      if (transfers.count() > 0) expect.saw();
      return;
    }
    case Trouble::no_memory: return play(options, trial.during, expect);
    case Trouble::kill: return play_and_die(options, trial.during, expect);
  }
}

}  // namespace

TEST_CASE("the machine keeps what is promised in trouble", "[contract]") {
  for (const tests::IoWay& way : tests::io_ways()) {
    for (const Trial& trial : tests::all_trials()) {
      INFO(trial.name << ", " << way.name);
      const tests::TemporaryFolder folder;
      engine::MachineOptions options{folder.path() + "/devices", 2, way.method, way.direct, false};
      options.memory_max = uint64_t{8} << 20;
      tests::SharedFile<Expect> expect(folder.path() + "/expect");  // a child finds out as well
      play(options, trial.before, *expect);
      play_in_trouble(options, trial, *expect);
      play(options, trial.after, *expect);
      CHECK(verdict_of(*expect) == "ok");
      if (trial.trouble != Trouble::full_disk) continue;
      Expect small;
      play_on_small_disk(way, trial, small);
      CHECK(verdict_of(small) == "ok");
    }
  }
}
