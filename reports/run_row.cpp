// SPDX-License-Identifier: Apache-2.0
#include "reports/run_row.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "reports/words.hpp"

namespace orrery::reports {
namespace {

using Json = nlohmann::ordered_json;
using scenarios::Verdict;

constexpr const char* kSchema = "orrery-run/1";

std::string line_of(const Json& json);
double in_thousandths(double seconds);

}  // namespace

bool took_worker_along(const RunRow& row) { return row.signature.view().ends_with("(worker)"); }

RunRow row_of(const scenarios::Run& run) {
  RunRow row;
  row.seed = run.plan->seed.value_or(0);
  row.digest = run.digest;
  row.steps = run.steps;
  row.points = run.points;
  row.deviations = run.taken().size();
  row.virtual_ns = run.virtual_ns;
  row.verdict = run.verdict;
  row.guarded = run.plan->guarded;
  for (size_t i = 0; i < engine::kBugs.size(); ++i) {
    if (i < run.reached.size()) row.reached[i] = run.reached[i];
    for (const std::string& id : run.plan->bugs) {
      if (id == engine::kBugs[i].id) row.on[i] = true;
    }
  }
  if (run.finding) {
    row.oracle.assign(run.finding->oracle);
    row.signature.assign(run.finding->signature);
  } else if (run.verdict == scenarios::Verdict::inconclusive) {
    row.signature.assign("not judged: " + run.not_judged);
  }
  return row;
}

std::string json_line(const RunRow& row, const char* scenario) {
  Json json;
  json["schema"] = kSchema;
  json["scenario"] = scenario;
  json["index"] = row.index;
  json["seed"] = hex64(row.seed);
  json["verdict"] = scenarios::name_of(row.verdict);
  json["oracle"] = std::string(row.oracle.view());
  json["signature"] = std::string(row.signature.view());
  if (row.unconfirmed) json["unconfirmed"] = true;
  json["digest"] = hex64(row.digest);
  json["steps"] = row.steps;
  json["points"] = row.points;
  json["virtual_ns"] = row.virtual_ns;
  json["deviations"] = row.deviations;
  Json bugs = Json::object();
  for (size_t i = 0; i < engine::kBugs.size(); ++i) {
    if (row.on[i]) bugs[std::string(engine::kBugs[i].id)] = row.reached[i];
  }
  json["bugs"] = std::move(bugs);
  return line_of(json);
}

bool take_line(const std::string& line, RunRow& row) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || json.value("schema", "") != kSchema) return false;
  const std::string verdict = json.value("verdict", "");
  for (const auto one : {Verdict::ok, Verdict::failed, Verdict::inconclusive}) {
    if (verdict == scenarios::name_of(one)) row.verdict = one;
  }
  row.oracle.assign(json.value("oracle", ""));
  row.signature.assign(json.value("signature", ""));
  row.digest = std::strtoull(json.value("digest", "").c_str(), nullptr, 16);
  row.steps = json.value("steps", uint64_t{0});
  row.points = json.value("points", uint64_t{0});
  row.virtual_ns = json.value("virtual_ns", int64_t{0});
  row.deviations = json.value("deviations", uint64_t{0});
  const Json bugs = json.value("bugs", Json::object());
  for (size_t i = 0; i < engine::kBugs.size(); ++i) {
    row.reached[i] = bugs.value(std::string(engine::kBugs[i].id), uint64_t{0});
  }
  return true;
}

namespace {

Json rerun_of(const RunRow& row, const char* scenario, const char* record) {
  Json json;
  json["schema"] = "orrery-rerun/1";
  json["record"] = record;
  json["scenario"] = scenario;
  json["index"] = row.index;
  json["seed"] = hex64(row.seed);
  json["digest"] = took_worker_along(row) ? Json(nullptr) : Json(hex64(row.digest));
  return json;
}

std::string told_line(Json json, const std::string& digest, const std::string& text) {
  json["rerun_digest"] = digest.empty() ? Json(nullptr) : Json(digest);
  json["text"] = text;
  return line_of(json);
}

}  // namespace

std::string elsewhere_line(const RunRow& row, const char* scenario, const std::string& digest,
                           const std::string& text) {
  return told_line(rerun_of(row, scenario, "elsewhere"), digest, text);
}

std::string replay_line(const RunRow& row, const char* scenario, const std::string& digest,
                        const std::string& text) {
  return told_line(rerun_of(row, scenario, "replay"), digest, text);
}

std::string rerun_line(const RunRow& row, const char* scenario, const std::string& place) {
  Json json = rerun_of(row, scenario, "rerun");
  json["rerun_digest"] = hex64(row.rerun_digest);
  json["parts"] = place.empty() ? Json(nullptr) : Json::parse(place);
  return line_of(json);
}

std::string json_line(const CampaignTotals& totals) {
  Json json;
  json["schema"] = "orrery-campaign/1";
  json["scenario"] = totals.scenario;
  json["campaign_seed"] = hex64(totals.campaign_seed);
  json["revision"] = std::string(scenarios::revision());
  json["runs"] = totals.runs;
  json["runs_asked"] = nullptr;
  if (totals.runs_asked != UINT64_MAX) json["runs_asked"] = totals.runs_asked;
  json["time_asked_s"] = nullptr;
  if (totals.time_asked_s > 0) json["time_asked_s"] = in_thousandths(totals.time_asked_s);
  json["failed"] = totals.failed;
  json["inconclusive"] = totals.inconclusive;
  json["defects"] = totals.defects;
  json["reruns"] = totals.reruns;
  json["reruns_identical"] = totals.reruns_identical;
  json["elsewhere"] = totals.elsewhere;
  json["elsewhere_identical"] = totals.elsewhere_identical;
  json["nondeterministic"] = totals.nondeterministic;
  json["first_failing_seed"] = nullptr;
  if (totals.found) json["first_failing_seed"] = hex64(totals.first_failing_seed);
  json["steps"] = totals.steps;
  json["points"] = totals.points;
  json["interrupted"] = totals.interrupted;
  json["stopped_early"] = nullptr;
  if (!totals.stopped_early.empty()) json["stopped_early"] = std::string(totals.stopped_early);
  json["wall_s"] = in_thousandths(totals.wall_s);
  json["cpu_s"] = in_thousandths(totals.cpu_s);
  json["sometimes"] = Json::array();
  for (const CampaignTotals::Sometimes& one : totals.sometimes) {
    Json row;
    row["label"] = one.label;
    row["place"] = one.place;
    row["hits"] = one.hits;
    json["sometimes"].push_back(row);
  }
  return line_of(json);
}

namespace {

// A text that is no UTF-8, because it was cut, must not stop a report.
std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

double in_thousandths(double seconds) {
  return static_cast<double>(static_cast<int64_t>(seconds * 1000 + 0.5)) / 1000;
}

}  // namespace
}  // namespace orrery::reports
