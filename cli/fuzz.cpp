// SPDX-License-Identifier: Apache-2.0
// orrery fuzz: lets libFuzzer mutate inputs of a target for some time, and tells what it found:
// each failure once, reproduced in fresh processes, with a tape where the input means a run.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "cli/artifacts.hpp"
#include "cli/build.hpp"
#include "cli/files.hpp"
#include "cli/fuzzer.hpp"
#include "cli/known_failures.hpp"
#include "cli/options.hpp"
#include "cli/plan_options.hpp"
#include "cli/values.hpp"
#include "cli/verb.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScenario = "snapshot-full-cache";
constexpr int64_t kTimeByDefaultMs = 60'000;
constexpr int64_t kGraceByDefaultMs = 60'000;
constexpr int64_t kHangAfterByDefaultMs = 8'000;  // an input is short
constexpr int kInterruptedFuzzer = 72;            // libFuzzer's exit code for Ctrl-C

struct FuzzWords {
  std::string target;
  std::optional<std::string> scenario;
  std::optional<std::string> time;
  std::optional<std::string> grace;
  std::optional<std::string> hang_after;
  std::optional<std::string> seed;
  std::optional<std::string> folder;
  std::optional<std::string> fuzzer;
  std::optional<std::string> input;
  std::optional<std::string> tape;
  bool keep_going = false;
  bool quiet = false;
  PlanOptions plan;
};

struct Order {
  ArtifactOrder artifacts;
  int64_t time_ms = kTimeByDefaultMs;
  int64_t grace_ms = kGraceByDefaultMs;  // beyond its time, before the target is killed
  uint64_t seed = 0;                     // 0: libFuzzer draws one
  bool keep_going = false;
  bool quiet = false;
  std::string input;
  std::string tape;
  std::vector<std::string> more;  // for libFuzzer itself
  std::string hang_after;         // as given, for a command that replays
};

/// What a fuzzing came to beside its artifacts.
struct Ended {
  uint64_t inputs = 0;
  double seconds = 0;
  bool interrupted = false;
  std::string wrong;  // the target could not do its work
  std::string full;   // why nothing can be kept any more; empty: it can
};

void add_options(Options& options, FuzzWords& words);
std::string read(const FuzzWords& words, Order& order);
int missing(const Invocation& invocation, const std::string& target);
Ended hunt(const Invocation& invocation, const Order& order, KnownFailures& saved,
           Artifacts& artifacts);
std::string flags_of(const ArtifactOrder& order);
std::string write_known(const std::string& path, const KnownFailures& saved,
                        const Artifacts& artifacts);
std::string check_room(const std::string& folder);
bool judge(const Order& order, const Fuzzed& fuzzed, bool nothing_left, Ended& ended);
std::vector<std::string> arguments(const Order& order, const std::string& known, int64_t left_ms,
                                   uint64_t round);
int tell(const Invocation& invocation, const Order& order, const KnownFailures& saved,
         const Artifacts& artifacts, const Ended& ended);

}  // namespace

int run_fuzz(const Invocation& invocation) {
  // What stands behind "--" is for libFuzzer.
  Invocation ours = invocation;
  Order order;
  const auto end = std::find(ours.arguments.begin(), ours.arguments.end(), "--");
  if (end != ours.arguments.end()) order.more.assign(end + 1, ours.arguments.end());
  ours.arguments.erase(end, ours.arguments.end());
  FuzzWords words;
  Options options("fuzz", "Lets libFuzzer search among inputs of a fuzz target.",
                  "examples\n"
                  "  orrery fuzz schedule --bug garnet-385 --time 60s\n"
                  "  orrery fuzz schedule --scenario many-sessions --time 10m --keep-going\n"
                  "  orrery fuzz tape --time 30s -- -max_len=512\n"
                  "  orrery fuzz schedule --convert crash-1f --bug garnet-385 --tape it.orry\n");
  add_options(options, words);
  if (const auto code = options.parse(ours)) return *code;
  const std::string wrong = read(words, order);
  if (!wrong.empty()) return usage_error(invocation, wrong);
  if (!order.input.empty()) {
    return convert(invocation, *order.artifacts.scenario, order.artifacts.changes, order.input,
                   order.tape, order.artifacts.hang_after_ms);
  }
  std::string& fuzzer = order.artifacts.fuzzer;
  if (fuzzer.empty()) fuzzer = fuzzer_path(invocation.program, order.artifacts.target->name);
  if (fuzzer.empty()) return missing(invocation, order.artifacts.target->name);
  const fuzz::Interrupts interrupts;
  order.artifacts.interrupts = &interrupts;
  KnownFailures saved(order.artifacts.folder,
                      order.artifacts.target->name + flags_of(order.artifacts));
  const std::string unread = saved.read();
  if (!unread.empty()) return usage_error(invocation, unread);
  Artifacts artifacts(invocation, order.artifacts, saved);
  const Ended ended = hunt(invocation, order, saved, artifacts);
  return tell(invocation, order, saved, artifacts, ended);
}

namespace {

void add_options(Options& options, FuzzWords& words) {
  options.word("target", words.target, "what to fuzz (orrery list fuzz-targets)");
  options.value("--scenario", "NAME", words.scenario,
                "what schedule plays (snapshot-full-cache; orrery list)");
  options.value("--time", "T", words.time, "for how long: 30s, 5m, 2h (60s)");
  options.value("-s,--seed", "N", words.seed, "libFuzzer's seed (drawn)");
  options.value("--grace", "T", words.grace, "kill the target when it is overdue by so much (60s)");
  options.value("--hang-after", "T", words.hang_after,
                "how long an input may take; standing still, half of it (8s)");
  words.plan.add_to(options);
  options.flag("--keep-going", words.keep_going, "do not stop at the first failure");
  options.value("--out", "DIR", words.folder, "corpus, artifacts and tapes (orrery-out/fuzz)");
  options.value("--fuzzer", "FILE", words.fuzzer, "the target's binary, if another than ./dev's");
  options.value("--convert", "FILE", words.input, "fuzz nothing: play this one input");
  options.value("--tape", "FILE", words.tape, "where --convert writes the run's tape");
  options.flag("-q,--quiet", words.quiet, "no chatter");
}

std::string read_target_name(const FuzzWords& words, ArtifactOrder& order) {
  if (words.target.empty()) return "fuzz what? orrery list fuzz-targets names the targets";
  order.target = fuzz::find_target(words.target);
  if (order.target != nullptr) return {};
  std::vector<std::string> known;
  for (const fuzz::TargetRow& row : fuzz::all_targets()) known.emplace_back(row.name);
  return fmt::format("fuzz target \"{}\" is not known; did you mean \"{}\"?", words.target,
                     scenarios::nearest(words.target, known));
}

// What says how runs are played: a target that plays none would take no notice of it.
std::string check_run_options(const FuzzWords& words, const fuzz::TargetRow& target) {
  if (target.plays_runs) return {};
  std::string_view given = words.plan.first_given();
  if (words.scenario) given = "--scenario";
  if (words.tape) given = "--tape";
  if (words.input) given = "--convert";
  if (given.empty()) return {};
  std::string players;
  for (const fuzz::TargetRow& row : fuzz::all_targets()) {
    if (row.plays_runs) players += std::string(players.empty() ? "" : " and ") + row.name;
  }
  return fmt::format("an input of {} is no run; {} goes with {}", target.name, given, players);
}

// What a conversion, which fuzzes nothing, would take no notice of.
std::string_view first_of_fuzzing(const FuzzWords& words, const Order& order) {
  if (words.time) return "--time";
  if (words.seed) return "-s";
  if (words.grace) return "--grace";
  if (words.keep_going) return "--keep-going";
  if (words.folder) return "--out";
  if (words.fuzzer) return "--fuzzer";
  return order.more.empty() ? "" : "--";
}

// What is played instead of a fuzzing, and where its tape goes.
std::string read_conversion(const FuzzWords& words, Order& order) {
  order.input = words.input.value_or("");
  order.tape = words.tape.value_or("");
  if (words.tape && !words.input) return "--tape goes with --convert";
  if (words.input && order.input.empty()) return "--convert wants the name of a file";
  if (words.tape && order.tape.empty()) return "--tape wants the name of a file";
  if (const auto given = first_of_fuzzing(words, order); words.input && !given.empty()) {
    return fmt::format("{} goes with a fuzzing, and --convert is none", given);
  }
  return words.tape ? check_file(order.tape) : std::string();
}

std::string read(const FuzzWords& words, Order& order) {
  std::string wrong = read_target_name(words, order.artifacts);
  if (wrong.empty()) wrong = check_run_options(words, *order.artifacts.target);
  if (!wrong.empty()) return wrong;
  fuzz::Changes& changes = order.artifacts.changes;
  wrong = words.plan.changes(changes, words.scenario.value_or(kScenario));
  order.artifacts.scenario = scenario_named(words.scenario.value_or(kScenario), wrong);
  scenarios::Plan plan;
  if (wrong.empty()) wrong = fuzz::plan_for(*order.artifacts.scenario, 0, changes, plan);
  if (wrong.empty() && words.time) wrong = read_time(*words.time, order.time_ms);
  if (wrong.empty() && words.grace) wrong = read_time(*words.grace, order.grace_ms);
  order.artifacts.hang_after_ms = kHangAfterByDefaultMs;
  if (wrong.empty() && words.hang_after) {
    order.hang_after = hang_after_again(words.hang_after);
    wrong = read_time(*words.hang_after, order.artifacts.hang_after_ms);
  }
  if (wrong.empty() && words.seed) wrong = read_count("-s", *words.seed, 1, order.seed);
  if (wrong.empty() && order.seed > UINT32_MAX) wrong = "libFuzzer's seeds have 32 bits";
  order.artifacts.folder = words.folder.value_or("orrery-out/fuzz");
  if (order.artifacts.folder.empty()) return "--out wants the name of a folder";
  if (wrong.empty() && !words.input) wrong = check_folder(order.artifacts.folder);
  if (wrong.empty()) wrong = read_conversion(words, order);
  order.artifacts.fuzzer = words.fuzzer.value_or("");
  if (wrong.empty() && words.fuzzer && !file_exists(*words.fuzzer)) {
    wrong = fmt::format("there is no file \"{}\"", *words.fuzzer);
  } else if (wrong.empty() && words.fuzzer && access(words.fuzzer->c_str(), X_OK) != 0) {
    wrong = fmt::format("\"{}\" is no program", *words.fuzzer);
  }
  order.keep_going = words.keep_going;
  order.quiet = words.quiet;
  return wrong;
}

int missing(const Invocation& invocation, const std::string& target) {
  invocation.err << fmt::format(
      "orrery: the fuzz target {} was not built; it wants clang-19 and its libFuzzer:\n"
      "  ./dev fuzz {}\n",
      target, target);
  return kUsage;
}

// libFuzzer ends at what it finds. Unless that is enough it begins again, with the corpus it has
// and the names of what need not stop it any more.
Ended hunt(const Invocation& invocation, const Order& order, KnownFailures& saved,
           Artifacts& artifacts) {
  const std::string& folder = order.artifacts.folder;
  const std::string known = folder + "/known-to-target";
  Ended ended;
  std::error_code error;
  fs::create_directories(folder + "/artifacts", error);
  if (!error) fs::create_directories(folder + "/corpus-" + order.artifacts.target->name, error);
  if (error) {
    ended.wrong = fmt::format("nothing can be kept in {}: {}", folder, error.message());
    return ended;
  }
  if (!order.quiet) {
    const fuzz::TargetRow& target = *order.artifacts.target;
    invocation.err << fmt::format(
        "{}\nfuzz {}  {}in {}\n", version_text(), target.name,
        target.plays_runs ? std::string(order.artifacts.scenario->name()) + "  " : "", folder);
    invocation.err.flush();
  }
  const auto begun = std::chrono::steady_clock::now();
  for (uint64_t round = 0;; ++round) {
    ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    const int64_t left_ms = order.time_ms - static_cast<int64_t>(ended.seconds * 1000);
    if (left_ms <= 0) break;
    ended.full = write_known(known, saved, artifacts);
    if (ended.full.empty()) ended.full = check_room(folder);
    ended.wrong = ended.full;
    if (!ended.wrong.empty()) break;
    const Files before = artifacts_in(folder + "/artifacts");
    const Fuzzed fuzzed = run_fuzzer(
        {order.artifacts.fuzzer, arguments(order, known, left_ms, round), folder + "/libfuzzer.log",
         left_ms + order.grace_ms, order.artifacts.interrupts});
    // However it ended: there may be more than one, and some of them from before it went on.
    const auto left = left_behind(before, artifacts_in(folder + "/artifacts"));
    for (const std::string& artifact : left) artifacts.add(artifact);
    ended.wrong = saved.save();
    const bool goes_on = judge(order, fuzzed, left.empty(), ended);
    ended.full = check_room(folder);
    // Then its log is cut short as well: nothing else that it says counts.
    if (!ended.full.empty()) ended.wrong = ended.full;
    if (!ended.full.empty()) break;
    if (!goes_on || !order.keep_going) break;
  }
  ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return ended;
}

// libFuzzer does not look whether what it writes arrives: of an artifact a part may be there, which
// means another run, and of its log as well. So it is seen here whether the folder takes as much as
// an artifact and what belongs to it.
std::string check_room(const std::string& folder) {
  constexpr size_t kRoom = size_t{64} << 10;
  const std::string path = folder + "/room";
  const std::string wrong = write_file(path, std::string(kRoom, '\0'));
  std::error_code error;
  fs::remove(path, error);
  return wrong;
}

// What the target need not stop for: of what is played now, the signatures alone.
std::string write_known(const std::string& path, const KnownFailures& saved,
                        const Artifacts& artifacts) {
  std::string names;
  for (const std::string& name : saved.signatures()) names += name + '\n';
  for (const std::string& name : artifacts.known()) names += name + '\n';
  return write_file(path, names);
}

// Each with a blank before it.
std::string flags_of(const ArtifactOrder& order) {
  std::string flags;
  if (!order.target->plays_runs) return flags;
  for (const std::string& flag : fuzzer_flags(order.scenario->name(), order.changes)) {
    flags += " " + flag;
  }
  return flags;
}

// Adds how one process of the target ended. True if another could find more.
bool judge(const Order& order, const Fuzzed& fuzzed, bool nothing_left, Ended& ended) {
  const int code = WIFEXITED(fuzzed.status) ? WEXITSTATUS(fuzzed.status) : -1;
  const std::string log = order.artifacts.folder + "/libfuzzer.log";
  ended.inputs += fuzzed.inputs;
  // What was told to stop may also die of that.
  ended.interrupted = code == kInterruptedFuzzer || order.artifacts.interrupts->came();
  if (fuzzed.overdue) {
    ended.wrong = fmt::format("the target did not stop when its time was over (see {})", log);
  } else if (code == 0 && fuzzed.inputs == 0) {
    ended.wrong = fmt::format("the target ended without having tried an input (see {})", log);
  } else if (code != 0 && !ended.interrupted && nothing_left) {
    ended.wrong =
        fmt::format("the target ended and left no artifact: {} (see {})", fuzzed.last_words, log);
  }
  return ended.wrong.empty() && code != 0 && !ended.interrupted;
}

std::vector<std::string> arguments(const Order& order, const std::string& known, int64_t left_ms,
                                   uint64_t round) {
  const std::string& folder = order.artifacts.folder;
  const std::string target = order.artifacts.target->name;
  std::vector<std::string> words{
      folder + "/corpus-" + target,
      "-artifact_prefix=" + folder + "/artifacts/",
      // libFuzzer's own code for a crash is 77, which others read as "skipped".
      "-error_exitcode=1",
      "-print_final_stats=1",
      "-max_total_time=" + std::to_string((left_ms + 999) / 1000),
  };
  if (order.artifacts.target->plays_runs) {
    // Every selection counts from the first input on.
    words.emplace_back("-len_control=0");
    words.push_back("--known=" + known);
    words.push_back(timeout_flag(order.artifacts.hang_after_ms));
    for (std::string& flag :
         fuzzer_flags(order.artifacts.scenario->name(), order.artifacts.changes)) {
      words.push_back(std::move(flag));
    }
  }
  if (order.seed != 0) words.push_back("-seed=" + std::to_string(order.seed + round));
  words.insert(words.end(), order.more.begin(), order.more.end());
  return words;
}

int tell(const Invocation& invocation, const Order& order, const KnownFailures& saved,
         const Artifacts& artifacts, const Ended& ended) {
  const auto& findings = artifacts.findings();
  std::string found = reports::counted(findings.size(), "failure");
  if (findings.empty()) found = "nothing found";
  if (findings.empty() && !ended.full.empty()) found = "what was found may not have been kept";
  invocation.out << fmt::format("fuzz {}  {}  {:.1f} s  {}\n", order.artifacts.target->name,
                                reports::counted(ended.inputs, "input"), ended.seconds, found);
  if (saved.count_from_before() > 0) {
    invocation.out << fmt::format("  not looked for: {} of before (see {})\n",
                                  reports::counted(saved.count_from_before(), "signature"),
                                  saved.path());
  }
  for (const ArtifactFinding& one : findings) {
    invocation.out << fmt::format("\nFOUND  {}  ({})\n", one.signature,
                                  reports::counted(one.count, "artifact"));
    if (one.tape.empty()) {
      invocation.out << fmt::format("  again:   {} {}{}\n", order.artifacts.fuzzer, one.artifact,
                                    flags_of(order.artifacts));
      continue;
    }
    const std::string what = shell_word(one.tape) + oracles_of(order.artifacts.changes.oracles);
    invocation.out << fmt::format("  replay:  {} replay {}{}\n", invocation.called, what,
                                  order.hang_after);
    invocation.out << fmt::format("  shrink:  {} shrink {}\n", invocation.called, what);
    invocation.out << fmt::format("  input:   {}\n", one.artifact);
  }
  for (const std::string& line : artifacts.differing()) {
    invocation.err << fmt::format("orrery: NONDETERMINISM  {}\n", line);
  }
  for (const std::string& line : artifacts.trouble()) {
    invocation.err << fmt::format("orrery: HARNESS FAILURE  {}\n", line);
  }
  for (const std::string& artifact : artifacts.unseen()) {
    invocation.err << fmt::format("orrery: nobody has looked at {}\n", artifact);
  }
  if (!ended.wrong.empty()) invocation.err << fmt::format("orrery: {}\n", ended.wrong);
  if (!artifacts.differing().empty()) return kNondeterminism;
  if (!ended.wrong.empty() || !artifacts.trouble().empty()) return kHarness;
  if (!findings.empty()) return kFound;
  return ended.interrupted ? kInterrupted : kOk;
}

}  // namespace
}  // namespace orrery::cli
