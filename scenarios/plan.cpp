// SPDX-License-Identifier: Apache-2.0
// Plans: from a seed, from a tape, back to a tape; and what is wrong with one.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "faults/catalogue.hpp"
#include "scenarios/oracles/oracle.hpp"
#include "scenarios/run.hpp"

namespace orrery::scenarios {
namespace {

constexpr size_t kNotBegun = 1000;  // longer than any name

const SizeRow* find_row(const Scenario& scenario, std::string_view name);
std::vector<std::string> size_names(const Scenario& scenario);
size_t distance(std::string_view a, std::string_view b);
const char* why_idle(sim::Leave wanted, const Plan& plan);
std::string unknown(std::string_view what, std::string_view name,
                    const std::vector<std::string>& known);

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::failed: return "failed";
    case Verdict::inconclusive: return "inconclusive";
  }
  return "unknown";
}

Plan plan_of_seed(const Scenario& scenario, uint64_t seed) {
  Plan plan;
  plan.scenario = &scenario;
  plan.seed = seed;
  scenario.draw(seed, plan.sizes);
  for (const char* fault : scenario.faults()) plan.faults.emplace_back(fault);
  return plan;
}

std::string set_size(Plan& plan, std::string_view name, int64_t value) {
  const SizeRow* const row = find_row(*plan.scenario, name);
  if (row == nullptr) return unknown("size", name, size_names(*plan.scenario));
  if (value < row->minimum || value > row->maximum) {
    return fmt::format("size {} is {}, but goes from {} to {}", name, value, row->minimum,
                       row->maximum);
  }
  plan.sizes.set(name, value);
  return {};
}

std::string unfit(const Plan& plan) {
  for (const SizeRow& row : plan.scenario->sizes()) {
    if (!plan.sizes.find(row.name)) return fmt::format("size {} is missing", row.name);
  }
  if (!engine::kHasSwitches && !plan.bugs.empty()) {
    return fmt::format("bug {} cannot be switched on: this build has no switches",
                       plan.bugs.front());
  }
  for (const std::string& id : plan.bugs) {
    if (engine::find_bug(id) != nullptr) continue;
    std::vector<std::string> known;
    for (const engine::BugRow& row : engine::kBugs) known.emplace_back(row.id);
    return unknown("bug", id, known);
  }
  for (const std::string& id : plan.bugs) {
    if (plan.scenario->reaches(id)) continue;
    return fmt::format("bug {} is in code that {} does not play", id, plan.scenario->name());
  }
  for (const std::string& name : plan.faults) {
    if (faults::find_fault(name) != nullptr) continue;
    std::vector<std::string> known;
    for (const sim::Fault* fault : faults::all_faults()) known.emplace_back(fault->name());
    return unknown("fault", name, known);
  }
  for (const std::string& name : plan.faults) {
    const char* const why = why_idle(faults::find_fault(name)->leave(), plan);
    if (why == nullptr) continue;
    return fmt::format("fault {} does nothing in {}, which {}", name, plan.scenario->name(), why);
  }
  for (const std::string& name : plan.oracles) {
    std::vector<std::string> known;
    for (const OracleRow& row : all_oracles()) known.emplace_back(row.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return unknown("oracle", name, known);
  }
  return plan.scenario->unfit(plan.sizes);
}

std::string plan_of_tape(const sim::Tape& tape, Plan& plan) {
  Plan made;
  made.scenario = find_scenario(tape.scenario);
  if (made.scenario == nullptr) {
    std::vector<std::string> known;
    for (const Scenario* scenario : all_scenarios()) known.emplace_back(scenario->name());
    return unknown("scenario", tape.scenario, known);
  }
  for (const sim::Size& size : tape.sizes) {
    std::string wrong = set_size(made, size.name, size.value);
    if (!wrong.empty()) return wrong;
  }
  for (const SizeRow& row : made.scenario->sizes()) {
    if (made.sizes.find(row.name)) continue;
    return fmt::format(
        "size {} is missing: the tape is cut off, too old, or of another scenario than {}",
        row.name, tape.scenario);
  }
  made.seed = tape.seed;
  made.bugs = tape.bugs;
  made.faults = tape.faults;
  made.deviations = tape.deviations;
  made.replays = true;
  std::string wrong = unfit(made);
  if (wrong.empty()) plan = std::move(made);
  return wrong;
}

sim::Tape tape_of(const Run& run) {
  sim::Tape tape;
  tape.scenario = run.plan->scenario->name();
  tape.revision = revision();
  tape.seed = run.plan->seed;
  tape.sizes = run.plan->sizes.all();
  tape.bugs = run.plan->bugs;
  tape.faults = run.plan->faults;
  tape.deviations = sim::deviations_of(run.taken());
  return tape;
}

std::string nearest(std::string_view wanted, const std::vector<std::string>& known) {
  std::string best;
  size_t least = SIZE_MAX;
  for (const std::string& name : known) {
    // Who typed the beginning of a name knows it well enough: of those the shortest.
    const bool begun = !wanted.empty() && name.starts_with(wanted);
    const size_t far = begun ? name.size() : kNotBegun + distance(wanted, name);
    if (far < least) {
      least = far;
      best = name;
    }
  }
  return best;
}

namespace {

const SizeRow* find_row(const Scenario& scenario, std::string_view name) {
  for (const SizeRow& row : scenario.sizes()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::vector<std::string> size_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const SizeRow& row : scenario.sizes()) names.emplace_back(row.name);
  return names;
}

std::string unknown(std::string_view what, std::string_view name,
                    const std::vector<std::string>& known) {
  return fmt::format("{} \"{}\" is not known; did you mean \"{}\"?", what, name,
                     nearest(name, known));
}

// Of the scenario, in words; null if the fault may show in it.
const char* why_idle(sim::Leave wanted, const Plan& plan) {
  const Scenario& scenario = *plan.scenario;
  switch (wanted) {
    case sim::Leave::none: break;
    case sim::Leave::power:
      if (!scenario.loses_power()) return "never loses power";
      break;
    case sim::Leave::decay:
      if (scenario.laws(plan.sizes).disk.may_decay == nullptr) return "lets no file decay";
      break;
    case sim::Leave::vanish:
      if (scenario.laws(plan.sizes).disk.may_vanish == nullptr) return "lets no directory vanish";
      break;
  }
  return nullptr;
}

// Levenshtein's: how many characters must change.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace
}  // namespace orrery::scenarios
