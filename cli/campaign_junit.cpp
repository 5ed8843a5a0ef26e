// SPDX-License-Identifier: Apache-2.0
#include "cli/campaign_junit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/plan_options.hpp"
#include "cli/way_on.hpp"
#include "reports/junit.hpp"
#include "reports/words.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::cli {
namespace {

using reports::JunitCase;
using reports::JunitOutcome;

void add_properties(const CampaignStory& story, reports::JunitSuite& suite);
std::pair<std::string, std::string> asked_of(const fuzz::CampaignOrder& order);
bool judges(const CampaignStory& story, std::string_view oracle);
JunitCase case_of_oracle(const CampaignStory& story, std::string_view oracle);
JunitCase case_of_determinism(const CampaignStory& story);
JunitCase case_of_harness(const CampaignStory& story);
JunitCase case_of_canary(const CampaignStory& story);
JunitCase case_of_conclusions(const CampaignStory& story);
void leave_open(const CampaignStory& story, JunitCase& one);
std::string early_end(const CampaignStory& story);
std::string replay_command(const CampaignStory& story, uint64_t seed);
std::string campaign_again(const CampaignStory& story);
void add_failure(const ToldFailure& failure, JunitCase& one);
std::string text_of(const CampaignStory& story, const ToldFailure& failure);

}  // namespace

std::string junit_of(const CampaignStory& story) {
  reports::JunitSuite suite;
  suite.name = fmt::format("orrery.{}", story.hunted.scenario->name());
  suite.seconds = story.campaign.wall_s;
  add_properties(story, suite);
  for (const scenarios::OracleRow& row : scenarios::all_oracles()) {
    if (judges(story, row.name)) suite.cases.push_back(case_of_oracle(story, row.name));
  }
  suite.cases.push_back(case_of_determinism(story));
  suite.cases.push_back(case_of_harness(story));
  suite.cases.push_back(case_of_conclusions(story));
  for (JunitCase& one : suite.cases) leave_open(story, one);
  if (story.hunted.scenario->must_fail()) suite.cases.push_back(case_of_canary(story));
  return reports::junit_xml(suite);
}

namespace {

void add_properties(const CampaignStory& story, reports::JunitSuite& suite) {
  const fuzz::Campaign& campaign = story.campaign;
  const std::string options = words_of(story.hunted.changes);
  const std::string_view early = why_early(campaign, story.order);
  suite.properties = {
      {"build.id", std::string(scenarios::revision())},
      {"campaign.seed", reports::hex64(story.hunted.seed)},
      {"seed.first", reports::hex64(story.order.seed_of(story.order.first))},
      {"seeds.run", std::to_string(campaign.runs)},
      asked_of(story.order),
      {"seeds.failed", std::to_string(campaign.failed)},
      {"seeds.inconclusive", std::to_string(campaign.inconclusive)},
      {"reruns", std::to_string(campaign.reruns)},
      {"interrupted", campaign.interrupted ? "true" : "false"},
      {"stopped.early", early.empty() ? "no" : std::string(early)},
      {"options", options.substr(std::min<size_t>(options.size(), 1))},  // not the first blank
  };
}

std::pair<std::string, std::string> asked_of(const fuzz::CampaignOrder& order) {
  if (order.time_max_ms == INT64_MAX) return {"seeds.asked", std::to_string(order.runs_max)};
  const double seconds = static_cast<double>(order.time_max_ms) / 1000;
  return {"seconds.asked", fmt::format("{:.3f}", seconds)};
}

// What was not asked to judge has no case; memory and checks are always on.
bool judges(const CampaignStory& story, std::string_view oracle) {
  const auto& asked = story.hunted.changes.oracles;
  return asked.empty() || oracle == "memory" || oracle == "check" ||
         std::find(asked.begin(), asked.end(), oracle) != asked.end();
}

JunitCase case_of_oracle(const CampaignStory& story, std::string_view oracle) {
  JunitCase one;
  one.name = oracle;
  for (const ToldFailure& failure : story.failures) {
    if (failure.found.first.oracle.view() != oracle) continue;
    add_failure(failure, one);
    one.text += text_of(story, failure);
  }
  const fuzz::Campaign& campaign = story.campaign;
  if (one.outcome == JunitOutcome::passed && campaign.runs == campaign.inconclusive) {
    one.outcome = JunitOutcome::skipped;
    one.message =
        fmt::format("none of {} came to a conclusion", reports::counted(campaign.runs, "run"));
  }
  return one;
}

// The first that was reproduced speaks for all; until there is one, nobody knows whether the engine
// is to blame, and yet nothing may pass as green.
void add_failure(const ToldFailure& failure, JunitCase& one) {
  if (one.outcome == JunitOutcome::failed) return;
  if (failure.confirmed != nullptr) {
    one.outcome = JunitOutcome::failed;
    one.message = failure.confirmed->made.signature;
    one.attachment = failure.confirmed->made.tape;
  } else if (one.outcome == JunitOutcome::passed) {
    one.outcome = JunitOutcome::error;
    one.message =
        fmt::format("no fresh process has reproduced it: {}", failure.found.first.signature.view());
  }
}

// The command first: some readers show nothing but the beginning.
std::string text_of(const CampaignStory& story, const ToldFailure& failure) {
  const Confirmed* const known = failure.confirmed;
  const reports::RunRow& row = known != nullptr ? known->row : failure.found.first;
  std::string text = replay_command(story, row.seed);
  if (known != nullptr && !known->made.tape.empty()) {
    text += fmt::format("orrery shrink {}{}\n", shell_word(known->made.tape),
                        oracles_of(story.hunted.changes.oracles));
  }
  text += fmt::format("{}\n{} of {}, first in run {} of the campaign\n",
                      known != nullptr ? known->made.signature : std::string(row.signature.view()),
                      reports::counted(failure.found.count, "run"),
                      reports::grouped(story.campaign.runs),
                      reports::grouped(failure.found.first.index));
  text += known != nullptr ? "reproduced in a fresh process\n"
                           : "not yet reproduced in a fresh process\n";
  if (known != nullptr && !known->made.words.empty()) text += known->made.text;
  return text + "\n";
}

std::string replay_command(const CampaignStory& story, uint64_t seed) {
  return fmt::format("orrery {}\n", replay_words(story.hunted, seed));
}

// With all that was asked of it: the same runs, guarded and played twice as they were. Those that
// a campaign did not come to because it was stopped are asked for again as well.
std::string campaign_again(const CampaignStory& story) {
  const fuzz::CampaignOrder& order = story.order;
  const bool by_time = order.time_max_ms != INT64_MAX;
  std::string limit =
      fmt::format("-n {}", by_time ? story.campaign.next - order.first : order.runs_max);
  if (by_time && !why_early(story.campaign, order).empty()) {
    limit = fmt::format("--time {}ms", order.time_max_ms);
  }
  return fmt::format("orrery run {} -s {}{} {}{}{}\n", story.hunted.scenario->name(),
                     reports::hex64(story.hunted.seed),
                     order.first > 0 ? fmt::format(" --from {}", order.first) : "", limit,
                     words_of(story.hunted.changes), story.hunted.options);
}

JunitCase case_of_determinism(const CampaignStory& story) {
  JunitCase one;
  one.name = "determinism";
  if (!story.nondeterminism.empty()) {
    one.outcome = JunitOutcome::failed;
    one.message = "the same run gave two results";
    const Differing& first = story.nondeterminism.front();
    one.text = fmt::format("orrery {}\n", first.again) + campaign_again(story);
    for (const Differing& differing : story.nondeterminism) one.text += differing.text + "\n";
  } else if (story.campaign.reruns == 0) {
    one.outcome = JunitOutcome::skipped;
    one.message = "no run was played twice";
  }
  return one;
}

JunitCase case_of_harness(const CampaignStory& story) {
  JunitCase one;
  one.name = "harness";
  if (story.harness_failures.empty() && story.campaign.defects.empty()) return one;
  one.outcome = JunitOutcome::error;
  one.message = "the harness failed; what it found stands";
  one.text = campaign_again(story);
  for (const std::string& text : story.harness_failures) one.text += text + "\n";
  for (const fuzz::Defect& defect : story.campaign.defects) {
    if (defect.index != fuzz::kNoRun) {
      one.text += fmt::format("run {}, seed {}: ", defect.index,
                              reports::hex64(story.order.seed_of(defect.index)));
    }
    one.text += defect.text + "\n";
  }
  return one;
}

// Whether every run came to a conclusion: no broken promise, and yet nothing that may pass as
// green.
JunitCase case_of_conclusions(const CampaignStory& story) {
  JunitCase one;
  one.name = "conclusive";
  const fuzz::Campaign& campaign = story.campaign;
  if (campaign.inconclusive == 0) return one;
  one.outcome = JunitOutcome::error;
  one.message =
      fmt::format("{} of {} came to no conclusion", reports::grouped(campaign.inconclusive),
                  reports::counted(campaign.runs, "run"));
  for (const fuzz::SignatureCount& reason : campaign.reasons) {
    one.text += replay_command(story, reason.first.seed);
    one.text += fmt::format("{}\n{} of {}, first in run {} of the campaign\n\n",
                            reason.first.signature.view(), reports::counted(reason.count, "run"),
                            reports::grouped(campaign.runs), reports::grouped(reason.first.index));
  }
  one.text += campaign_again(story);
  return one;
}

// What nothing has broken by now, a run that was not played may still break.
void leave_open(const CampaignStory& story, JunitCase& one) {
  const bool open = one.outcome == JunitOutcome::passed || one.outcome == JunitOutcome::skipped;
  const std::string why = early_end(story);
  if (!open || why.empty()) return;
  one.outcome = JunitOutcome::skipped;
  one.message += one.message.empty() ? why : "; " + why;
}

// In words; empty if there was none.
std::string early_end(const CampaignStory& story) {
  const std::string_view why = why_early(story.campaign, story.order);
  if (why.empty()) return {};
  const std::string start = fmt::format("stopped early ({}) after ", why);
  if (story.order.time_max_ms == INT64_MAX) {
    return fmt::format("{}{} of {}", start, reports::grouped(story.campaign.runs),
                       reports::counted(story.order.runs_max, "run"));
  }
  return fmt::format("{}{}, {:.0f} of {:.0f} s", start,
                     reports::counted(story.campaign.runs, "run"), story.campaign.wall_s,
                     static_cast<double>(story.order.time_max_ms) / 1000);
}

JunitCase case_of_canary(const CampaignStory& story) {
  JunitCase one;
  one.name = "canary";
  if (story.campaign.failed > 0 || !story.nondeterminism.empty()) return one;
  one.message = early_end(story);
  if (!one.message.empty()) {  // it may still be found
    one.outcome = JunitOutcome::skipped;
    return one;
  }
  one.outcome = JunitOutcome::failed;
  one.message = "a canary was not found";
  one.text = campaign_again(story);
  return one;
}

}  // namespace
}  // namespace orrery::cli
