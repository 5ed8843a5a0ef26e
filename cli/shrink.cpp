// SPDX-License-Identifier: Apache-2.0
// orrery shrink: finds the few decisions that a failure needs, writes them as a tape and
// tells the story with what each of them is needed for.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "cli/files.hpp"
#include "cli/options.hpp"
#include "cli/plan_options.hpp"
#include "cli/target.hpp"
#include "cli/terminal.hpp"
#include "cli/values.hpp"
#include "cli/verb.hpp"
#include "fuzz/interrupts.hpp"
#include "fuzz/shrink.hpp"
#include "fuzz/standstill.hpp"
#include "reports/catalogue.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using scenarios::Run;

// One replay of a large scenario takes seconds.
constexpr uint64_t kReplaysIfLarge = 50;
// Less than a replay has: where a run stands still, every try that keeps the failure waits for it.
constexpr int64_t kTryHangsAfterMs = 4'000;

struct ShrinkWords {
  std::string first;
  std::string second;
  std::optional<std::string> file;
  std::optional<std::string> replays;
  std::optional<std::string> hang_after;
  bool leave_safe_sizes = false;
  bool quiet = false;
  PlanOptions plan;
};

void add_options(Options& options, ShrinkWords& words);
std::string read(const ShrinkWords& words, Target& target, fuzz::ShrinkOptions& options,
                 int64_t& hang_after_ms);
std::string output_file(const ShrinkWords& words, const Target& target);
void tell_result(const Invocation& invocation, const fuzz::Shrunk& shrunk, double seconds,
                 bool stopped);
int tell_way_on(const Invocation& invocation, const ShrinkWords& words, const Target& target,
                const std::string& file, bool stopped);

}  // namespace

int run_shrink(const Invocation& invocation) {
  ShrinkWords words;
  Options options("shrink", "Finds the few decisions that a failure needs.",
                  "examples\n"
                  "  orrery shrink orrery-out/snapshot-full-cache-0x9f3c21d07be4a5f1.orry\n"
                  "  orrery shrink snapshot-full-cache 0x2a --bug garnet-385 -o small.orry\n");
  add_options(options, words);
  if (const auto code = options.parse(invocation)) return *code;
  Target target;
  fuzz::ShrinkOptions how;
  int64_t hang_after_ms = 0;
  const std::string wrong = read(words, target, how, hang_after_ms);
  if (!wrong.empty()) return usage_error(invocation, wrong);
  const std::string other = other_revision(target);
  if (!other.empty() && !words.quiet) invocation.err << fmt::format("orrery: warning: {}\n", other);

  const auto begun = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  // Before there is a world: what was before it is there again after it.
  fuzz::watch_for_standstill(hang_after_ms / 2);
  scenarios::Runner runner;
  ProgressLine progress(invocation.err, words.quiet);
  how.progress = [&](uint64_t replays, size_t deviations) {
    progress.show(seconds(), fmt::format("{} replays  {} deviations left  {:.1f} s", replays,
                                         deviations, seconds()));
  };
  const fuzz::Interrupts interrupts;  // the first ends the search, the second this process
  how.stop = [&] { return interrupts.came(); };
  const auto play = [&](const scenarios::Plan& plan) -> const Run& { return runner.play(plan); };
  const fuzz::Shrunk shrunk = fuzz::shrink(target.plan, play, how);
  progress.clear();
  if (!shrunk.failed) {
    invocation.err << "orrery: the run does not fail, so there is nothing to shrink\n";
    return kGoalNotMet;
  }
  tell_result(invocation, shrunk, seconds(), interrupts.came());
  if (!shrunk.confirmed) {
    invocation.err << "orrery: NONDETERMINISM  the small tape does not replay strictly\n";
    return kNondeterminism;
  }
  scenarios::Plan plan = shrunk.plan;
  plan.detailed = !plan.scenario->is_large();
  const Run& run = runner.play(plan);
  const std::string file = output_file(words, target);
  const std::string failed = write_file(file, tape_text(scenarios::tape_of(run), shrunk.needs));
  if (!failed.empty()) {
    invocation.err << fmt::format("orrery: {}\n", failed);
    return kHarness;
  }
  if (!words.quiet) {
    invocation.out << '\n';
    reports::render_story({run, shrunk.needs}, invocation.out);
    invocation.out << '\n';
  }
  return tell_way_on(invocation, words, target, file, interrupts.came());
}

namespace {

void add_options(Options& options, ShrinkWords& words) {
  options.word("scenario", words.first, "a scenario, or the file of a tape");
  options.word("seed", words.second, "a run's seed; or the tape's file");
  options.value("-o,--out", "FILE", words.file, "where the small tape goes (NAME-small.orry)");
  options.value("--replays", "N", words.replays,
                "how many replays the search may take (2,500; 50 of a large scenario)");
  options.value("--hang-after", "T", words.hang_after,
                "a run that stands still for half of this is ended (4s; 10m if large)");
  options.flag("--leave-safe-sizes", words.leave_safe_sizes,
               "accept sizes at which the failure needs no decision at all");
  words.plan.add_to(options);
  options.flag("-q,--quiet", words.quiet, "no progress, no story");
}

std::string read(const ShrinkWords& words, Target& target, fuzz::ShrinkOptions& options,
                 int64_t& hang_after_ms) {
  fuzz::Changes changes;
  std::string wrong = words.plan.changes(changes, scenario_of(words.first));
  if (wrong.empty()) wrong = read_target(words.first, words.second, changes, target);
  if (!wrong.empty()) return wrong;
  const bool large = target.plan.scenario->is_large();
  if (large) options.replays_max = kReplaysIfLarge;
  hang_after_ms = large ? hang_after_of(*target.plan.scenario) : kTryHangsAfterMs;
  if (words.hang_after) wrong = read_time(*words.hang_after, hang_after_ms);
  if (wrong.empty() && words.replays) {
    wrong = read_count("--replays", *words.replays, fuzz::kReplaysLeast, options.replays_max);
  }
  if (wrong.empty() && words.file && words.file->empty()) wrong = "-o wants the name of a file";
  if (wrong.empty()) wrong = check_file(output_file(words, target));
  options.leave_safe_sizes = words.leave_safe_sizes;
  return wrong;
}

std::string output_file(const ShrinkWords& words, const Target& target) {
  if (words.file) return *words.file;
  if (target.file.empty()) {
    return fmt::format("orrery-out/{}-{}-small.orry", target.plan.scenario->name(),
                       reports::hex64(target.plan.seed.value_or(0)));
  }
  const std::filesystem::path path(target.file);
  return (path.parent_path() / (path.stem().string() + "-small.orry")).string();
}

void tell_result(const Invocation& invocation, const fuzz::Shrunk& shrunk, double seconds,
                 bool stopped) {
  invocation.out << fmt::format("deviations {} -> {}", reports::grouped(shrunk.deviations_before),
                                shrunk.plan.deviations.size());
  for (const sim::Size& before : shrunk.sizes_before) {
    invocation.out << fmt::format("  {} {} -> {}", before.name, before.value,
                                  shrunk.plan.sizes[before.name]);
  }
  invocation.out << fmt::format("  ({}, {:.1f} s{})\n", reports::counted(shrunk.replays, "replay"),
                                seconds,
                                shrunk.complete ? ""
                                : stopped       ? "; stopped early"
                                                : "; the budget ended first");
}

int tell_way_on(const Invocation& invocation, const ShrinkWords& words, const Target& target,
                const std::string& file, bool stopped) {
  const std::string again =
      shell_word(file) + oracles_of(target.plan.oracles) + hang_after_again(words.hang_after);
  invocation.out << fmt::format("replay:  {} replay {}\n", invocation.called, again);
  if (!stopped) return kOk;
  invocation.err << fmt::format("orrery: stopped early; go on with: {} shrink {}{}{}\n",
                                invocation.called, again,
                                words.leave_safe_sizes ? " --leave-safe-sizes" : "",
                                words.replays ? " --replays " + *words.replays : "");
  return kInterrupted;
}

}  // namespace
}  // namespace orrery::cli
