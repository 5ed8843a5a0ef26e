// SPDX-License-Identifier: Apache-2.0
// orrery replay: plays one run again, guarded, and tells its story.
//
// It is played a second time from the deviations that it took, with its memory laid out the other
// way round; both must give the same digest, or something in it is not deterministic (exit code 3),
// and the first event in which they differ is named. For the story it is played
// once more with every point in the trace, which changes nothing but what is seen.
#include <fmt/format.h>

#include <algorithm>

#include "cli/files.hpp"
#include "cli/options.hpp"
#include "cli/plan_options.hpp"
#include "cli/target.hpp"
#include "cli/values.hpp"
#include "cli/verb.hpp"
#include "fuzz/standstill.hpp"
#include "reports/catalogue.hpp"
#include "reports/divergence.hpp"
#include "reports/run_row.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using scenarios::Run;
using scenarios::Runner;
using scenarios::Verdict;

// Above this a trace of every point takes more memory than it is worth.
constexpr uint64_t kDetailedStepsMax = 2'000'000;

struct ReplayWords {
  std::string first;
  std::string second;
  std::optional<std::string> until;
  std::optional<std::string> report;
  std::optional<std::string> save;
  std::optional<std::string> hang_after;
  bool trace = false;
  bool abort = false;
  bool strict = false;
  bool no_bugs = false;
  bool json = false;
  bool quiet = false;
  PlanOptions plan;
};

void add_options(Options& options, ReplayWords& words);
std::string at_odds(const ReplayWords& words);
std::string read(const ReplayWords& words, Target& target, const reports::ReportRow*& report,
                 int64_t& hang_after_ms);
bool fits_this_build(const Invocation& invocation, const ReplayWords& words, const Target& target);
bool played_as_written(const Invocation& invocation, const ReplayWords& words,
                       const scenarios::Plan& plan, const scenarios::Run& run);
bool repeats_itself(const Invocation& invocation, Runner& runner, const sim::Tape& tape,
                    const scenarios::Plan& plan, const reports::RunRow& row, bool json);
bool repeats_as_laid_out(Runner& runner, scenarios::Plan replayed, const reports::RunRow& row);
bool is_same(const Run& run, const reports::RunRow& row);
void tell_divergence(const Invocation& invocation, Runner& runner, scenarios::Plan plan,
                     scenarios::Plan replayed, const reports::RunRow& row, bool json);
bool wants_every_point(const reports::ReportRow& report, const reports::RunRow& row,
                       const Target& target);
void tell(const Invocation& invocation, const ReplayWords& words, const Target& target,
          const reports::ReportRow& report, const Run& run);
int code_of(Verdict verdict);
int leave_to_debugger(const Invocation& invocation, Runner& runner, const ReplayWords& words,
                      const Target& target);
int stop_early(const Invocation& invocation, Runner& runner, const ReplayWords& words,
               const Target& target);

}  // namespace

int run_replay(const Invocation& invocation) {
  ReplayWords words;
  Options options("replay", "Plays one run again and tells its story.",
                  "examples\n"
                  "  orrery replay snapshot-full-cache 0x9f3c21d07be4a5f1 --bug garnet-385\n"
                  "  orrery replay small.orry --trace\n"
                  "  gdb --args orrery replay small.orry --abort\n");
  add_options(options, words);
  if (const auto code = options.parse(invocation)) return *code;
  Target target;
  const reports::ReportRow* report = nullptr;
  int64_t hang_after_ms = 0;
  const std::string wrong = read(words, target, report, hang_after_ms);
  if (!wrong.empty()) return usage_error(invocation, wrong);
  if (!fits_this_build(invocation, words, target)) return kMisfit;
  // Before there is a world: what was before it is there again after it.
  if (!words.abort) fuzz::watch_for_standstill(hang_after_ms / 2);
  Runner runner;
  if (words.abort) return leave_to_debugger(invocation, runner, words, target);
  if (words.until) return stop_early(invocation, runner, words, target);
  const Run& run = runner.play(target.plan);
  const reports::RunRow row = reports::row_of(run);
  const sim::Tape tape = scenarios::tape_of(run);
  if (!played_as_written(invocation, words, target.plan, run) && words.strict) return kMisfit;
  // What a shrink found out is about a run that fails.
  if (row.verdict != Verdict::failed) target.needs.clear();
  if (words.json) {
    invocation.out << reports::json_line(row, target.plan.scenario->name()) << '\n';
  } else if (wants_every_point(*report, row, target)) {
    scenarios::Plan detailed = target.plan;
    detailed.detailed = true;
    tell(invocation, words, target, *report, runner.play(detailed));
  } else {
    tell(invocation, words, target, *report, run);
  }
  if (words.save) {
    const std::string failed = write_file(*words.save, tape_text(tape, target.needs));
    if (!failed.empty()) {
      invocation.err << fmt::format("orrery: {}\n", failed);
      return kHarness;
    }
  }
  // A large run that comes to its end is not worth its time twice.
  const bool again = row.verdict == Verdict::failed ||
                     (row.verdict == Verdict::ok && !target.plan.scenario->is_large());
  if (again && !repeats_itself(invocation, runner, tape, target.plan, row, words.json)) {
    return kNondeterminism;
  }
  return code_of(row.verdict);
}

namespace {

void add_options(Options& options, ReplayWords& words) {
  options.word("scenario", words.first, "a scenario, or the file of a tape");
  options.word("seed", words.second, "a run's seed, as orrery run prints it; or the tape's file");
  options.flag("--trace", words.trace, "tell every event, one a line");
  options.value("--until", "STEP", words.until, "stop there and tell where every task is");
  options.flag("--abort", words.abort, "leave a signal to the debugger");
  options.flag("--strict", words.strict, "refuse a tape of another revision (exit code 4)");
  words.plan.add_to(options);
  options.flag("--no-bugs", words.no_bugs, "switch the tape's bugs off");
  options.value("--save", "FILE", words.save, "write the run's tape");
  options.value("--report", "NAME", words.report, "the form of the report (orrery list reports)");
  options.value("--hang-after", "T", words.hang_after,
                "a run that stands still for half of this is ended (60s; 10m if large)");
  options.flag("--json", words.json, "lines of JSON, as orrery run --json has them");
  options.flag("-q,--quiet", words.quiet, "no chatter");
}

// Options of which one would silently win.
std::string at_odds(const ReplayWords& words) {
  const bool told = words.json || words.report || words.trace;
  if (words.abort && (told || words.until || words.save)) {
    return "--abort leaves nothing to tell; it goes with none of --until, --trace, --json, --save "
           "and --report";
  }
  if (words.until && (words.json || words.save || words.report)) {
    return "--until tells where every task stands; it goes with none of --json, --save and "
           "--report";
  }
  if ((words.json ? 1 : 0) + (words.report ? 1 : 0) + (words.trace ? 1 : 0) > 1) {
    return "--json, --trace and --report are three forms of one report; name one";
  }
  return {};
}

std::string read(const ReplayWords& words, Target& target, const reports::ReportRow*& report,
                 int64_t& hang_after_ms) {
  fuzz::Changes changes;
  std::string wrong = words.plan.changes(changes, scenario_of(words.first));
  if (wrong.empty() && words.no_bugs && !changes.bugs.empty()) {
    wrong = "--no-bugs and --bug exclude each other";
  }
  if (wrong.empty()) wrong = at_odds(words);
  if (wrong.empty()) wrong = read_target(words.first, words.second, changes, target);
  if (!wrong.empty()) return wrong;
  if (words.no_bugs) {
    if (!target.plan.bugs.empty()) target.needs.clear();
    target.plan.bugs.clear();
    target.command += " --no-bugs";
  }
  hang_after_ms = hang_after_of(*target.plan.scenario);
  if (words.hang_after) wrong = read_time(*words.hang_after, hang_after_ms);
  if (!wrong.empty()) return wrong;
  if (words.until) wrong = read_count("--until", *words.until, 1, target.plan.stop_at);
  if (wrong.empty() && words.save) wrong = check_file(*words.save);
  const std::string name = words.report.value_or(words.trace ? "trace" : "story");
  report = reports::find_report(name);
  if (wrong.empty() && report == nullptr) {
    std::vector<std::string> known;
    for (const reports::ReportRow& row : reports::all_reports()) known.emplace_back(row.name);
    wrong = fmt::format("report \"{}\" is not known; did you mean \"{}\"?", name,
                        scenarios::nearest(name, known));
  }
  return wrong;
}

bool fits_this_build(const Invocation& invocation, const ReplayWords& words, const Target& target) {
  const std::string other = other_revision(target);
  if (other.empty()) return true;
  if (words.strict || !words.quiet) {
    invocation.err << fmt::format("orrery: {}{}\n", words.strict ? "" : "warning: ", other);
  }
  return !words.strict;
}

// An address that no longer exists, or was mistyped, means calm: nobody shall take that for the run
// of the tape. Whoever wants no chatter and sees the failure needs no more.
bool played_as_written(const Invocation& invocation, const ReplayWords& words,
                       const scenarios::Plan& plan, const scenarios::Run& run) {
  const sim::Tape tape = scenarios::tape_of(run);
  if (!plan.replays || tape.deviations == plan.deviations) return true;
  const bool reproduced = reports::row_of(run).verdict == Verdict::failed;
  if (!words.strict && words.quiet && reproduced) return true;
  const auto took_effect = [&](const sim::Deviation& one) {
    return std::find(tape.deviations.begin(), tape.deviations.end(), one) != tape.deviations.end();
  };
  const auto& written = plan.deviations;
  const auto count = std::count_if(written.begin(), written.end(), took_effect);
  const auto lost = std::find_if_not(written.begin(), written.end(), took_effect);
  invocation.err << fmt::format(
      "orrery: {}{} of {} took effect{}{}\n", words.strict ? "" : "warning: ", count,
      reports::counted(written.size(), "deviation"),
      lost == written.end() ? ", in another order"
                            : fmt::format("; the first that did not: {}", lost->text()),
      words.strict ? "; the tape does not fit this build" : "");
  return false;
}

bool repeats_itself(const Invocation& invocation, Runner& runner, const sim::Tape& tape,
                    const scenarios::Plan& plan, const reports::RunRow& row, bool json) {
  scenarios::Plan replayed = plan;
  replayed.replays = true;
  replayed.mirrored = true;
  replayed.deviations = tape.deviations;
  if (is_same(runner.play(replayed), row)) return true;
  const bool memory = row.verdict == Verdict::failed && row.oracle.view() == "memory";
  if (memory && repeats_as_laid_out(runner, replayed, row)) return true;
  invocation.err << fmt::format(
      "orrery: NONDETERMINISM  the run, and the replay of its {} with its memory laid out "
      "the other way round, differ\n",
      reports::counted(tape.deviations.size(), "deviation"));
  tell_divergence(invocation, runner, plan, replayed, row, json);
  return false;
}

// What lies in foreign memory depends on the layout, and the trap may be the second time that it
// was touched. So such a run is held to what is left: the same layout shows the same.
bool repeats_as_laid_out(Runner& runner, scenarios::Plan replayed, const reports::RunRow& row) {
  replayed.mirrored = false;
  return is_same(runner.play(replayed), row);
}

bool is_same(const Run& run, const reports::RunRow& row) {
  return run.digest == row.digest && reports::row_of(run).signature.view() == row.signature.view();
}

// Both are played once more, with every point in the trace, and compared event by event.
void tell_divergence(const Invocation& invocation, Runner& runner, scenarios::Plan plan,
                     scenarios::Plan replayed, const reports::RunRow& row, bool json) {
  plan.detailed = replayed.detailed = runner.play(plan).steps <= kDetailedStepsMax;
  const reports::Witness first(runner.play(plan));
  const reports::Witness replay(runner.play(replayed));
  if (json) {
    reports::RunRow both = row;
    both.rerun_digest = replay.digest;
    invocation.out << reports::rerun_line(both, plan.scenario->name(),
                                          reports::divergence_place(first, replay))
                   << '\n';
  }
  const std::string text = reports::divergence_text(first, replay, "first", "replay");
  if (text.empty()) {
    invocation.err << "  played once more, they do not: it is none of the two alone\n";
    return;
  }
  invocation.err << text;
  replayed.mirrored = false;
  const bool by_layout = agree(first, reports::Witness(runner.play(replayed)));
  invocation.err << fmt::format(
      "  {}\n", by_layout
                    ? "with the same layout they agree: something depends on an address"
                    : "with the same layout they differ as well: something else than addresses "
                      "is not in the tape");
}

// For people: the call at which a task was stopped, or waits, is its last point.
bool wants_every_point(const reports::ReportRow& report, const reports::RunRow& row,
                       const Target& target) {
  const std::string_view name = report.name;
  return (name == "story" || name == "tasks") && row.steps <= kDetailedStepsMax &&
         !target.plan.scenario->is_large();
}

void tell(const Invocation& invocation, const ReplayWords& words, const Target& target,
          const reports::ReportRow& report, const Run& run) {
  report.render({run, target.needs}, invocation.out);
  if (words.quiet || std::string_view(report.name) != "story") return;
  invocation.out << fmt::format("\nreplay:  {} replay {}{}\n", invocation.called, target.command,
                                hang_after_again(words.hang_after));
  if (run.finding && !run.taken().empty() && target.needs.empty()) {
    invocation.out << fmt::format("shrink:  {} shrink {}\n", invocation.called, target.command);
  }
}

int code_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return kOk;
    case Verdict::failed: return kFound;
    case Verdict::inconclusive: break;
  }
  return kMisfit;
}

// The first signal ends the process, so nothing may be left to print. What the accessors would see
// is left to the hardware, unless oracles were named. If no signal comes, all are asked after all.
int leave_to_debugger(const Invocation& invocation, Runner& runner, const ReplayWords& words,
                      const Target& target) {
  scenarios::Plan plan = target.plan;
  if (plan.oracles.empty()) plan.oracles = {"memory"};
  runner.leave_signals_alone(true);
  invocation.out.flush();
  runner.play(plan);
  runner.leave_signals_alone(false);
  const Run& run = runner.play(target.plan);
  if (!played_as_written(invocation, words, target.plan, run) && words.strict) {
    return kMisfit;
  }
  invocation.out << fmt::format("no signal came; asked of its oracles, the run is {}{}\n",
                                scenarios::name_of(run.verdict),
                                run.finding ? ": " + run.finding->signature : std::string());
  return code_of(run.verdict);
}

int stop_early(const Invocation& invocation, Runner& runner, const ReplayWords& words,
               const Target& target) {
  scenarios::Plan plan = target.plan;
  if (words.strict) {  // deviations may take effect behind the place where it stops
    plan.stop_at = scenarios::Plan().stop_at;
    if (!played_as_written(invocation, words, plan, runner.play(plan))) return kMisfit;
    plan.stop_at = target.plan.stop_at;
  }
  plan.detailed = plan.stop_at <= kDetailedStepsMax;
  const Run& run = runner.play(plan);
  if (words.trace) {
    reports::render_trace({run, {}}, invocation.out);
  }
  if (run.steps < plan.stop_at) {
    invocation.out << fmt::format("the run ended at step {}, before step {}\n",
                                  reports::grouped(run.steps), reports::grouped(plan.stop_at));
    tell(invocation, words, target, *reports::find_report("story"), run);
    return code_of(run.verdict);
  }
  invocation.out << fmt::format("stopped at step {}, {} of virtual time\n",
                                reports::grouped(run.steps), reports::virtual_time(run.virtual_ns));
  reports::render_tasks({run, {}}, invocation.out);
  return kOk;
}

}  // namespace
}  // namespace orrery::cli
