// SPDX-License-Identifier: Apache-2.0
// orrery run: plays the runs of a campaign seed and tells which failed. Stops at the first failing
// run, which is the one with the lowest index whatever the number of workers; with --keep-going it
// plays them all.
#include <fmt/ostream.h>
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
constexpr uint64_t kGuardedEvery = 16;

struct Words {
  std::string scenario;
  std::optional<std::string> runs;
  std::optional<std::string> time;
  std::optional<std::string> seed;
  std::optional<std::string> jobs;
  std::optional<std::string> folder;
  std::optional<std::string> colour;
  bool guarded = false;
  bool json = false;
  bool quiet = false;
  bool keep_going = false;
  PlanOptions plan;
};

void add_options(Options& options, Words& words);
std::string read(const Words& words, Hunted& hunted, fuzz::CampaignOrder& order);
std::string read_limits(const Words& words, const Hunted& hunted, fuzz::CampaignOrder& order);
void equip(const Hunted& hunted, bool guarded, fuzz::CampaignOrder& order);

}  // namespace

int run_run(const Invocation& invocation) {
  Words words;
  Options options("run", "Plays many seeds and finds the first that fails.",
                  "examples\n"
                  "  orrery run snapshot-full-cache -n 1000\n"
                  "  orrery run snapshot-full-cache --bug garnet-385 -s 0x2a -j 2\n"
                  "  orrery run many-sessions --time 10m --keep-going --json > results.jsonl\n");
  add_options(options, words);
  if (const auto code = options.parse(invocation)) return *code;
  Hunted hunted;
  fuzz::CampaignOrder order;
  const std::string wrong = read(words, hunted, order);
  if (!wrong.empty()) return usage_error(invocation, wrong);
  equip(hunted, words.guarded, order);
  return hunt(invocation, hunted, order);
}

namespace {

void add_options(Options& options, Words& words) {
  options.word("scenario", words.scenario, "what to run (orrery list)");
  options.value("-n,--runs", "N", words.runs, "how many runs (1,000; 1 of a large scenario)");
  options.value("--time", "T", words.time, "run for this long instead: 30s, 5m, 2h");
  options.value("-s,--seed", "SEED", words.seed,
                "campaign seed: 0x.., decimal, git hash, @FILE (drawn and printed)");
  options.value("-j,--jobs", "N", words.jobs, "worker processes (one a core)");
  words.plan.add_to(options);
  options.flag("--guarded", words.guarded, "every run behind guard pages, not one in sixteen");
  options.flag("--keep-going", words.keep_going, "do not stop at the first failing run");
  options.flag("--json", words.json, "one line of JSON a run, and one that sums up");
  options.value("--out", "DIR", words.folder, "where tapes of failing runs go (orrery-out)");
  options.flag("-q,--quiet", words.quiet, "no progress, no chatter");
  options.value("--color", "WHEN", words.colour, "auto, always or never");
}

std::string read(const Words& words, Hunted& hunted, fuzz::CampaignOrder& order) {
  if (words.scenario.empty()) return "run what? orrery list names the scenarios";
  std::string wrong;
  hunted.scenario = scenario_named(words.scenario, wrong);
  if (hunted.scenario == nullptr) return wrong;
  if (words.seed) {
    wrong = read_seed(*words.seed, hunted.seed);
  } else if (getrandom(&hunted.seed, sizeof hunted.seed, 0) != sizeof hunted.seed) {
    wrong = "no seed could be drawn; give one with -s";
  }
  if (wrong.empty()) wrong = words.plan.changes(hunted.changes);
  if (wrong.empty()) wrong = read_limits(words, hunted, order);
  if (!wrong.empty()) return wrong;
  hunted.folder = words.folder.value_or("orrery-out");
  if (hunted.folder.empty()) return "--out wants the name of a folder";
  wrong = check_folder(hunted.folder);
  if (!wrong.empty()) return wrong;
  hunted.json = words.json;
  hunted.quiet = words.quiet;
  hunted.colour = words.colour.value_or("auto");
  wrong = check_colour(hunted.colour);
  order.keep_going = words.keep_going;
  if (!wrong.empty()) return wrong;
  scenarios::Plan plan;
  return fuzz::plan_for(*hunted.scenario, fuzz::run_seed(hunted.seed, *hunted.scenario, 0),
                        hunted.changes, plan);
}

std::string read_limits(const Words& words, const Hunted& hunted, fuzz::CampaignOrder& order) {
  if (words.runs && words.time) return "-n and --time exclude each other";
  uint64_t jobs = static_cast<uint64_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  std::string wrong;
  if (words.time) {
    wrong = read_time(*words.time, order.time_max_ms);
  } else if (words.runs) {
    wrong = read_count("-n", *words.runs, 1, order.runs_max);
  } else {
    order.runs_max = hunted.scenario->is_large() ? 1 : kRunsByDefault;
  }
  if (wrong.empty() && words.jobs) wrong = read_count("-j", *words.jobs, 1, jobs);
  if (wrong.empty() && jobs > fuzz::kWorkersMax) {
    wrong = fmt::format("-j {} is more than the {} that are possible", jobs, fuzz::kWorkersMax);
  }
  order.workers = static_cast<unsigned>(std::min(jobs, order.runs_max));
  return wrong;
}

// What the workers do. They are forked later and see a copy of all this.
void equip(const Hunted& hunted, bool guarded, fuzz::CampaignOrder& order) {
  const uint64_t every = guarded ? 1 : kGuardedEvery;
  order.player = [&hunted, every] {
    return fuzz::make_seeds_player({hunted.scenario, hunted.seed, hunted.changes, every});
  };
  order.seed_of = [&hunted](uint64_t index) {
    return fuzz::run_seed(hunted.seed, *hunted.scenario, index);
  };
}

}  // namespace
}  // namespace orrery::cli
