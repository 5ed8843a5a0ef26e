// SPDX-License-Identifier: Apache-2.0
#include "cli/plan_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/values.hpp"
#include "faults/catalogue.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::cli {
namespace {

std::string check_names(std::string_view what, const std::vector<std::string>& names,
                        const std::vector<std::string>& known);
std::string read_sizes(const std::vector<std::string>& texts, std::string_view scenario,
                       std::vector<sim::Size>& sizes);
std::string example_size(std::string_view scenario, const std::string& name);
std::vector<std::string> split(std::string_view text);

}  // namespace

void PlanOptions::add_to(Options& options) {
  options.values("--bug", "ID", bugs_, "switch a historical bug on (orrery list bugs)");
  options.values("--fault", "ID", faults_, "enable a fault besides the scenario's own");
  options.flag("--no-faults", no_faults_, "disable the scenario's own faults");
  options.values("--set", "SIZE=VALUE", sizes_, "fix a size (orrery list sizes SCENARIO)");
  options.value("--oracles", "A,B", oracles_, "judge by these oracles only");
}

std::string PlanOptions::changes(fuzz::Changes& changes, std::string_view scenario) const {
  changes.bugs = bugs_;
  changes.faults = faults_;
  changes.no_faults = no_faults_;
  changes.oracles.clear();
  if (oracles_) changes.oracles = split(*oracles_);
  for (const std::string& name : changes.oracles) {
    if (name.empty()) return "--oracles wants names, with one comma between two of them";
  }
  std::vector<std::string> known;
  for (const engine::BugRow& row : engine::kBugs) known.emplace_back(row.id);
  std::string wrong = check_names("bug", bugs_, known);
  known.clear();
  for (const sim::Fault* fault : faults::all_faults()) known.emplace_back(fault->name());
  if (wrong.empty()) wrong = check_names("fault", faults_, known);
  known.clear();
  for (const scenarios::OracleRow& row : scenarios::all_oracles()) known.emplace_back(row.name);
  if (wrong.empty()) wrong = check_names("oracle", changes.oracles, known);
  if (wrong.empty()) wrong = read_sizes(sizes_, scenario, changes.sizes);
  return wrong;
}

std::string_view PlanOptions::first_given() const {
  if (!bugs_.empty()) return "--bug";
  if (!faults_.empty()) return "--fault";
  if (no_faults_) return "--no-faults";
  if (!sizes_.empty()) return "--set";
  return oracles_ ? "--oracles" : "";
}

std::vector<std::string> arguments_of(const fuzz::Changes& changes) {
  std::vector<std::string> words;
  const auto add = [&](const char* option, const std::string& value) {
    words.emplace_back(option);
    words.push_back(value);
  };
  for (const std::string& bug : changes.bugs) add("--bug", bug);
  if (changes.no_faults) words.emplace_back("--no-faults");
  for (const std::string& fault : changes.faults) add("--fault", fault);
  for (const sim::Size& size : changes.sizes) {
    add("--set", fmt::format("{}={}", size.name, size.value));
  }
  std::string oracles;
  for (const std::string& name : changes.oracles) oracles += (oracles.empty() ? "" : ",") + name;
  if (!oracles.empty()) add("--oracles", oracles);
  return words;
}

std::string words_of(const fuzz::Changes& changes) {
  std::string text;
  for (const std::string& word : arguments_of(changes)) text += " " + word;
  return text;
}

std::string oracles_of(const std::vector<std::string>& oracles) {
  fuzz::Changes changes;
  changes.oracles = oracles;
  return words_of(changes);
}

const scenarios::Scenario* scenario_named(std::string_view name, std::string& wrong) {
  const scenarios::Scenario* const found = scenarios::find_scenario(name);
  if (found != nullptr) return found;
  std::vector<std::string> known;
  for (const scenarios::Scenario* one : scenarios::all_scenarios()) known.emplace_back(one->name());
  wrong = check_names("scenario", {std::string(name)}, known);
  return nullptr;
}

int64_t hang_after_of(const scenarios::Scenario& scenario) {
  return scenario.is_large() ? 600'000 : 60'000;
}

namespace {

std::string check_names(std::string_view what, const std::vector<std::string>& names,
                        const std::vector<std::string>& known) {
  for (const std::string& name : names) {
    if (std::count(names.begin(), names.end(), name) > 1) {
      return fmt::format("{} \"{}\" is given twice; once is enough", what, name);
    }
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return fmt::format("{} \"{}\" is not known; did you mean \"{}\"?", what, name,
                       scenarios::nearest(name, known));
  }
  return {};
}

std::string read_sizes(const std::vector<std::string>& texts, std::string_view scenario,
                       std::vector<sim::Size>& sizes) {
  sizes.clear();
  for (const std::string& text : texts) {
    const size_t sign = text.find('=');
    sim::Size size;
    if (sign == std::string::npos || sign == 0 ||
        !read_number(std::string_view(text).substr(sign + 1), size.value)) {
      return fmt::format("\"{}\" sets no size; write --set {}", text,
                         example_size(scenario, text.substr(0, sign)));
    }
    size.name = text.substr(0, sign);
    const bool again = std::any_of(sizes.begin(), sizes.end(),
                                   [&](const sim::Size& other) { return other.name == size.name; });
    if (again) return fmt::format("--set {} is given twice; once is enough", size.name);
    sizes.push_back(std::move(size));
  }
  return {};
}

// The size whose name comes nearest, at its calm value.
std::string example_size(std::string_view scenario, const std::string& name) {
  std::vector<std::string> names;
  std::vector<int64_t> calm;
  for (const scenarios::Scenario* one : scenarios::all_scenarios()) {
    if (scenarios::find_scenario(scenario) != nullptr && scenario != one->name()) continue;
    for (const scenarios::SizeRow& row : one->sizes()) {
      names.emplace_back(row.name);
      calm.push_back(row.calm);
    }
  }
  const std::string nearest(scenarios::nearest(name, names));
  const auto at = std::find(names.begin(), names.end(), nearest) - names.begin();
  return fmt::format("{}={}", nearest, calm[static_cast<size_t>(at)]);
}

// What stands between the commas, also where that is nothing.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace
}  // namespace orrery::cli
