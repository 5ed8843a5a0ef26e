// SPDX-License-Identifier: Apache-2.0
#include "cli/confirm.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/files.hpp"
#include "cli/plan_options.hpp"
#include "engine/base/check.hpp"
#include "fuzz/last_words.hpp"
#include "fuzz/worker.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using Json = nlohmann::ordered_json;
using reports::RunRow;

constexpr int kTickMs = 100;
constexpr size_t kErrorLinesShown = 6;

bool read_some(int pipe, std::string& text);
std::string said_last(std::string_view err);
Output not_started();
Confirmation compare_deaths(const RunRow& row, const Output& fresh);
Confirmation compare(const RunRow& row, const Json& seen);
[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments,
                         int out);

}  // namespace

std::string tape_path(const std::string& folder, const char* scenario, uint64_t seed) {
  return fmt::format("{}/{}-{}.orry", folder, scenario, reports::hex64(seed));
}

Confirmation confirm(const Invocation& invocation, const scenarios::Scenario& scenario,
                     const RunRow& row, const fuzz::Changes& changes, const std::string& folder,
                     int64_t hang_after_ms) {
  const std::string tape = tape_path(folder, scenario.name(), row.seed);
  std::vector<std::string> words = replay_of(scenario, row, changes, hang_after_ms);
  words.insert(words.end(), {"--json", "--save", tape});
  const Output fresh = output_of(invocation.program, words, patience_of(hang_after_ms));
  const Json seen = Json::parse(first_line(fresh.out), nullptr, false);
  // Killed by this process, it would have said who knows what.
  if (fresh.overdue || !fresh.started) return without_answer(row, fresh);
  if (!seen.is_object()) return compare_deaths(row, fresh);
  const int code = code_of_answer(fresh);
  if (code < 0) return without_answer(row, fresh);
  Confirmation result = compare(row, seen);
  if (code == kNondeterminism) {
    result.outcome = Outcome::differs;
    result.differs_alone = true;
    result.text = "the replay of its own tape differs\n" + fresh.err;
  }
  if (code != kHarness && file_exists(tape)) result.tape = tape;
  if (code == kHarness) result.unsaved = said_last(fresh.err);
  return result;
}

ToldDivergence divergence_told(const Invocation& invocation, const scenarios::Scenario& scenario,
                               RunRow& row, const fuzz::Changes& changes, int64_t hang_after_ms) {
  std::vector<std::string> words = replay_of(scenario, row, changes, hang_after_ms);
  words.emplace_back("--json");
  const Output fresh = output_of(invocation.program, words, patience_of(hang_after_ms));
  if (becomes_failure(fresh, row)) return {};
  RunRow seen = row;
  const int code = code_of_answer(fresh);
  if (fresh.overdue || code < 0 || !reports::take_line(first_line(fresh.out), seen)) {
    return {"; a fresh process ended without an answer: it " + end_text(fresh), {}};
  }
  const bool again = code == kNondeterminism;
  if (!again && seen.verdict != scenarios::Verdict::ok) {
    return {fmt::format("; a fresh process says {}", seen.signature.view()), {}};
  }
  if (!again) {
    return {"; a fresh process does not see it, so it depends on more than where memory lies", {}};
  }
  ToldDivergence told;
  told.shown = true;
  // Without the line that repeats what is being said.
  told.text = fresh.err.substr(std::min(fresh.err.find('\n'), fresh.err.size()));
  const size_t row_end = std::min(fresh.out.find('\n'), fresh.out.size() - 1);
  const Json second = Json::parse(fresh.out.substr(row_end + 1), nullptr, false);
  if (second.is_object() && second.contains("parts")) told.place = second["parts"].dump();
  return told;
}

bool becomes_failure(const Output& fresh, RunRow& row) {
  CHECK(row.verdict != scenarios::Verdict::failed, "it is a failure already");
  RunRow seen = row;
  if (fresh.overdue || code_of_answer(fresh) < 0) return false;
  if (!reports::take_line(first_line(fresh.out), seen)) return false;
  if (seen.verdict != scenarios::Verdict::failed || seen.steps > row.steps) return false;
  seen.guarded = true;
  seen.rerun = reports::Rerun::none;
  seen.rerun_digest = 0;
  row = seen;
  return true;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<std::string> replay_of(const scenarios::Scenario& scenario, const RunRow& row,
                                   const fuzz::Changes& changes, int64_t hang_after_ms) {
  std::vector<std::string> words{"replay", scenario.name(), reports::hex64(row.seed),
                                 "-q",     "--hang-after",  fmt::format("{}ms", hang_after_ms)};
  for (std::string& word : arguments_of(changes)) words.push_back(std::move(word));
  return words;
}

int64_t patience_of(int64_t hang_after_ms) { return 4 * hang_after_ms; }

Confirmation without_answer(const RunRow& row, const Output& fresh) {
  Confirmation result;
  result.outcome = Outcome::harness;
  result.signature = row.signature.view();
  result.text = fmt::format("the fresh process ended without an answer: it {}\n", end_text(fresh));
  if (fresh.started) result.text += fuzz::heart_of(fresh.err, kErrorLinesShown);
  return result;
}

Output output_of(const std::string& program, const std::vector<std::string>& arguments,
                 int64_t patience_ms, const fuzz::Interrupts* interrupts) {
  Output output;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return not_started();
  fuzz::LastWords err;
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process < 0) {
    output = not_started();
    for (const int end : ends) close(end);
    return output;
  }
  if (process == 0) {
    if (!fuzz::dies_with(parent)) _exit(kHarness);
    fuzz::deaf_to_interrupts();
    err.listen();
    become(program, arguments, ends[1]);
  }
  output.started = true;
  close(ends[1]);
  const int64_t until = patience_ms < INT64_MAX ? fuzz::steady_ms() + patience_ms : INT64_MAX;
  while (read_some(ends[0], output.out)) {
    output.overdue = output.overdue || fuzz::steady_ms() >= until;
    output.interrupted = output.interrupted || (interrupts != nullptr && interrupts->came());
    if (output.overdue || output.interrupted) kill(process, SIGKILL);
  }
  close(ends[0]);
  int waited = -1;
  do {
    waited = waitpid(process, &output.status, 0);
  } while (waited < 0 && errno == EINTR);
  output.heard = waited == process;
  output.err = err.text();
  return output;
}

int code_of_answer(const Output& fresh) {
  const int code = fresh.heard && WIFEXITED(fresh.status) ? WEXITSTATUS(fresh.status) : -1;
  const bool is_known = code == kOk || code == kFound || code == kNondeterminism ||
                        code == kMisfit || code == kHarness;  // which says that no tape is saved
  return is_known ? code : -1;
}

std::string end_text(const Output& output) {
  if (!output.started) return "could not be started: " + output.err;
  if (output.overdue) return "was not over in time, and was killed";
  if (output.interrupted) return "was stopped by Ctrl-C";
  if (!output.heard) return "ended, and nobody could say how";
  return fuzz::death_text(output.status);
}

namespace {

// Waits for a moment. False at the end of the pipe.
bool read_some(int pipe, std::string& text) {
  pollfd watched{pipe, POLLIN, 0};
  if (poll(&watched, 1, kTickMs) <= 0) return true;
  std::array<char, 4096> buffer{};
  const ssize_t got = read(pipe, buffer.data(), buffer.size());
  if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

// What a process of this program said last, without the program's name.
std::string said_last(std::string_view err) {
  constexpr std::string_view kName = "orrery: ";
  if (err.ends_with('\n')) err.remove_suffix(1);
  err = err.substr(err.rfind('\n') + 1);  // npos + 1 is 0
  return std::string(err.starts_with(kName) ? err.substr(kName.size()) : err);
}

Output not_started() {
  Output output;
  output.err = strerror(errno);
  return output;
}

// A run that took its worker along takes the fresh process along as well, and in the same way.
Confirmation compare_deaths(const RunRow& row, const Output& fresh) {
  Confirmation result = without_answer(row, fresh);
  const std::string label =
      fmt::format("memory: {} (worker)", fuzz::death_label(fresh.status, fresh.err));
  result.died = fresh.heard && reports::took_worker_along(row) && row.signature.view() == label;
  if (result.died) result.outcome = Outcome::reproduced;
  return result;
}

// A guarded run may end at an earlier step than an unguarded one, and is right then.
Confirmation compare(const RunRow& row, const Json& seen) {
  Confirmation result;
  const std::string verdict = seen.value("verdict", "");
  result.digest = seen.value("digest", "");
  const uint64_t steps = seen.value("steps", uint64_t{0});
  result.signature = seen.value("signature", "");
  result.outcome = Outcome::differs;
  if (reports::took_worker_along(row) && verdict == "failed") {
    // Behind guards it is seen before it kills.
    result.outcome = Outcome::reproduced;
    return result;
  }
  if (reports::took_worker_along(row)) {
    // Its digest is not known, so there is nothing that differs; and whoever kills processes (the
    // kernel when memory runs short) is no bug of the engine.
    result.outcome = Outcome::harness;
    result.text = fmt::format("the worker died twice (\"{}\"), and the fresh process ends well",
                              row.signature.view());
    return result;
  }
  if (verdict != "failed") {
    result.text = fmt::format("the worker saw \"{}\", the fresh process says {}",
                              row.signature.view(), verdict);
    return result;
  }
  const bool comparable = row.guarded || steps == row.steps;
  if (comparable && result.digest != reports::hex64(row.digest)) {
    result.text = fmt::format("digest {} in the worker, {} in the fresh process",
                              reports::hex64(row.digest), result.digest);
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

// In the child.
void become(const std::string& program, const std::vector<std::string>& arguments, int out) {
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
