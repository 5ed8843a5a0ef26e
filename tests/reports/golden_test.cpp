// SPDX-License-Identifier: Apache-2.0
// What reports print, byte for byte. After a change on purpose: ORRERY_UPDATE_GOLDEN=1 rewrites the
// files, and the difference is reviewed like any other.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "reports/run_row.hpp"
#include "tests/catch.hpp"
#include "tests/reports/made_up_run.hpp"

namespace orrery::reports {
namespace {

void require_golden(const std::string& name, const std::string& printed) {
  const std::string path = "tests/golden/" + name;
  if (std::getenv("ORRERY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << printed;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string wanted((std::istreambuf_iterator<char>(file)), {});
  CHECK(printed == wanted);
}

std::string rendered(Render render, const Telling& telling) {
  std::ostringstream out;
  render(telling, out);
  return out.str();
}

// Names of functions are the compiler's: they are no part of a golden file.
std::string without_functions(std::string text) {
  for (const char* name : {" (acquire_site)", " (submit_site)", " (retire_site)"}) {
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name)) {
      text.erase(at, std::string(name).size());
    }
  }
  return text;
}

}  // namespace

TEST_CASE("a story tells deviations, the broken promise, whose memory it was, and lanes") {
  const MadeUpRun made;
  const std::vector<sim::Deviation> deviations = sim::deviations_of(made.trace.taken);
  const std::vector<Need> needs{{deviations[0], "the run is ok"},
                                {deviations[1], "it fails differently: frames: another thing"}};
  const std::string story = rendered(&render_story, {made.run, needs});
  CHECK_THAT(story, Catch::Matchers::ContainsSubstring("made_up.cpp:112 (submit_site)"));
  require_golden("story.txt", without_functions(story));
}

TEST_CASE("the JSON of a run keeps its fields and their order") {
  const MadeUpRun made;
  std::string json = rendered(&render_json, {made.run, {}});
  const std::string built_from(scenarios::revision());
  json.replace(json.find(built_from), built_from.size(), "REVISION");
  require_golden("run.json", json);
  RunRow row = row_of(made.run);
  row.index = 3;
  require_golden("row.json", json_line(row, made.scenario.name()) + "\n");
}

TEST_CASE("what happened in a run is read from its line again") {
  const MadeUpRun made;
  const RunRow row = row_of(made.run);
  RunRow read;
  read.index = 7;
  read.on = row.on;
  REQUIRE(take_line(json_line(row, made.scenario.name()), read));
  CHECK(read.index == 7);
  CHECK(read.seed == 0);
  read.seed = row.seed;
  CHECK(json_line(read, "") == json_line(
                                   [&] {
                                     RunRow wanted = row;
                                     wanted.index = 7;
                                     return wanted;
                                   }(),
                                   ""));
  for (const char* other : {"", "{}", "[1]", "{\"schema\":\"orrery-rerun/1\"}"}) {
    CHECK(!take_line(other, read));
  }
}

TEST_CASE("the trace has every event and every deviation") {
  const MadeUpRun made;
  require_golden("trace.txt", rendered(&render_trace, {made.run, {}}));
}

TEST_CASE("a deadlock says where each task stands") {
  MadeUpRun made;
  made.run.finding->oracle = "progress";
  const std::string story = rendered(&render_story, {made.run, {}});
  CHECK_THAT(story, Catch::Matchers::ContainsSubstring("where each task stands"));
  CHECK_THAT(story, Catch::Matchers::ContainsSubstring("flush-runner/1  since step 1,001"));
}

TEST_CASE("a report of a run that went well is short") {
  MadeUpRun made;
  made.run.verdict = scenarios::Verdict::ok;
  made.run.finding.reset();
  made.run.completed = true;
  const std::string story = rendered(&render_story, {made.run, {}});
  CHECK_THAT(story, Catch::Matchers::ContainsSubstring("made-up  ok"));
  CHECK_THAT(story, !Catch::Matchers::ContainsSubstring("broken"));
}

TEST_CASE("every report has a name of its own") {
  for (const ReportRow& row : all_reports()) CHECK(find_report(row.name) == &row);
  CHECK(find_report("no-such-report") == nullptr);
}

}  // namespace orrery::reports
