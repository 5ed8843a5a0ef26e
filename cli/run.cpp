// SPDX-License-Identifier: Apache-2.0
// orrery run: plays the runs of a campaign seed and tells which failed. Stops at the first failing
// run, which is the one with the lowest index whatever the number of workers; with --keep-going it
// plays them all.
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>

#include "cli/files.hpp"
#include "cli/hunt.hpp"
#include "cli/options.hpp"
#include "cli/plan_options.hpp"
#include "cli/terminal.hpp"
#include "cli/values.hpp"
#include "cli/verb.hpp"
#include "fuzz/seeds_player.hpp"

namespace orrery::cli {
namespace {

constexpr uint64_t kRunsByDefault = 1000;
constexpr int64_t kTimeMaxMs = int64_t{1000} * 60 * 60 * 1000;
constexpr uint64_t kGuardedEvery = 16;
constexpr uint64_t kCheckedEvery = 50;
constexpr int64_t kHangAfterMsLeast = 100;

struct RunWords {
  std::string scenario;
  std::optional<std::string> runs;
  std::optional<std::string> time;
  std::optional<std::string> seed;
  std::optional<std::string> jobs;
  std::optional<std::string> from;
  std::optional<std::string> hang_after;
  std::optional<std::string> checked;
  std::optional<std::string> junit;
  std::optional<std::string> folder;
  std::optional<std::string> colour;
  bool guarded = false;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool keep_going = false;
  PlanOptions plan;
};

void add_options(Options& options, RunWords& words);
std::string read(const RunWords& words, Hunted& hunted, fuzz::CampaignOrder& order);
std::string read_limits(const RunWords& words, const Hunted& hunted, fuzz::CampaignOrder& order);
std::string read_outputs(const RunWords& words, Hunted& hunted);
std::string read_rate(const RunWords& words, const Hunted& hunted, uint64_t& every);
std::string given_again(const RunWords& words);
void equip(const Hunted& hunted, bool guarded, uint64_t checked_every, fuzz::CampaignOrder& order);

}  // namespace

int run_run(const Invocation& invocation) {
  RunWords words;
  Options options("run", "Plays many seeds and finds the first that fails.",
                  "examples\n"
                  "  orrery run snapshot-full-cache -n 1000\n"
                  "  orrery run snapshot-full-cache --bug garnet-385 -s 0x2a -j 2\n"
                  "  orrery run many-sessions --time 10m --keep-going --json > results.jsonl\n"
                  "  orrery run many-sessions -s 0x2a --from 5000 -n 5000   # go on\n"
                  "  orrery run many-sessions -n 500 --check-determinism all --junit junit.xml\n");
  add_options(options, words);
  if (const auto code = options.parse(invocation)) return *code;
  Hunted hunted;
  fuzz::CampaignOrder order;
  uint64_t checked_every = 0;
  std::string wrong = read(words, hunted, order);
  if (wrong.empty()) wrong = read_rate(words, hunted, checked_every);
  if (!wrong.empty()) return usage_error(invocation, wrong);
  hunted.unchecked = words.checked && checked_every == 0;
  equip(hunted, words.guarded, checked_every, order);
  return hunt(invocation, hunted, order);
}

namespace {

void add_options(Options& options, RunWords& words) {
  options.word("scenario", words.scenario, "what to run (orrery list)");
  options.value("-n,--runs", "N", words.runs, "how many runs (1,000; 1 of a large scenario)");
  options.value("--time", "T", words.time, "run for this long instead: 30s, 5m, 2h");
  options.value("--from", "K", words.from, "begin with run K of the campaign seed (0)");
  options.value("-s,--seed", "SEED", words.seed,
                "campaign seed: 0x.., decimal, git hash, @FILE (drawn and printed)");
  options.value("-j,--jobs", "N", words.jobs, "worker processes (one a core)");
  words.plan.add_to(options);
  options.flag("--guarded", words.guarded, "every run behind guard pages, not one in sixteen");
  options.value("--check-determinism", "RATE", words.checked,
                "play one run in RATE twice, with another layout of memory (50; all, off)");
  options.value("--hang-after", "T", words.hang_after,
                "how long a run may take; standing still, half of it (60s; 10m if large)");
  options.flag("--keep-going", words.keep_going, "do not stop at the first failing run");
  options.flag(
      "--json", words.json,
      "one line of JSON a run, one more if another play of it differs, and one that sums up");
  options.value("--junit", "FILE", words.junit, "write JUnit XML: a test case for each oracle");
  options.value("--out", "DIR", words.folder, "where tapes of failing runs go (orrery-out)");
  options.flag("-q,--quiet", words.quiet, "no progress, no chatter");
  options.flag("-v,--verbose", words.verbose, "a line for each run, beside the progress");
  options.value("--color", "WHEN", words.colour, "auto, always or never");
}

std::string read(const RunWords& words, Hunted& hunted, fuzz::CampaignOrder& order) {
  if (words.scenario.empty()) return "run what? orrery list names the scenarios";
  std::string wrong;
  hunted.scenario = scenario_named(words.scenario, wrong);
  if (hunted.scenario == nullptr) return wrong;
  if (words.seed) {
    wrong = read_seed(*words.seed, hunted.seed);
  } else if (getrandom(&hunted.seed, sizeof hunted.seed, 0) != sizeof hunted.seed) {
    wrong = "no seed could be drawn; give one with -s";
  }
  if (wrong.empty()) wrong = words.plan.changes(hunted.changes, words.scenario);
  if (wrong.empty()) wrong = read_limits(words, hunted, order);
  if (!wrong.empty()) return wrong;
  wrong = read_outputs(words, hunted);
  if (!wrong.empty()) return wrong;
  hunted.json = words.json;
  hunted.quiet = words.quiet;
  hunted.verbose = words.verbose;
  hunted.options = given_again(words);
  hunted.hang_after = hang_after_again(words.hang_after);
  hunted.guarded = words.guarded;
  order.keep_going = words.keep_going;
  scenarios::Plan plan;
  return fuzz::plan_for(*hunted.scenario,
                        fuzz::run_seed(hunted.seed, *hunted.scenario, order.first), hunted.changes,
                        plan);
}

std::string read_limits(const RunWords& words, const Hunted& hunted, fuzz::CampaignOrder& order) {
  if (words.runs && words.time) return "-n and --time exclude each other";
  uint64_t jobs = static_cast<uint64_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  std::string wrong;
  if (words.time) {
    wrong = read_time(*words.time, order.time_max_ms);
    if (wrong.empty() && order.time_max_ms > kTimeMaxMs) {
      wrong = fmt::format("--time {} is more than 1000h", *words.time);
    }
  } else if (words.runs) {
    wrong = read_count("-n", *words.runs, 1, order.runs_max);
  } else {
    order.runs_max = hunted.scenario->is_large() ? 1 : kRunsByDefault;
  }
  if (wrong.empty() && words.from) wrong = read_count("--from", *words.from, 0, order.first);
  if (wrong.empty() && order.first >= fuzz::kNoRun / 2) wrong = "--from is beyond every campaign";
  order.hang_after_ms = hang_after_of(*hunted.scenario);
  if (wrong.empty() && words.hang_after) wrong = read_time(*words.hang_after, order.hang_after_ms);
  if (wrong.empty() && order.hang_after_ms < kHangAfterMsLeast) {
    wrong = fmt::format("--hang-after {} is too short for any run", *words.hang_after);
  }
  if (wrong.empty() && words.jobs) wrong = read_count("-j", *words.jobs, 1, jobs);
  if (wrong.empty() && jobs > fuzz::kWorkersMax) {
    wrong = fmt::format("-j {} is more than the {} that are possible", jobs, fuzz::kWorkersMax);
  }
  order.workers = static_cast<unsigned>(std::min(jobs, order.runs_max));
  return wrong;
}

std::string read_outputs(const RunWords& words, Hunted& hunted) {
  hunted.folder = words.folder.value_or("orrery-out");
  if (hunted.folder.empty()) return "--out wants the name of a folder";
  std::string wrong = check_folder(hunted.folder);
  if (wrong.empty() && words.junit) {
    hunted.junit = *words.junit;
    wrong = check_file(hunted.junit);
  }
  hunted.colour = words.colour.value_or("auto");
  return wrong.empty() ? check_colour(hunted.colour) : wrong;
}

// "1/50" is 50, "all" is 1, and "0" is "off".
std::string read_rate(const RunWords& words, const Hunted& hunted, uint64_t& every) {
  // A large run is not worth its time twice unless somebody says so.
  every = hunted.scenario->is_large() ? 0 : kCheckedEvery;
  if (!words.checked) return {};
  std::string text = *words.checked;
  if (text == "off" || text == "0") {
    every = 0;
    return {};
  }
  if (text == "all") text = "1";
  if (text.starts_with("1/")) text = text.substr(2);
  const std::string wrong = read_count("--check-determinism", text, 1, every);
  if (wrong.empty()) return {};
  return fmt::format("--check-determinism is 1/50, 50, all, off or 0, not \"{}\"", *words.checked);
}

// What the command that goes on must say again besides seed, limits and plan. Not --junit: that
// file has what was done so far.
std::string given_again(const RunWords& words) {
  std::string text;
  const auto add = [&](const char* option, const std::optional<std::string>& value) {
    if (value) text += fmt::format(" {} {}", option, shell_word(*value));
  };
  add("-j", words.jobs);
  add("--check-determinism", words.checked);
  text += hang_after_again(words.hang_after);
  add("--out", words.folder);
  if (words.guarded) text += " --guarded";
  if (words.keep_going) text += " --keep-going";
  if (words.json) text += " --json";
  return text;
}

// What the workers do. They are forked later and see a copy of all this.
void equip(const Hunted& hunted, bool guarded, uint64_t checked_every, fuzz::CampaignOrder& order) {
  const uint64_t every = guarded ? 1 : kGuardedEvery;
  order.player = [&hunted, every, checked_every] {
    return fuzz::make_seeds_player(
        {hunted.scenario, hunted.seed, hunted.changes, every, checked_every});
  };
  for (size_t i = 0; i < engine::kBugs.size(); ++i) {
    const auto& on = hunted.changes.bugs;
    order.on[i] = std::find(on.begin(), on.end(), engine::kBugs[i].id) != on.end();
  }
  order.seed_of = [&hunted](uint64_t index) {
    return fuzz::run_seed(hunted.seed, *hunted.scenario, index);
  };
}

}  // namespace
}  // namespace orrery::cli
