// SPDX-License-Identifier: Apache-2.0
#include "scenarios/run.hpp"

#include <algorithm>

#include "faults/catalogue.hpp"
#include "scenarios/oracles/oracle.hpp"
#include "scenarios/oracles/snapshot_pages.hpp"
#include "sim/sources.hpp"

namespace orrery::scenarios {
namespace {

bool has(const std::vector<std::string>& names, std::string_view wanted);
Finding finding_of(const sim::Failure& failure);

}  // namespace

struct Runner::State {
  sim::World world;
  History history;
  OracleScratch scratch;
  std::vector<sim::Fault*> faults;
  Run run;
  Plan plan;
  bool guards_alone = false;  // nothing else looks at every access

  struct Playing {
    const Scenario& scenario;
    Stage stage;
  };
  static void play(void* argument) {
    auto& playing = *static_cast<Playing*>(argument);
    playing.scenario.play(playing.stage);
  }

  void simulate(sim::Source& source, const engine::Bugs& bugs);
  bool live(Playing& playing);
  void see(const engine::Bugs& bugs);
  void judge();
  bool asks_for(std::string_view oracle) const;
  void take_failure(const sim::Failure& failure);
};

Runner::Runner() : state_(std::make_unique<State>()) {}
Runner::~Runner() = default;

void Runner::leave_signals_alone(bool alone) { state_->world.leave_signals_alone(alone); }

const Run& Runner::play(const Plan& plan) {
  if (plan.replays) {
    const std::vector<sim::Deviated> deviations = sim::deviated(plan.deviations);
    sim::Replayed source(deviations);
    return play(plan, source);
  }
  if (plan.seed) {
    sim::Temper temper = sim::Temper::drawn_from(*plan.seed);
    plan.scenario->shape(*plan.seed, temper);
    sim::Seeded source(*plan.seed, temper);
    return play(plan, source);
  }
  sim::Calm source;
  return play(plan, source);
}

const Run& Runner::play(const Plan& plan, sim::Source& source) {
  State& state = *state_;
  state.plan = plan;
  engine::Bugs bugs;
  for (const std::string& id : plan.bugs) {
    const engine::BugRow* const row = engine::find_bug(id);
    CHECK(row != nullptr, "a plan names the bug {}, which nobody knows", id);
    (bugs.*row->field).on = true;
  }
  state.simulate(source, bugs);
  return state.run;
}

void Runner::State::simulate(sim::Source& source, const engine::Bugs& bugs) {
  sim::Laws laws = plan.scenario->laws(plan.sizes);
  laws.mirrored = plan.mirrored;
  laws.detailed = plan.detailed;
  const bool all = plan.oracles.empty();
  laws.checked = all || has(plan.oracles, "lifetimes") || has(plan.oracles, "frames");
  laws.disk.check_buffers = all || has(plan.oracles, "lifetimes");
  // Where not every access is checked a run goes on after a wild one: it must end there all the
  // same, or what it goes on with depends on what lies in memory.
  guards_alone = !laws.checked || !laws.disk.check_buffers;
  laws.guarded = laws.guarded || plan.guarded || !laws.disk.check_buffers;
  faults.clear();
  for (const std::string& name : plan.faults) {
    sim::Fault* const fault = faults::find_fault(name);
    CHECK(fault != nullptr, "a plan names the fault {}, which nobody knows", name);
    faults.push_back(fault);
  }
  history.clear();
  world.begin(source, laws, faults);
  Playing playing{*plan.scenario, {world.runtime(), plan.sizes, bugs, history, world.scheduler()}};
  while (live(playing)) {
    history.set_life(++playing.stage.life);
  }
  see(bugs);
  judge();
}

// Plays one life. True if it ended in a crash, so that there is another.
bool Runner::State::live(Playing& playing) {
  sim::Scheduler& scheduler = world.scheduler();
  const std::optional<Crash> crash = plan.scenario->crash(plan.sizes, playing.stage.life);
  const bool by_steps = crash && crash->names == 0;
  const uint64_t end = by_steps ? scheduler.steps() + crash->steps : plan.stop_at;
  scheduler.stop_at(std::min(end, plan.stop_at));
  if (crash && !by_steps) scheduler.stop_after_names(crash->names, crash->steps);
  world.run({"main", 0}, &State::play, &playing);
  const bool crashes = crash && scheduler.stopped() && scheduler.failure() == nullptr &&
                       !scheduler.inconclusive() && scheduler.steps() < plan.stop_at;
  if (crashes) world.crash(crash->power_lost);
  return crashes;
}

void Runner::State::see(const engine::Bugs& bugs) {
  const sim::Scheduler& scheduler = world.scheduler();
  run.plan = &plan;
  run.finding.reset();
  run.not_judged.clear();
  run.verdict = Verdict::ok;
  run.digest = world.digest();
  run.steps = scheduler.steps();
  run.points = scheduler.points();
  run.switches = scheduler.switches();
  run.virtual_ns = world.scheduler().now().ns;
  run.completed =
      scheduler.failure() == nullptr && !scheduler.inconclusive() && !scheduler.stopped();
  run.trace = &world.trace();
  run.world = &world;
  run.history = &history;
  run.reached.clear();
  for (const engine::BugRow& row : engine::kBugs) {
    run.reached.push_back((bugs.*row.field).reached.value());
  }
}

// Of several broken promises the first counts; the rest may be its consequence. And a broken
// promise counts more than what could not be judged.
void Runner::State::judge() {
  if (world.scheduler().inconclusive()) {
    run.not_judged = "the steps were used up while operations still ended";
  }
  if (guards_alone && world.guards_ran_out()) {
    run.not_judged =
        "it had more pages or blocks than there are guards for, and the oracles that "
        "do without guards were not asked";
  }
  if (const sim::Failure* const failure = world.scheduler().failure()) take_failure(*failure);
  for (const OracleRow& row : all_oracles()) {
    if (row.judge == nullptr || !asks_for(row.name)) continue;
    Judgement one = row.judge(run, scratch);
    if (one.finding && (!run.finding || one.finding->step < run.finding->step)) {
      run.finding = std::move(one.finding);
    }
    if (!one.not_judged.empty() && run.not_judged.empty()) {
      run.not_judged = std::string(row.name) + ": " + one.not_judged;
    }
  }
  if (!run.finding) {
    if (!run.not_judged.empty()) run.verdict = Verdict::inconclusive;
    return;
  }
  run.verdict = Verdict::failed;
  run.not_judged.clear();
  Finding& finding = *run.finding;
  finding.signature = finding.oracle + ": " + finding.label;
  if (!finding.role.empty()) finding.signature += " (" + finding.role + ")";
}

bool Runner::State::asks_for(std::string_view oracle) const {
  return plan.oracles.empty() || has(plan.oracles, oracle) || oracle == "memory" ||
         oracle == "check";
}

void Runner::State::take_failure(const sim::Failure& failure) {
  Finding finding = finding_of(failure);
  if (!asks_for(finding.oracle)) {
    run.not_judged = "the run was ended by " + finding.oracle + ", and nobody asked about that";
    return;
  }
  if (finding.oracle == "progress") {
    // Many bugs end in the same wait; what it is for tells them apart.
    const Awaited awaited = what_is_awaited(run);
    if (!awaited.label.empty()) finding.label += "; " + awaited.label;
    if (!awaited.text.empty()) finding.text += "; " + awaited.text;
    finding.events = awaited.events;
  }
  run.finding = std::move(finding);
}

namespace {

bool has(const std::vector<std::string>& names, std::string_view wanted) {
  return std::find(names.begin(), names.end(), wanted) != names.end();
}

Finding finding_of(const sim::Failure& failure) {
  Finding finding;
  finding.oracle = failure.oracle.view();
  finding.label = failure.label.view();
  finding.text = failure.text.view();
  finding.step = failure.step;
  finding.now_ns = failure.now_ns;
  finding.task = failure.task;
  finding.generation = failure.generation;
  finding.touching = failure.touching;
  finding.request = failure.request;
  finding.site = failure.site;
  finding.role = failure.role.view();
  return finding;
}

}  // namespace
}  // namespace orrery::scenarios
