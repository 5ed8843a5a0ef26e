// SPDX-License-Identifier: Apache-2.0
// orrery replay: plays one run again, guarded, and tells its story.
//
// A run that comes from a seed is played a second time from the deviations that it took; both must
// give the same digest, or the world is not deterministic (exit code 3). For the story it is played
// once more with every point in the trace, which changes nothing but what is seen.
#include <fmt/ostream.h>

#include "cli/files.hpp"
#include "cli/options.hpp"
#include "cli/plan_options.hpp"
#include "cli/target.hpp"
#include "cli/values.hpp"
#include "cli/verb.hpp"
#include "reports/catalogue.hpp"
#include "reports/run_row.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using scenarios::Run;
using scenarios::Runner;
using scenarios::Verdict;

// Above this a trace of every point takes more memory than it is worth.
constexpr uint64_t kDetailedStepsMax = 2'000'000;

struct Words {
  std::string first;
  std::string second;
  std::optional<std::string> until;
  std::optional<std::string> report;
  std::optional<std::string> save;
  bool trace = false;
  bool abort = false;
  bool strict = false;
  bool no_bugs = false;
  bool json = false;
  bool quiet = false;
  PlanOptions plan;
};

void add_options(Options& options, Words& words);
std::string read(const Words& words, Target& target, const reports::ReportRow*& report);
bool fits_this_build(const Invocation& invocation, const Words& words, const Target& target);
bool repeats_itself(const Invocation& invocation, Runner& runner, const sim::Tape& tape,
                    const scenarios::Plan& plan, const reports::RunRow& row);
bool wants_every_point(const reports::ReportRow& report, const reports::RunRow& row,
                       const Target& target);
void tell(const Invocation& invocation, const Words& words, const Target& target,
          const reports::ReportRow& report, const Run& run);
int code_of(Verdict verdict);
int leave_to_debugger(const Invocation& invocation, Runner& runner, const Target& target);
int stop_early(const Invocation& invocation, Runner& runner, const Words& words,
               const Target& target);

}  // namespace

int run_replay(const Invocation& invocation) {
  Words words;
  Options options("replay", "Plays one run again and tells its story.",
                  "examples\n"
                  "  orrery replay snapshot-full-cache 0x9f3c21d07be4a5f1 --bug garnet-385\n"
                  "  orrery replay small.orry --trace\n"
                  "  gdb --args orrery replay small.orry --abort\n");
  add_options(options, words);
  if (const auto code = options.parse(invocation)) return *code;
  Target target;
  const reports::ReportRow* report = nullptr;
  const std::string wrong = read(words, target, report);
  if (!wrong.empty()) return usage_error(invocation, wrong);
  if (!fits_this_build(invocation, words, target)) return kMisfit;
  Runner runner;
  if (words.abort) return leave_to_debugger(invocation, runner, target);
  if (words.until) return stop_early(invocation, runner, words, target);
  const Run& run = runner.play(target.plan);
  const reports::RunRow row = reports::row_of(run);
  const sim::Tape tape = scenarios::tape_of(run);
  if (words.strict && target.plan.replays && tape.deviations != target.plan.deviations) {
    fmt::print(invocation.err, "orrery: {} of {} took effect; the tape does not fit this build\n",
               tape.deviations.size(),
               reports::counted(target.plan.deviations.size(), "deviation"));
    return kMisfit;
  }
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
      fmt::print(invocation.err, "orrery: {}\n", failed);
      return kHarness;
    }
  }
  // A large run that comes to its end is not worth its time twice.
  const bool again = row.verdict == Verdict::failed ||
                     (row.verdict == Verdict::ok && !target.plan.scenario->is_large());
  if (again && !repeats_itself(invocation, runner, tape, target.plan, row)) {
    return kNondeterminism;
  }
  return code_of(row.verdict);
}

namespace {

void add_options(Options& options, Words& words) {
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
  options.flag("--json", words.json, "one line of JSON, as orrery run --json has it");
  options.flag("-q,--quiet", words.quiet, "no chatter");
}

std::string read(const Words& words, Target& target, const reports::ReportRow*& report) {
  fuzz::Changes changes;
  std::string wrong = words.plan.changes(changes);
  if (wrong.empty()) wrong = read_target(words.first, words.second, changes, target);
  if (!wrong.empty()) return wrong;
  if (words.no_bugs) {
    target.plan.bugs.clear();
    target.command += " --no-bugs";
  }
  if (words.until) wrong = read_count("--until", *words.until, 1, target.plan.stop_at);
  if (wrong.empty() && words.until && (words.json || words.save)) {
    wrong = "--until tells where every task stands; it goes with neither --json nor --save";
  }
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

bool fits_this_build(const Invocation& invocation, const Words& words, const Target& target) {
  if (target.file.empty() || target.revision.empty() || target.revision == scenarios::revision()) {
    return true;
  }
  if (words.strict || !words.quiet) {
    fmt::print(invocation.err, "orrery: {}{} was recorded at revision {}, this is {}\n",
               words.strict ? "" : "warning: ", target.file, target.revision,
               scenarios::revision());
  }
  return !words.strict;
}

bool repeats_itself(const Invocation& invocation, Runner& runner, const sim::Tape& tape,
                    const scenarios::Plan& plan, const reports::RunRow& row) {
  scenarios::Plan replayed = plan;
  replayed.replays = true;
  replayed.deviations = tape.deviations;
  const Run& run = runner.play(replayed);
  if (run.digest == row.digest && reports::row_of(run).signature.view() == row.signature.view()) {
    return true;
  }
  fmt::print(invocation.err,
             "orrery: NONDETERMINISM  the run and the replay of its {} differ\n"
             "  first   digest {} after {}\n  replay  digest {} after {}\n",
             reports::counted(tape.deviations.size(), "deviation"), reports::hex64(row.digest),
             reports::counted(row.steps, "step"), reports::hex64(run.digest),
             reports::counted(run.steps, "step"));
  return false;
}

// For people: the call at which a task was stopped, or waits, is its last point.
bool wants_every_point(const reports::ReportRow& report, const reports::RunRow& row,
                       const Target& target) {
  const std::string_view name = report.name;
  return (name == "story" || name == "tasks") && row.steps <= kDetailedStepsMax &&
         !target.plan.scenario->is_large();
}

void tell(const Invocation& invocation, const Words& words, const Target& target,
          const reports::ReportRow& report, const Run& run) {
  report.render({run, target.needs}, invocation.out);
  if (words.quiet || std::string_view(report.name) != "story") return;
  fmt::print(invocation.out, "\nreplay:  orrery replay {}\n", target.command);
  if (run.finding && !run.taken().empty() && target.needs.empty()) {
    fmt::print(invocation.out, "shrink:  orrery shrink {}\n", target.command);
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
// is left to the hardware, unless oracles were named.
int leave_to_debugger(const Invocation& invocation, Runner& runner, const Target& target) {
  scenarios::Plan plan = target.plan;
  if (plan.oracles.empty()) plan.oracles = {"memory"};
  runner.leave_signals_alone(true);
  invocation.out.flush();
  const Run& run = runner.play(plan);
  fmt::print(invocation.out, "no signal came: the run is {}\n", scenarios::name_of(run.verdict));
  return code_of(run.verdict);
}

int stop_early(const Invocation& invocation, Runner& runner, const Words& words,
               const Target& target) {
  scenarios::Plan plan = target.plan;
  plan.detailed = plan.stop_at <= kDetailedStepsMax;
  const Run& run = runner.play(plan);
  if (words.trace) {
    reports::render_trace({run, {}}, invocation.out);
  }
  if (run.steps < plan.stop_at) {  // it ended before
    tell(invocation, words, target, *reports::find_report("story"), run);
    return code_of(run.verdict);
  }
  fmt::print(invocation.out, "stopped at step {}, {} of virtual time\n",
             reports::grouped(run.steps), reports::virtual_time(run.virtual_ns));
  reports::render_tasks({run, {}}, invocation.out);
  return kOk;
}

}  // namespace
}  // namespace orrery::cli
