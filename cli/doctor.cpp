// SPDX-License-Identifier: Apache-2.0
// orrery doctor: whether this machine and this build are fit. One line a check: OK, WARN or FAIL,
// what was found, and the command that mends it.
#include <fmt/format.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/build.hpp"
#include "cli/confirm.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "engine/real/machine.hpp"
#include "reports/run_row.hpp"
#include "reports/words.hpp"
#include "sim/hash.hpp"

namespace orrery::cli {
namespace {

constexpr int64_t kMapsWanted = 65'530;
constexpr uint64_t kFreeWanted = uint64_t{1} << 30;
constexpr uint64_t kSeedsEach = 4;

enum class State : uint8_t { ok, warn, fail };

class Doctor {
 public:
  Doctor(const Invocation& invocation, Paint paint) : invocation_(invocation), paint_(paint) {}
  int run();

 private:
  void say(State state, std::string_view what, const std::string& found,
           std::string_view mend = "");
  void check_build();
  void check_randomisation();
  void check_memory();
  void check_limits();
  void check_disk();
  void check_native();
  void check_determinism();
  std::string other_process(const scenarios::Scenario& scenario, uint64_t seed);

  const Invocation& invocation_;
  Paint paint_;
  bool failed_ = false;
};

/// The number in a file of /proc; -1 if it cannot be read.
int64_t number_in(const char* path);

}  // namespace

int run_doctor(const Invocation& invocation) {
  Options options("doctor", "Says whether this machine and this build are fit.",
                  "examples\n  orrery doctor\n");
  std::optional<std::string> colour;
  options.value("--color", "WHEN", colour, "auto, always or never");
  if (const auto code = options.parse(invocation)) return *code;
  const std::string wrong = check_colour(colour.value_or("auto"));
  if (!wrong.empty()) return usage_error(invocation, wrong);
  return Doctor(invocation, Paint(wants_colour(colour.value_or("auto"), STDOUT_FILENO))).run();
}

namespace {

int Doctor::run() {
  check_build();
  check_randomisation();
  check_memory();
  check_limits();
  check_disk();
  check_native();
  if (!failed_) check_determinism();
  return failed_ ? kHarness : kOk;
}

void Doctor::say(State state, std::string_view what, const std::string& found,
                 std::string_view mend) {
  std::string word = paint_.green("OK  ");
  if (state == State::warn) word = paint_.yellow("WARN");
  if (state == State::fail) word = paint_.red("FAIL");
  failed_ = failed_ || state == State::fail;
  invocation_.out << fmt::format("{}  {:<16} {}\n", word, what, found);
  if (state != State::ok && !mend.empty()) {
    invocation_.out << fmt::format("      {:<16} mend: {}\n", "", mend);
  }
  invocation_.out.flush();
}

void Doctor::check_build() {
  say(State::ok, "compiler", compiler_text() + ", sanitizers: " + sanitizers_text());
  const std::string revision(scenarios::revision());
  const bool exact = revision != "unknown" && !revision.ends_with("-dirty");
  say(exact ? State::ok : State::warn, "revision", revision,
      "commit first: seeds are bound to a revision, and this one cannot be named");
  say(State::ok, "cores",
      reports::counted(static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_ONLN)), "core"));
}

void Doctor::check_randomisation() {
  const int64_t aslr = number_in("/proc/sys/kernel/randomize_va_space");
  // `setarch -R` takes it from one process alone.
  const int here = personality(0xffffffff);
  const bool off = aslr == 0 || (here != -1 && (here & ADDR_NO_RANDOMIZE) != 0);
  say(State::ok, "ASLR",
      off ? "off; what depends on where a program lies is not seen here"
          : "on; runs do not depend on it");
  const int64_t bits = number_in("/proc/sys/vm/mmap_rnd_bits");
  const bool high = bits > 28 && sanitizers_text() != "none";
  say(high ? State::warn : State::ok, "vm.mmap_rnd_bits",
      bits < 0 ? "not told by this kernel" : std::to_string(bits),
      "setarch -R orrery ...  (sanitizers of old compilers cannot live with so many)");
}

void Doctor::check_memory() {
  const int64_t overcommit = number_in("/proc/sys/vm/overcommit_memory");
  say(overcommit == 2 ? State::fail : State::ok, "vm.overcommit", std::to_string(overcommit),
      "sysctl vm.overcommit_memory=1  (sparse frames reserve more than they use)");
  const int64_t maps = number_in("/proc/sys/vm/max_map_count");
  say(maps < kMapsWanted ? State::fail : State::ok, "vm.max_map_count", reports::grouped(maps),
      "sysctl vm.max_map_count=65530");
  const std::string unfit = sim::World::unfit_machine();
  say(unfit.empty() ? State::ok : State::fail, "address space",
      unfit.empty() ? "enough can be reserved" : unfit, "ulimit -v unlimited");
}

void Doctor::check_limits() {
  rlimit stack{};
  getrlimit(RLIMIT_STACK, &stack);
  const bool small = stack.rlim_cur != RLIM_INFINITY && stack.rlim_cur < (rlim_t{1} << 20);
  say(small ? State::warn : State::ok, "stack",
      stack.rlim_cur == RLIM_INFINITY
          ? "unlimited"
          : reports::grouped(static_cast<uint64_t>(stack.rlim_cur >> 10)) + " KiB",
      "ulimit -s 8192");
}

void Doctor::check_disk() {
  struct statvfs disk{};
  if (statvfs(".", &disk) != 0) {
    return say(State::warn, "free disk", "cannot be told here", "run it in a folder of your own");
  }
  const uint64_t free = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  const bool writable = access(".", W_OK) == 0;
  say(free < kFreeWanted || !writable ? State::warn : State::ok, "free disk",
      fmt::format("{} MiB{}", reports::grouped(free >> 20),
                  writable ? "" : "; this folder cannot be written"),
      "orrery run --out DIR, with DIR on another disk");
}

// How the same engine would reach the disk that holds temporary files.
void Doctor::check_native() {
  std::string folder = (std::filesystem::temp_directory_path() / "orrery-doctor-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return say(State::warn, "native I/O", "cannot be told: no temporary folder", "TMPDIR=DIR");
  }
  engine::MachineOptions options;
  options.folder = folder;
  const auto machine = engine::Machine::open(options);
  const std::string way =
      machine ? (*machine)->io_method() : std::string("no machine: ") + machine.error().what;
  say(machine ? State::ok : State::warn, "native I/O",
      "in " + std::filesystem::temp_directory_path().string() + " " + way);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

// Each seed twice in this process, and once in another whose environment is of another size.
void Doctor::check_determinism() {
  uint64_t compared = 0;
  const std::string padding(3000, 'x');
  setenv("ORRERY_DOCTOR_PADDING", padding.c_str(), 1);
  scenarios::Runner runner;
  for (const scenarios::Scenario* scenario : scenarios::all_scenarios()) {
    if (scenario->is_large() || scenario->is_nondeterministic()) continue;
    for (uint64_t k = 0; k < kSeedsEach; ++k) {
      const uint64_t seed = sim::mix(sim::hash_of(scenario->name()), k);
      scenarios::Plan plan = scenarios::plan_of_seed(*scenario, seed);
      plan.guarded = true;
      const reports::RunRow row = reports::row_of(runner.play(plan));
      const std::string first = reports::json_line(row, scenario->name());
      plan.guarded = false;
      const uint64_t second = runner.play(plan).digest;
      const std::string other = other_process(*scenario, seed);
      if (row.digest == second && other == first) {
        ++compared;
        continue;
      }
      return say(State::fail, "determinism",
                 fmt::format("seed {} of {} gave two digests{}", reports::hex64(seed),
                             scenario->name(), row.digest == second ? ", in another process" : ""),
                 fmt::format("orrery replay {} {}", scenario->name(), reports::hex64(seed)));
    }
  }
  unsetenv("ORRERY_DOCTOR_PADDING");
  say(State::ok, "determinism",
      fmt::format("{} played three times, once in a process with another environment: equal",
                  reports::counted(compared, "seed")));
}

std::string Doctor::other_process(const scenarios::Scenario& scenario, uint64_t seed) {
  std::string line = output_of(invocation_.program,
                               {"replay", scenario.name(), reports::hex64(seed), "--json", "-q"})
                         .out;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

int64_t number_in(const char* path) {
  std::ifstream file(path);
  int64_t number = -1;
  return file >> number ? number : -1;
}

}  // namespace
}  // namespace orrery::cli
