// SPDX-License-Identifier: Apache-2.0
// A campaign whose runs are made up, and whose fresh processes are played by a script: what comes
// of a failure that they confirm, do not see, or are killed over.
#include "cli/hunt.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "fuzz/last_words.hpp"
#include "reports/words.hpp"
#include "scenarios/run.hpp"
#include "tests/catch.hpp"
#include "tests/cli/place.hpp"
#include "tests/fuzz/players.hpp"

namespace orrery::cli {
namespace {

constexpr const char* kWindow = "walks: a window is left";
constexpr const char* kConfirms =
    R"(echo '{"verdict":"failed","digest":"0x0000000000000011","steps":70,)"
    R"("signature":"walks: a window is left"}'; : > $tape; exit 1)";

void fails(reports::RunRow& row) {
  row.verdict = scenarios::Verdict::failed;
  row.steps = 70;
  row.digest = 0x11;
  row.oracle.assign("walks");
  row.signature.assign(kWindow);
}

// Its row is made up, and has no digest.
void takes_worker_along(reports::RunRow& row, int signal) {
  fails(row);
  row.digest = 0;
  row.signature.format("memory: {} (worker)", fuzz::death_label(signal, ""));
}

fuzz::CampaignOrder three_runs_of_which_the_second_fails(void (*second)(reports::RunRow&) = fails) {
  fuzz::CampaignOrder order = fuzz::order_of(3, 1, [second](reports::RunRow& row) {
    if (row.index == 1) second(row);
  });
  order.keep_going = true;
  return order;
}

// In each of the runs 9, 19 and 29 once: as many deaths as end a campaign.
fuzz::CampaignOrder many_runs_whose_workers_die(fuzz::SharedCount& deaths) {
  return fuzz::order_of(60'000, 1, [&deaths](reports::RunRow& row) {
    if (row.index % 10 != 9 || deaths.value() != static_cast<int>(row.index / 10)) return;
    deaths.add();
    (void)raise(SIGKILL);
  });
}

// As Ctrl-C does. What follows leaves time to hear of it.
void interrupts_in_run_300(const reports::RunRow& row) {
  if (row.index == 300) (void)kill(getppid(), SIGINT);
  if (row.index > 300) usleep(1000);
}

Hunted hunted_in(const Place& place) {
  Hunted hunted;
  hunted.scenario = scenarios::find_scenario("many-sessions");
  hunted.colour = "never";
  hunted.folder = place.path() + "/found";
  hunted.quiet = true;
  return hunted;
}

void becomes(const std::string& path, int standard) {
  dup2(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), standard);
}

// In a child. Nothing that is thrown gets into the tests that go on there.
[[noreturn]] void play_and_exit(const std::string& folder, const std::string& program,
                                const Hunted& hunted, const fuzz::CampaignOrder& order) noexcept {
  becomes(folder + "/out", STDOUT_FILENO);
  becomes(folder + "/err", STDERR_FILENO);
  const int code = hunt({{}, program, "orrery", std::cout, std::cerr}, hunted, order);
  std::cout.flush();
  std::cerr.flush();
  _exit(code);
}

/// Plays a campaign in a process of its own. `fresh` is what each of its fresh processes does,
/// which is to write $tape if it is asked for one.
Ended played(const Place& place, const Hunted& hunted, const fuzz::CampaignOrder& order,
             const std::string& fresh) {
  const std::string script = place.path() + "/fresh";
  std::ofstream(script) << "#!/bin/sh\ncd " << place.path()
                        << "\nfor tape; do :; done\n"  // the last of its words
                           "case $tape in */*) mkdir -p ${tape%/*} ;; esac\n"
                        << fresh << "\n";
  fs::permissions(script, fs::perms::owner_all);
  std::cout.flush();
  (void)fflush(nullptr);
  const pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) play_and_exit(place.path(), script, hunted, order);
  int status = 0;
  REQUIRE(waitpid(process, &status, 0) == process);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          content_of(place.path() + "/out"), content_of(place.path() + "/err")};
}

}  // namespace

TEST_CASE("a failure that differs when it is replayed has a line of JSON with both digests") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.json = true;
  const struct {
    const char* says;
    int code;
    const char* text;
  } answers[]{
      {R"("verdict":"ok","digest":"0x0000000000000022","steps":90)", 0,
       R"(the worker saw "walks: a window is left", the fresh process says ok)"},
      {R"("verdict":"failed","digest":"0x0000000000000022","steps":70)", 1,
       "digest 0x0000000000000011 in the worker, 0x0000000000000022 in the fresh process"},
      {R"("verdict":"failed","digest":"0x0000000000000022","steps":71)", 1,
       "the worker stopped at step 70, the fresh process at step 71"},
      {R"("verdict":"failed","digest":"0x0000000000000022","steps":69)", 3,
       "the replay of its own tape differs\n"},
  };
  for (const auto& answer : answers) {
    const Ended ended =
        played(place, hunted, three_runs_of_which_the_second_fails(),
               "echo '{" + std::string(answer.says) + "}'; exit " + std::to_string(answer.code));
    INFO(answer.text << '\n' << ended.err);
    CHECK(ended.code == 3);
    const std::vector<Json> lines = lines_of(ended.out);
    REQUIRE(lines.size() == 5);
    CHECK(lines[1]["unconfirmed"] == true);
    const Json& line = lines[2];
    CHECK(line["schema"] == "orrery-rerun/1");
    CHECK(line["record"] == "replay");
    CHECK(line["seed"] == lines[1]["seed"]);
    CHECK(line["digest"] == reports::hex64(0x11));
    CHECK(line["rerun_digest"] == reports::hex64(0x22));
    CHECK(line["text"] == answer.text);
    CHECK(lines[4]["nondeterministic"] == true);
    CHECK(lines[4]["failed"] == 1);
    CHECK(lines[4]["elsewhere"] == 0);  // of runs that were played twice
    // A replay is named only where it shows it.
    const std::string again = behind(ended.err, "  again:   orrery ");
    CHECK(again.starts_with(answer.code == 3 ? "replay many-sessions 0x"
                                             : "run many-sessions -s 0x"));
    CHECK((count_of(again, " --from 1 -n 1 --check-determinism all") == 0) == (answer.code == 3));
  }
}

TEST_CASE("a run whose second play differs is told with a command that shows it") {
  const Place place;
  const auto differs = [](reports::RunRow& row) {
    row.rerun = reports::Rerun::differs;
    row.rerun_digest = 0x33;
  };
  for (const int code : {0, 3}) {
    const std::string answer = R"({"schema":"orrery-run/1","verdict":"ok","steps":70})";
    const Ended ended =
        played(place, hunted_in(place), three_runs_of_which_the_second_fails(differs),
               "echo '" + answer + "'; exit " + std::to_string(code));
    CHECK(ended.code == 3);
    CHECK((count_of(ended.err, "a fresh process does not see it") == 0) == (code == 3));
    const std::string again = behind(ended.err, "  again:   orrery ");
    CHECK(again.starts_with(code == 3 ? "replay many-sessions 0x" : "run many-sessions -s 0x"));
  }
}

TEST_CASE("a run that differs in a process of its own is told with a command that shows it") {
  const Place place;
  const auto identical = [](reports::RunRow& row) {
    row.rerun = reports::Rerun::identical;
    row.digest = 0x11;
  };
  const struct {
    const char* digest;
    int code;
    const char* text;
    const char* again;
  } answers[]{
      {"0x0000000000000011", 3, "in a process of its own the replay of its own tape differs",
       "replay many-sessions 0x"},
      {"0x0000000000000022", 3, "digest 0x0000000000000011 in a worker, 0x0000000000000022 in a",
       "run many-sessions -s 0x"},
      {"0x0000000000000022", 0, "digest 0x0000000000000011 in a worker, 0x0000000000000022 in a",
       "run many-sessions -s 0x"},
  };
  for (const auto& answer : answers) {
    const Ended ended =
        played(place, hunted_in(place), three_runs_of_which_the_second_fails(identical),
               R"(echo '{"schema":"orrery-run/1","verdict":"ok","steps":70,"digest":")" +
                   std::string(answer.digest) + "\"}'; exit " + std::to_string(answer.code));
    INFO(answer.text << '\n' << ended.err);
    CHECK(ended.code == 3);
    CHECK_THAT(ended.err, ContainsSubstring(answer.text));
    CHECK(behind(ended.err, "  again:   orrery ").starts_with(answer.again));
  }
}

TEST_CASE("a failure that takes its worker along has no digest that could differ") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.json = true;
  const fuzz::CampaignOrder order = three_runs_of_which_the_second_fails(
      [](reports::RunRow& row) { takes_worker_along(row, SIGSEGV); });
  const Ended ended =
      played(place, hunted, order,
             R"(echo '{"verdict":"failed","digest":"0x0000000000000022","steps":69}'; exit 3)");
  CHECK(ended.code == 3);
  const std::vector<Json> lines = lines_of(ended.out);
  REQUIRE(lines.size() == 5);
  CHECK(lines[2]["record"] == "replay");
  CHECK(lines[2]["digest"].is_null());
  CHECK(lines[2]["rerun_digest"] == reports::hex64(0x22));
}

namespace {

// As a sanitizer ends a process: with its report, and a plain exit code.
template <const char* kReport>
void is_ended_by_a_sanitizer(reports::RunRow&) {
  (void)fputs(kReport, stderr);
  _exit(1);
}

constexpr char kAsanReport[] =
    "==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x5d\n";
constexpr char kUbsanReport[] = "log.cpp:7:3: runtime error: signed integer overflow\n";

}  // namespace

TEST_CASE("what a sanitizer ends twice is a finding, with its report and no tape") {
  struct Case {
    void (*second)(reports::RunRow&);
    const char* report;
    const char* label;
  };
  for (const Case& one : {Case{is_ended_by_a_sanitizer<kAsanReport>, kAsanReport,
                               "AddressSanitizer: heap-use-after-free"},
                          Case{is_ended_by_a_sanitizer<kUbsanReport>, kUbsanReport,
                               "UndefinedBehaviorSanitizer: runtime error"}}) {
    const Place place;
    Hunted hunted = hunted_in(place);
    hunted.junit = place.path() + "/desk/sanitized.xml";
    const std::string fresh = fmt::format("echo '{}' >&2; exit 1", one.report);
    const Ended ended =
        played(place, hunted, three_runs_of_which_the_second_fails(one.second), fresh);
    INFO(ended.out << ended.err);
    CHECK(ended.code == 1);
    CHECK_THAT(ended.out,
               ContainsSubstring(fmt::format("FAILED  memory: {} (worker)\n", one.label)));
    CHECK_THAT(ended.out, ContainsSubstring("reproduced in a fresh process\n"));
    CHECK_THAT(ended.out, !ContainsSubstring(" shrink "));
    const std::string kept = behind(ended.out, "the process said last, in full in ");
    CHECK_THAT(content_of(kept.substr(0, kept.find(".stderr")) + ".stderr"),
               ContainsSubstring(one.report));
    require_schema(place, "sanitized.xml");
    CHECK_THAT(place.read("sanitized.xml"), ContainsSubstring("failures=\"1\" errors=\"0\""));
    // Ended in another way it is not the same, and not good either.
    const Ended other = played(place, hunted_in(place),
                               three_runs_of_which_the_second_fails(one.second), "kill -SEGV $$");
    CHECK(other.code == 5);
    CHECK_THAT(other.out, ContainsSubstring("UNCONFIRMED"));
  }
}

TEST_CASE("a failure that a fresh process confirms, or cannot be asked about, differs from none") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.json = true;
  const auto order = three_runs_of_which_the_second_fails();
  const Ended well = played(place, hunted, order, kConfirms);
  CHECK(well.code == 1);
  REQUIRE(lines_of(well.out).size() == 4);
  CHECK_FALSE(lines_of(well.out)[1].contains("unconfirmed"));
  const Ended dumb = played(place, hunted, order, "exit 1");
  CHECK(dumb.code == 5);
  REQUIRE(lines_of(dumb.out).size() == 4);
  CHECK(lines_of(dumb.out)[1]["unconfirmed"] == true);
  CHECK(lines_of(dumb.out)[3]["nondeterministic"] == false);
}

TEST_CASE("a fresh process that is killed once hides no failure") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.json = true;
  hunted.junit = place.path() + "/desk/kf.xml";
  fuzz::CampaignOrder order = fuzz::order_of(400, 1, [](reports::RunRow& row) {
    if (row.index % 100 == 50) fails(row);
  });
  order.keep_going = true;
  const Ended ended =
      played(place, hunted, order,
             std::string("[ -f asked ] || { : > asked; kill -9 $$; }\n") + kConfirms);
  CHECK(ended.code == 5);
  CHECK_THAT(ended.err, ContainsSubstring("ended by signal 9"));
  const std::vector<Json> rows = rows_of(ended.out);
  REQUIRE(rows.size() == 400);
  size_t failed = 0;
  size_t unconfirmed = 0;
  for (const Json& row : rows) {
    if (row["verdict"] == "failed") ++failed;
    if (row.contains("unconfirmed")) ++unconfirmed;
  }
  const Json totals = lines_of(ended.out).back();
  CHECK(failed == 4);
  CHECK(unconfirmed == 1);
  CHECK(totals["failed"] == 4);
  CHECK(totals["defects"] == 1);
  CHECK(totals["first_failing_seed"].is_string());
  require_schema(place, "kf.xml");
  CHECK_THAT(place.read("kf.xml"), ContainsSubstring("<failure "));
}

TEST_CASE("a failure that no fresh process reproduces is told as such, and never green") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.junit = place.path() + "/desk/kf.xml";
  const Ended ended = played(place, hunted, three_runs_of_which_the_second_fails(), "kill -9 $$");
  CHECK(ended.code == 5);
  CHECK_THAT(ended.out, ContainsSubstring("UNCONFIRMED"));
  CHECK_THAT(ended.out, ContainsSubstring("first failing seed 0x"));
  CHECK_THAT(ended.out, ContainsSubstring("replay:  orrery replay many-sessions 0x"));
  require_schema(place, "kf.xml");
  CHECK_THAT(place.read("kf.xml"),
             ContainsSubstring("<error message=\"no fresh process has reproduced it"));
  CHECK_THAT(place.read("kf.xml"), ContainsSubstring("failures=\"0\" errors=\"2\""));
}

TEST_CASE("a fresh process that is killed because it takes too long has reproduced nothing") {
  const Place place;
  // The signal that had taken the worker along is the one that ends an overdue process, too.
  fuzz::CampaignOrder order = three_runs_of_which_the_second_fails(
      [](reports::RunRow& row) { takes_worker_along(row, SIGKILL); });
  order.hang_after_ms = 500;
  const Ended ended = played(place, hunted_in(place), order, "exec sleep 1000");
  CHECK(ended.code == 5);
  CHECK_THAT(ended.err, ContainsSubstring("was not over in time"));
  CHECK_THAT(ended.out, ContainsSubstring("UNCONFIRMED"));
}

TEST_CASE("Ctrl-C says how to go on also while a failure is being reproduced") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.json = true;
  hunted.seed = 5;
  hunted.options = " --bug garnet-385";
  const Ended ended =
      played(place, hunted, three_runs_of_which_the_second_fails(),
             "kill -INT $PPID; until grep -q 'go on with' err; do sleep 0.05; done\n"
             "sleep 0.2; kill -INT $PPID; exec sleep 1000");
  CHECK(ended.code == 130);
  CHECK(rows_of(ended.out).size() == 1);
  const std::string way_on = behind(ended.err, "then go on with:  orrery run many-sessions ");
  CHECK_THAT(way_on, ContainsSubstring("--from 1 "));
  CHECK_THAT(way_on, ContainsSubstring(" --bug garnet-385"));
}

namespace {

/// What a campaign tells machines whose workers all died.
struct BrokeOff {
  explicit BrokeOff(const std::function<void(fuzz::CampaignOrder&)>& limit = {}) {
    Hunted hunted = hunted_in(place);
    hunted.json = true;
    hunted.junit = place.path() + "/desk/broke-off.xml";
    fuzz::SharedCount deaths;
    fuzz::CampaignOrder order = many_runs_whose_workers_die(deaths);
    if (limit) limit(order);
    const Ended ended = played(place, hunted, order, "exit 1");
    CHECK(ended.code == 5);
    totals = lines_of(ended.out).back();
    require_schema(place, "broke-off.xml");
    junit = place.read("broke-off.xml");
    CHECK(totals["stopped_early"] == "harness");
    CHECK_THAT(junit, ContainsSubstring("name=\"stopped.early\" value=\"harness\""));
  }

  const Place place;
  Json totals;
  std::string junit;
};

}  // namespace

TEST_CASE("a campaign that broke off says so to machines, and what it had been asked for") {
  const BrokeOff told;
  CHECK(told.totals["runs"] < 60'000);
  CHECK(told.totals["runs_asked"] == 60'000);
  CHECK(told.totals["time_asked_s"].is_null());
  CHECK(told.totals["interrupted"] == false);
  CHECK_THAT(told.junit, ContainsSubstring("name=\"seeds.asked\" value=\"60000\""));
  CHECK_THAT(told.junit, ContainsSubstring(" -n 60000\n"));
}

TEST_CASE("a campaign that was limited by time and broke off is asked for as long again") {
  const BrokeOff told([](fuzz::CampaignOrder& order) {
    order.runs_max = UINT64_MAX;
    order.time_max_ms = 1'000'000;
  });
  CHECK(told.totals["runs_asked"].is_null());
  CHECK(told.totals["time_asked_s"] == 1000);
  CHECK_THAT(told.junit, ContainsSubstring("name=\"seconds.asked\" value=\"1000.000\""));
  CHECK_THAT(told.junit, ContainsSubstring(" --time 1000000ms\n"));
}

TEST_CASE("what came when a finding had ended the campaign stopped nothing") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.json = true;
  fuzz::CampaignOrder order = three_runs_of_which_the_second_fails();
  order.keep_going = false;
  const Ended ended = played(place, hunted, order, "kill -INT $PPID; " + std::string(kConfirms));
  INFO(ended.err);
  CHECK(ended.code == 1);
  CHECK(lines_of(ended.out).back()["stopped_early"].is_null());
}

TEST_CASE("what came when all had been played stopped nothing") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.json = true;
  const auto kill_supervisor_in_the_last = [](reports::RunRow& row) {
    if (row.index == 2) (void)kill(getppid(), SIGINT);
  };
  const Ended ended =
      played(place, hunted, fuzz::order_of(3, 1, kill_supervisor_in_the_last), "exit 1");
  const Json totals = lines_of(ended.out).back();
  CHECK(totals["interrupted"] == true);
  CHECK(totals["runs_asked"] == 3);
  CHECK(totals["stopped_early"].is_null());
  CHECK(ended.code == 0);
  CHECK_THAT(ended.err, !ContainsSubstring("stopped early"));
}

TEST_CASE("JUnit of a campaign that was stopped early passes nothing but what is known for good") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.json = true;
  hunted.junit = place.path() + "/desk/early.xml";
  const auto skipped_of = [&](const std::string& why, const Ended& ended) {
    const uint64_t runs = lines_of(ended.out).back()["runs"];
    return count_of(place.read("early.xml"), "stopped early (" + why + ") after " +
                                                 reports::grouped(runs) + " of 60,000 runs\"/>");
  };
  fuzz::CampaignOrder order = fuzz::order_of(60'000, 1, [](reports::RunRow& row) {
    if (row.index == 1) fails(row);
    interrupts_in_run_300(row);
  });
  order.keep_going = true;
  const Ended stopped = played(place, hunted, order, kConfirms);
  CHECK(stopped.code == 75);
  require_schema(place, "early.xml");
  // What failed stays failed, and all else is open.
  const size_t cases = count_of(place.read("early.xml"), "<testcase ");
  CHECK(count_of(place.read("early.xml"), "<failure ") == 1);
  CHECK(skipped_of("interrupted", stopped) == cases - 1);

  fuzz::SharedCount deaths;
  const Ended broken = played(place, hunted, many_runs_whose_workers_die(deaths), "exit 1");
  CHECK(broken.code == 5);
  require_schema(place, "early.xml");
  CHECK(count_of(place.read("early.xml"), "<error ") == 1);
  CHECK(skipped_of("harness", broken) == cases - 1);
}

TEST_CASE("a canary that was found is known for good, and one that was not may still be") {
  const Place place;
  Hunted hunted = hunted_in(place);
  hunted.scenario = scenarios::find_scenario("canary");
  hunted.junit = place.path() + "/desk/canary.xml";
  bool sings = false;
  const auto outcome = [&] {
    fuzz::CampaignOrder order = fuzz::order_of(60'000, 1, [sings](reports::RunRow& row) {
      if (row.index == 1 && sings) fails(row);
      interrupts_in_run_300(row);
    });
    order.keep_going = true;
    CHECK(played(place, hunted, order, kConfirms).code == 75);
    require_schema(place, "canary.xml");
    return behind(place.read("canary.xml"), "name=\"canary\" time=");
  };
  CHECK_THAT(outcome(), !ContainsSubstring("/>"));
  CHECK_THAT(place.read("canary.xml"), !ContainsSubstring("<failure"));
  sings = true;
  CHECK_THAT(outcome(), ContainsSubstring("/>"));
}

}  // namespace orrery::cli
