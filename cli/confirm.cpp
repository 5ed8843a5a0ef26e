// SPDX-License-Identifier: Apache-2.0
#include "cli/confirm.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "cli/files.hpp"
#include "cli/plan_options.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using Json = nlohmann::ordered_json;
using reports::RunRow;

Confirmation compare(const RunRow& row, const Json& seen);
[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments,
                         int out);

}  // namespace

std::string tape_path(const std::string& folder, const char* scenario, uint64_t seed) {
  return fmt::format("{}/{}-{}.orry", folder, scenario, reports::hex64(seed));
}

Confirmation confirm(const Invocation& invocation, const scenarios::Scenario& scenario,
                     const RunRow& row, const fuzz::Changes& changes, const std::string& folder) {
  const std::string tape = tape_path(folder, scenario.name(), row.seed);
  std::vector<std::string> words{
      "replay", scenario.name(), reports::hex64(row.seed), "--json", "-q", "--save", tape};
  for (std::string& word : arguments_of(changes)) words.push_back(std::move(word));
  int status = 0;
  const std::string text = output_of(invocation.program, words, status);
  const Json seen = Json::parse(text, nullptr, false);
  Confirmation result;
  if (!seen.is_object()) {
    // A run that took its worker along takes the fresh process along as well.
    result.died = row.signature.view().ends_with("(worker)");
    result.outcome = result.died ? Outcome::reproduced : Outcome::harness;
    result.signature = row.signature.view();
    result.text = "the fresh process ended without an answer";
    return result;
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result = compare(row, seen);
  if (code == kNondeterminism) {
    result.outcome = Outcome::differs;
    result.text = "the replay of its own tape differs";
  }
  if (code != kHarness && file_exists(tape)) result.tape = tape;
  return result;
}

std::string output_of(const std::string& program, const std::vector<std::string>& arguments,
                      int& status) {
  int ends[2];
  status = -1;
  if (pipe(ends) != 0) return {};
  const pid_t process = fork();
  if (process == 0) {
    close(ends[0]);
    become(program, arguments, ends[1]);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = read(ends[0], buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  close(ends[0]);
  while (process > 0 && waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return text;
}

namespace {

// A guarded run may end at an earlier step than an unguarded one, and is right then.
Confirmation compare(const RunRow& row, const Json& seen) {
  Confirmation result;
  const std::string verdict = seen.value("verdict", "");
  const std::string digest = seen.value("digest", "");
  const uint64_t steps = seen.value("steps", uint64_t{0});
  result.signature = seen.value("signature", "");
  result.outcome = Outcome::differs;
  if (verdict != "failed") {
    result.text = fmt::format("the worker saw \"{}\", the fresh process says {}",
                              row.signature.view(), verdict);
    return result;
  }
  const bool comparable = row.guarded || steps == row.steps;
  if (comparable && digest != reports::hex64(row.digest)) {
    result.text = fmt::format("digest {} in the worker, {} in the fresh process",
                              reports::hex64(row.digest), digest);
    return result;
  }
  if (!comparable && steps > row.steps) {
    result.text = fmt::format("the worker stopped at step {}, the fresh process at step {}",
                              row.steps, steps);
    return result;
  }
  result.outcome = Outcome::reproduced;
  return result;
}

// In the child. Ctrl-C works there as usual, whatever the parent does with it.
void become(const std::string& program, const std::vector<std::string>& arguments, int out) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(out, STDOUT_FILENO);
  close(out);
  std::vector<char*> words{const_cast<char*>(program.c_str())};
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  _exit(kHarness);
}

}  // namespace
}  // namespace orrery::cli
