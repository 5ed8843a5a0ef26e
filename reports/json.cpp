// SPDX-License-Identifier: Apache-2.0
// A whole run for machines: one line of JSON, its fields always in the same order. 64-bit values
// that are names (seeds, digests) are strings; counts and times are numbers.
#include <nlohmann/json.hpp>

#include "engine/store/events.hpp"
#include "reports/catalogue.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

using Json = nlohmann::ordered_json;
using scenarios::Run;

Json head_of(const Run& run);
Json deviations_of(const Telling& telling);
Json finding_of(const Run& run);
Json task_of(const Run& run, uint32_t task);
Json place_of_site(const sim::Site& site);
Json lifetimes_of(const Run& run);
Json requests_of(const Run& run);
Json events_of(const Run& run);

}  // namespace

void render_json(const Telling& telling, std::ostream& out) {
  const Run& run = telling.run;
  Json json = head_of(run);
  json["deviations"] = deviations_of(telling);
  json["finding"] = run.finding ? finding_of(run) : Json(nullptr);
  Json tasks = Json::array();
  for (uint32_t task = 0; task < run.trace->tasks.size(); ++task) {
    tasks.push_back(
        {{"name", name_of_task(*run.trace, task)}, {"spawned", run.trace->tasks[task].spawned}});
  }
  json["tasks"] = std::move(tasks);
  json["lifetimes"] = lifetimes_of(run);
  json["requests"] = requests_of(run);
  json["events"] = events_of(run);
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

namespace {

Json head_of(const Run& run) {
  const scenarios::Plan& plan = *run.plan;
  Json json;
  json["schema"] = "orrery-story/2";
  json["scenario"] = plan.scenario->name();
  json["revision"] = std::string(scenarios::revision());
  json["seed"] = plan.seed ? Json(hex64(*plan.seed)) : Json(nullptr);
  json["verdict"] = scenarios::name_of(run.verdict);
  json["oracle"] = run.finding ? run.finding->oracle : "";
  json["signature"] = run.finding ? run.finding->signature : "";
  json["digest"] = hex64(run.digest);
  json["steps"] = run.steps;
  json["points"] = run.points;
  json["switches"] = run.switches;
  json["virtual_ns"] = run.virtual_ns;
  json["completed"] = run.completed;
  Json sizes = Json::object();
  for (const sim::Size& size : plan.sizes.all()) sizes[size.name] = std::to_string(size.value);
  json["sizes"] = std::move(sizes);
  Json bugs = Json::object();
  for (size_t row = 0; row < engine::kBugs.size() && row < run.reached.size(); ++row) {
    const std::string id(engine::kBugs[row].id);
    for (const std::string& on : plan.bugs) {
      if (on == id) bugs[id] = run.reached[row];
    }
  }
  json["bugs"] = std::move(bugs);
  json["faults"] = plan.faults;
  json["oracles"] = plan.oracles;
  return json;
}

Json deviations_of(const Telling& telling) {
  const Run& run = telling.run;
  Json all = Json::array();
  const std::vector<sim::Deviation> deviations = sim::deviations_of(run.taken());
  for (size_t i = 0; i < deviations.size(); ++i) {
    const sim::Deviation& one = deviations[i];
    Json json;
    json["ask"] = sim::name_of(one.ask);
    json["actor"] = one.actor.text();
    json["occurrence"] = one.occurrence;
    if (one.names_task()) {
      json["task"] = one.task.text();
    } else {
      json["value"] = one.value;
    }
    json["step"] = run.taken()[i].step;
    json["now_ns"] = run.taken()[i].now_ns;
    json["text"] = sentence_of(run, run.taken()[i]);
    const std::string needed = without(telling, run.taken()[i]);
    if (!needed.empty()) json["without"] = needed;
    all.push_back(std::move(json));
  }
  return all;
}

Json finding_of(const Run& run) {
  const scenarios::Finding& finding = *run.finding;
  Json json;
  json["oracle"] = finding.oracle;
  json["label"] = finding.label;
  json["text"] = finding.text;
  json["step"] = finding.step;
  json["now_ns"] = finding.now_ns;
  json["task"] = task_of(run, finding.task);
  json["site"] = place_of_site(finding.site);
  json["lifetime"] = finding.generation == 0 ? Json(nullptr) : Json(finding.generation);
  json["touched_lifetime"] = finding.touching == 0 ? Json(nullptr) : Json(finding.touching);
  json["request"] = finding.request == UINT64_MAX ? Json(nullptr) : Json(finding.request);
  json["events"] = finding.events;
  json["operations"] = finding.operations;
  return json;
}

Json task_of(const Run& run, uint32_t task) {
  if (task >= run.trace->tasks.size()) return nullptr;
  return name_of_task(*run.trace, task);
}

Json place_of_site(const sim::Site& site) {
  if (!is_known(site)) return nullptr;
  return place_of(site);
}

// Lifetimes are named by their number, which is their place here, from 1.
Json lifetimes_of(const Run& run) {
  Json all = Json::array();
  for (const sim::Lifetime& life : run.trace->lifetimes) {
    const bool ended = life.retired_step != UINT64_MAX;
    Json json;
    json["page"] = life.page;
    json["size"] = life.size;
    json["acquired_step"] = life.acquired_step;
    json["acquired_by"] = task_of(run, life.acquired_by);
    json["acquired_at"] = place_of_site(life.acquired_at);
    json["retired_step"] = ended ? Json(life.retired_step) : Json(nullptr);
    json["retired_by"] = ended ? task_of(run, life.retired_by) : Json(nullptr);
    json["retired_at"] = ended ? place_of_site(life.retired_at) : Json(nullptr);
    all.push_back(std::move(json));
  }
  return all;
}

Json requests_of(const Run& run) {
  constexpr const char* kKinds[] = {"read", "write", "sync"};
  Json all = Json::array();
  for (const sim::IoRecord& record : run.trace->requests) {
    Json json;
    json["device"] = record.device;
    json["kind"] = record.kind < 3 ? kKinds[record.kind] : "?";
    json["offset"] = record.offset;
    json["length"] = record.length;
    json["repeat"] = record.repeat;
    json["lifetime"] = record.generation == 0 ? Json(nullptr) : Json(record.generation);
    json["submitted_by"] = task_of(run, record.submitted_by);
    json["submitted_at"] = place_of_site(record.submitted_at);
    json["finishes"] = record.finishes;
    all.push_back(std::move(json));
  }
  return all;
}

Json events_of(const Run& run) {
  Json all = Json::array();
  for (const sim::Event& event : run.trace->events) {
    Json json;
    json["step"] = event.step;
    json["now_ns"] = event.now_ns;
    json["task"] = task_of(run, event.task);
    json["kind"] = event.kind;
    const std::string_view name = engine::events::name_of(event.kind);
    if (!name.empty()) json["name"] = std::string(name);
    json["a"] = event.a;
    json["b"] = event.b;
    json["c"] = event.c;
    json["site"] = place_of_site(event.site);
    json["text"] = sentence_of(run, event);
    all.push_back(std::move(json));
  }
  return all;
}

}  // namespace
}  // namespace orrery::reports
