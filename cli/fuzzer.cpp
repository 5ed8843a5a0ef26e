// SPDX-License-Identifier: Apache-2.0
#include "cli/fuzzer.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "cli/files.hpp"
#include "cli/verb.hpp"
#include "fuzz/worker.hpp"

namespace orrery::cli {
namespace {

constexpr timespec kTick{0, 20'000'000};

[[noreturn]] void become(const FuzzerOrder& order);
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

Fuzzed run_fuzzer(const FuzzerOrder& order) {
  Fuzzed fuzzed;
  const pid_t parent = getpid();
  const int64_t until = fuzz::steady_ms() + order.patience_ms;
  const pid_t process = fork();
  if (process == 0) {
    if (!fuzz::dies_with(parent)) _exit(kHarness);
    become(order);
  }
  bool told = false;
  while (process > 0 && waitpid(process, &fuzzed.status, WNOHANG) == 0) {
    if (order.interrupts != nullptr && order.interrupts->came() && !std::exchange(told, true)) {
      kill(process, SIGINT);
    }
    if (fuzz::steady_ms() >= until && !std::exchange(fuzzed.overdue, true)) kill(process, SIGKILL);
    nanosleep(&kTick, nullptr);
  }
  read_log(order.log, fuzzed);
  return fuzzed;
}

namespace {

void become(const FuzzerOrder& order) {
  for (const int number : {SIGINT, SIGTERM}) signal(number, SIG_DFL);
  const int file = open(order.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) _exit(kHarness);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  close(file);
  std::vector<char*> words{const_cast<char*>(order.path.c_str())};
  for (const std::string& word : order.arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execv(order.path.c_str(), words.data());
  _exit(kHarness);
}

void read_log(const std::string& log, Fuzzed& fuzzed) {
  constexpr std::string_view kInputs = "stat::number_of_executed_units:";
  constexpr std::string_view kWritten = "Test unit written to ";
  std::ifstream file(log, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kInputs)) {
      fuzzed.inputs = std::strtoull(line.c_str() + kInputs.size(), nullptr, 10);
    }
    const size_t at = line.find(kWritten);
    // A slow input is no failure: libFuzzer goes on.
    if (at != std::string::npos && line.find("/slow-unit-") == std::string::npos) {
      fuzzed.artifacts.push_back(line.substr(at + kWritten.size()));
    }
    // A sanitizer says most in its summary, a failed check and a refusal in their one line.
    const bool summary = line.starts_with("SUMMARY: ") && !line.starts_with("SUMMARY: libFuzzer");
    const bool told = line.find("CHECK(") != std::string::npos || line.starts_with("schedule: ");
    if (summary || (told && fuzzed.last_words.empty())) fuzzed.last_words = line;
  }
}

}  // namespace
}  // namespace orrery::cli
