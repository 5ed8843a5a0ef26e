// SPDX-License-Identifier: Apache-2.0
// orrery list: what there is, by name.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/options.hpp"
#include "cli/plan_options.hpp"
#include "cli/verb.hpp"
#include "faults/catalogue.hpp"
#include "fuzz/catalogue.hpp"
#include "reports/catalogue.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::cli {
namespace {

using Json = nlohmann::ordered_json;

/// One line of a list: a name, a sentence, and facts besides.
struct Item {
  std::string name;
  std::string sentence;
  Json facts = Json::object();
};

constexpr std::array<const char*, 7> kKinds{"scenarios", "bugs",         "faults", "oracles",
                                            "reports",   "fuzz-targets", "sizes"};

std::vector<Item> items_of(const std::string& kind);
std::vector<Item> sizes_of(const scenarios::Scenario& scenario);
void print(const Invocation& invocation, const std::string& kind, const std::vector<Item>& items,
           bool json);

}  // namespace

int run_list(const Invocation& invocation) {
  Options options("list", "What there is, by name.",
                  "examples\n  orrery list\n  orrery list bugs\n"
                  "  orrery list sizes snapshot-full-cache --json\n");
  std::string kind = "scenarios";
  std::string scenario;
  bool json = false;
  options.word("kind", kind, "scenarios, bugs, faults, oracles, reports, fuzz-targets or sizes");
  options.word("scenario", scenario, "for sizes: whose");
  options.flag("--json", json, "one line of JSON each");
  if (const auto code = options.parse(invocation)) return *code;
  if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
    const std::vector<std::string> known(kKinds.begin(), kKinds.end());
    return usage_error(invocation, fmt::format("there is no list of \"{}\"; did you mean \"{}\"?",
                                               kind, scenarios::nearest(kind, known)));
  }
  if (kind != "sizes") {
    if (!scenario.empty()) {
      return usage_error(invocation, fmt::format("\"{}\" is one word too many", scenario));
    }
    print(invocation, kind, items_of(kind), json);
    return kOk;
  }
  if (scenario.empty()) {
    return usage_error(invocation, "sizes of which scenario? orrery list sizes SCENARIO");
  }
  std::string wrong;
  const scenarios::Scenario* const found = scenario_named(scenario, wrong);
  if (found == nullptr) return usage_error(invocation, wrong);
  print(invocation, kind, sizes_of(*found), json);
  return kOk;
}

namespace {

std::vector<Item> items_of(const std::string& kind) {
  std::vector<Item> items;
  if (kind == "scenarios") {
    for (const scenarios::Scenario* one : scenarios::all_scenarios()) {
      Item item{one->name(), one->sentence(), Json::object()};
      item.facts["faults"] = Json::array();
      for (const char* fault : one->faults()) item.facts["faults"].push_back(fault);
      item.facts["must_fail"] = one->must_fail();
      item.facts["nondeterministic"] = one->is_nondeterministic();
      item.facts["large"] = one->is_large();
      items.push_back(std::move(item));
    }
  } else if (kind == "bugs") {
    for (const engine::BugRow& row : engine::kBugs) {
      Item item{std::string(row.id), std::string(row.sentence), Json::object()};
      item.facts["origin"] = std::string(row.origin);
      item.facts["oracle"] = std::string(row.oracle);
      items.push_back(std::move(item));
    }
  } else if (kind == "faults") {
    for (const sim::Fault* fault : faults::all_faults()) {
      items.push_back({fault->name(), fault->sentence(), Json::object()});
    }
  } else if (kind == "oracles") {
    for (const scenarios::OracleRow& row : scenarios::all_oracles()) {
      items.push_back({row.name, row.sentence, Json::object()});
    }
  } else if (kind == "fuzz-targets") {
    for (const fuzz::TargetRow& row : fuzz::all_targets()) {
      items.push_back({row.name, row.sentence, Json::object()});
    }
  } else {
    for (const reports::ReportRow& row : reports::all_reports()) {
      items.push_back({row.name, row.sentence, Json::object()});
    }
  }
  return items;
}

std::vector<Item> sizes_of(const scenarios::Scenario& scenario) {
  std::vector<Item> items;
  for (const scenarios::SizeRow& row : scenario.sizes()) {
    Item item{row.name, row.sentence, Json::object()};
    item.facts["minimum"] = std::to_string(row.minimum);
    item.facts["maximum"] = std::to_string(row.maximum);
    item.facts["calm"] = std::to_string(row.calm);
    items.push_back(std::move(item));
  }
  return items;
}

void print(const Invocation& invocation, const std::string& kind, const std::vector<Item>& items,
           bool json) {
  size_t width = 0;
  for (const Item& item : items) width = std::max(width, item.name.size());
  for (const Item& item : items) {
    if (json) {
      Json line;
      line["schema"] = "orrery-list/2";
      line["kind"] = kind;
      line["name"] = item.name;
      line["sentence"] = item.sentence;
      line.update(item.facts);
      invocation.out << line.dump() << '\n';
      continue;
    }
    invocation.out << fmt::format("{:<{}}  {}", item.name, width, item.sentence);
    if (kind == "sizes") {
      invocation.out << fmt::format(
          " ({} to {}, calm {})", item.facts["minimum"].get<std::string>(),
          item.facts["maximum"].get<std::string>(), item.facts["calm"].get<std::string>());
    }
    if (kind == "bugs") {
      invocation.out << fmt::format(" ({})", item.facts["origin"].get<std::string>());
    }
    invocation.out << '\n';
  }
}

}  // namespace
}  // namespace orrery::cli
