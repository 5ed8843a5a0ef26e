// SPDX-License-Identifier: Apache-2.0
#include "cli/artifacts.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/files.hpp"
#include "cli/fuzzer.hpp"
#include "cli/plan_options.hpp"
#include "fuzz/schedule.hpp"
#include "fuzz/standstill.hpp"
#include "reports/run_row.hpp"
#include "reports/words.hpp"
#include "sim/tape.hpp"

namespace orrery::cli {
namespace {

using Json = nlohmann::ordered_json;

// What is asked for plays its run a few times.
constexpr int64_t kPlaysMax = 4;

std::string without_numbers(std::string_view text);

}  // namespace

int convert(const Invocation& invocation, const scenarios::Scenario& scenario,
            const fuzz::Changes& changes, const std::string& input, const std::string& tape,
            int64_t hang_after_ms) {
  std::string bytes;
  const std::string wrong = read_file(input, bytes);
  if (!wrong.empty()) return usage_error(invocation, wrong);
  // Before there is a world: what was before it is there again after it.
  fuzz::watch_for_standstill(hang_after_ms / 2);
  fuzz::SchedulePlayer player(scenario, changes);
  if (!player.wrong().empty()) return usage_error(invocation, player.wrong());
  const scenarios::Run& run =
      player.play({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  invocation.out << reports::json_line(reports::row_of(run), scenario.name()) << '\n';
  if (!tape.empty()) {
    const std::string failed = write_file(tape, sim::print_tape(scenarios::tape_of(run)));
    if (!failed.empty()) {
      invocation.err << fmt::format("orrery: {}\n", failed);
      return kHarness;
    }
  }
  switch (run.verdict) {
    case scenarios::Verdict::ok: return kOk;
    case scenarios::Verdict::failed: return kFound;
    case scenarios::Verdict::inconclusive: break;
  }
  return kMisfit;
}

void Artifacts::add(const std::string& artifact) {
  const bool stopped = order_.interrupts != nullptr && order_.interrupts->came();
  if (stopped) return unseen_.push_back(artifact);
  if (order_.target->plays_runs) return add_run(artifact);
  add_death(artifact);
}

// In two fresh processes: from the bytes to a tape, and from the tape, guarded, to a verdict.
void Artifacts::add_run(const std::string& artifact) {
  const std::string name = std::filesystem::path(artifact).filename().string();
  const std::string tape =
      fmt::format("{}/{}-{}.orry", order_.folder, order_.scenario->name(), name);
  std::vector<std::string> words{"fuzz",   order_.target->name, "--convert",
                                 artifact, "--scenario",        order_.scenario->name()};
  // With the name of a tape that cannot be written, it would be refused and not played.
  const std::string unsaved = check_file(tape);
  if (unsaved.empty()) words.insert(words.end(), {"--tape", tape});
  const Output first = ask(std::move(words), order_.changes);
  if (first.interrupted) return unseen_.push_back(artifact);
  if (first.overdue || !first.started) {
    return trouble_.push_back(
        fmt::format("{}: the process that was to play it {}", artifact, end_text(first)));
  }
  const Json seen = Json::parse(first.out, nullptr, false);
  if (!seen.is_object() || text_at(seen, "verdict") != "failed") return add_death(artifact);
  known_.push_back(text_at(seen, "signature"));
  if (unsaved.empty() && WIFEXITED(first.status) && WEXITSTATUS(first.status) == kFound) {
    return add_tape(artifact, tape, first);
  }
  // What was found stands, and is told; but there is no tape of it.
  const std::string failed = first.err.substr(0, first.err.find('\n'));
  trouble_.push_back(fmt::format("{}: no tape of it could be saved: {}", artifact,
                                 unsaved.empty() ? failed : unsaved));
  count(text_at(seen, "signature"), artifact, "");
}

void Artifacts::add_tape(const std::string& artifact, const std::string& tape,
                         const Output& converted) {
  const Json seen = Json::parse(converted.out, nullptr, false);
  fuzz::Changes oracles;  // a tape holds no oracles
  oracles.oracles = order_.changes.oracles;
  const Output second = ask({"replay", tape, "--json", "-q"}, oracles);
  if (second.interrupted) return unseen_.push_back(artifact);
  const Json replayed = Json::parse(first_line(second.out), nullptr, false);
  const int code = WIFEXITED(second.status) ? WEXITSTATUS(second.status) : -1;
  // A guarded run may end at an earlier step, and is right then.
  const bool same_end = replayed.is_object() && replayed["steps"] == seen["steps"];
  if (code == -1 || code == kHarness || code == kUsage || !replayed.is_object()) {
    trouble_.push_back(fmt::format("{}: the replay of {} did not come to an answer: it {} {}",
                                   artifact, tape, end_text(second),
                                   second.err.substr(0, second.err.find('\n'))));
    count(text_at(seen, "signature"), artifact, tape);
    return;
  }
  if (code != kFound || (same_end && replayed["digest"] != seen["digest"])) {
    differing_.push_back(fmt::format("{}: \"{}\" does not come back when {} is replayed", artifact,
                                     text_at(seen, "signature"), tape));
    return;
  }
  const std::string signature = text_at(replayed, "signature");
  const std::string kept = count(signature, artifact, tape);
  // Guards may give it another name than the target has for it.
  for (const std::string& name : {signature, text_at(seen, "signature")}) {
    if (!kept.empty()) saved_.add(name, kept);
  }
}

// A fresh process, which may take its time, and no more.
Output Artifacts::ask(std::vector<std::string> words, const fuzz::Changes& changes) const {
  words.insert(words.end(), {"--hang-after", fmt::format("{}ms", order_.hang_after_ms)});
  for (std::string& word : arguments_of(changes)) words.push_back(std::move(word));
  return output_of(invocation_.program, words, kPlaysMax * order_.hang_after_ms, order_.interrupts);
}

// What took the target's process along takes a fresh one along as well.
void Artifacts::add_death(const std::string& artifact) {
  std::vector<std::string> words{artifact, "-error_exitcode=1"};
  if (order_.target->plays_runs) {
    for (std::string& flag : fuzzer_flags(order_.scenario->name(), order_.changes)) {
      words.push_back(std::move(flag));
    }
    words.push_back(timeout_flag(order_.hang_after_ms));
  }
  const Fuzzed again = run_fuzzer({order_.fuzzer, words, order_.folder + "/artifact.log",
                                   kPlaysMax * order_.hang_after_ms, order_.interrupts});
  if (order_.interrupts != nullptr && order_.interrupts->came()) {
    return unseen_.push_back(artifact);
  }
  if (again.status == -1) {
    trouble_.push_back(artifact + ": nobody knows what a fresh process makes of it");
    return;
  }
  if (again.overdue) {
    trouble_.push_back(artifact + ": a fresh process does not end with it");
    return;
  }
  if (WIFEXITED(again.status) && WEXITSTATUS(again.status) == 0) {
    // Nobody compared digests: a process that was killed from outside looks like this as well.
    trouble_.push_back(artifact + ": the target died of it, and a fresh process does not");
    return;
  }
  if (again.last_words.empty()) {
    trouble_.push_back(artifact + ": the target dies of it and does not say why");
  }
  count("the target's process died: " + without_numbers(again.last_words), artifact, "");
}

std::string Artifacts::count(const std::string& signature, const std::string& artifact,
                             const std::string& tape) {
  auto found = std::find_if(findings_.begin(), findings_.end(),
                            [&](const ArtifactFinding& one) { return one.signature == signature; });
  if (found == findings_.end()) {
    const std::string saved = saved_.tape_of(signature);
    found = findings_.insert(found, {signature, artifact, saved.empty() ? tape : saved, 0});
  }
  ++found->count;
  if (found->tape.empty()) found->tape = tape;  // of one before it none could be saved
  // One tape a failure; the same input twice is saved in the same place.
  std::error_code error;
  if (!tape.empty() && tape != found->tape) std::filesystem::remove(tape, error);
  return found->tape;
}

namespace {

// Addresses, sizes and the number of a process make no other failure of it.
std::string without_numbers(std::string_view text) {
  std::string kept;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool digit = text[at] >= '0' && text[at] <= '9';
    if (!digit) kept += text[at];
    if (digit && (kept.empty() || kept.back() != '#')) kept += '#';
  }
  return kept;
}

}  // namespace
}  // namespace orrery::cli
