// SPDX-License-Identifier: Apache-2.0
#include "cli/fuzzer.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "cli/files.hpp"
#include "cli/verb.hpp"
#include "fuzz/worker.hpp"
#include "sim/signals.hpp"

namespace orrery::cli {
namespace {

constexpr timespec kTick{0, 20'000'000};

[[noreturn]] void become(const FuzzerOrder& order);
bool has_ended(pid_t process);
void read_log(const std::string& log, Fuzzed& fuzzed);

}  // namespace

std::string fuzzer_path(const std::string& program, const std::string& target) {
  const std::filesystem::path build = std::filesystem::path(program).parent_path().parent_path();
  const std::filesystem::path fuzzers[] = {build, build.parent_path() / "fuzz"};
  for (const std::filesystem::path& folder : fuzzers) {
    const std::string path = (folder / "fuzz/targets" / target).string();
    if (file_exists(path)) return path;
  }
  return {};
}

std::vector<std::string> fuzzer_flags(const std::string& scenario, const fuzz::Changes& changes) {
  std::vector<std::string> flags{"--scenario=" + scenario};
  for (const std::string& bug : changes.bugs) flags.push_back("--bug=" + bug);
  for (const std::string& fault : changes.faults) flags.push_back("--fault=" + fault);
  if (changes.no_faults) flags.emplace_back("--no-faults");
  for (const sim::Size& size : changes.sizes) {
    flags.push_back(fmt::format("--set={}={}", size.name, size.value));
  }
  for (const std::string& oracle : changes.oracles) flags.push_back("--oracle=" + oracle);
  return flags;
}

std::string timeout_flag(int64_t hang_after_ms) {
  // It knocks every half of its timeout, and a second more.
  const int64_t knock_s = hang_after_ms / 2 / 1000 / sim::kKnocks;
  return fmt::format("-timeout={}", std::max<int64_t>(1, 2 * (knock_s - 1)));
}

Files artifacts_in(const std::string& folder) {
  Files files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file(error) && !name.starts_with("slow-unit-")) {
      files[entry.path().string()] = entry.last_write_time(error);
    }
  }
  return files;
}

std::vector<std::string> left_behind(const Files& before, const Files& after) {
  std::vector<std::string> left;
  for (const auto& [path, written] : after) {
    const auto known = before.find(path);
    if (known == before.end() || known->second != written) left.push_back(path);
  }
  return left;
}

Fuzzed run_fuzzer(const FuzzerOrder& order) {
  Fuzzed fuzzed;
  const pid_t parent = getpid();
  const int64_t until = fuzz::steady_ms() + order.patience_ms;
  const pid_t process = fork();
  if (process == 0) {
    setpgid(0, 0);
    if (!fuzz::dies_with(parent)) _exit(kHarness);
    become(order);
  }
  if (process > 0) {
    // Here as well: whoever comes first, there is a group before anything is sent to it.
    setpgid(process, process);
    fuzz::Interrupts::take_along(process);
    bool told = false;
    while (!has_ended(process)) {
      const bool came = order.interrupts != nullptr && order.interrupts->came();
      if (came && !std::exchange(told, true)) kill(-process, SIGINT);
      if (fuzz::steady_ms() >= until && !std::exchange(fuzzed.overdue, true)) {
        kill(-process, SIGKILL);
      }
      nanosleep(&kTick, nullptr);
    }
    // What it has begun and left behind. Until it is taken in, its number is nobody else's.
    kill(-process, SIGKILL);
    fuzz::Interrupts::take_along(0);
    waitpid(process, &fuzzed.status, 0);
  }
  read_log(order.log, fuzzed);
  return fuzzed;
}

namespace {

// It is not taken in by this. True also if nobody knows.
bool has_ended(pid_t process) {
  siginfo_t info{};
  const int got = waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT);
  return got != 0 || info.si_pid == process;
}

// Out of the foreground of its terminal, a process that reads from there is stopped.
void become(const FuzzerOrder& order) {
  for (const int number : {SIGINT, SIGTERM}) signal(number, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY);
  const int file = open(order.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (nothing < 0 || file < 0) _exit(kHarness);
  dup2(nothing, STDIN_FILENO);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  if (nothing > STDERR_FILENO) close(nothing);
  if (file > STDERR_FILENO) close(file);
  std::vector<char*> words{const_cast<char*>(order.path.c_str())};
  for (const std::string& word : order.arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execv(order.path.c_str(), words.data());
  _exit(kHarness);
}

void read_log(const std::string& log, Fuzzed& fuzzed) {
  constexpr std::string_view kInputs = "stat::number_of_executed_units:";
  std::ifstream file(log, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kInputs)) {
      fuzzed.inputs = std::strtoull(line.c_str() + kInputs.size(), nullptr, 10);
    }
    // In its fork mode it says no more than this: "#5369: cov: 1462 ...".
    if (line.starts_with('#') && line.find(": cov: ") != std::string::npos) {
      fuzzed.inputs = std::strtoull(line.c_str() + 1, nullptr, 10);
    }
    // A sanitizer says most in its summary, a failed check and a refusal in their one line.
    const bool summary = line.starts_with("SUMMARY: ") && !line.starts_with("SUMMARY: libFuzzer");
    const bool told = line.find("CHECK(") != std::string::npos || line.starts_with("schedule: ");
    if (summary || (told && fuzzed.last_words.empty())) fuzzed.last_words = line;
  }
}

}  // namespace
}  // namespace orrery::cli
