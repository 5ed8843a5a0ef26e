// SPDX-License-Identifier: Apache-2.0
#include "cli/summary.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "cli/plan_options.hpp"
#include "cli/terminal.hpp"
#include "cli/way_on.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using reports::RunRow;

constexpr size_t kReasonsShown = 12;
constexpr size_t kNeverSeenShown = 12;

class Summary {
 public:
  Summary(const Invocation& invocation, const CampaignStory& story)
      : invocation_(invocation),
        story_(story),
        campaign_(story.campaign),
        paint_(wants_colour(story.hunted.colour, STDOUT_FILENO)) {}
  void tell();

 private:
  void tell_failure(const ToldFailure& failure);
  void tell_inconclusive();
  const fuzz::SignatureCount* first_that_reached(size_t bug) const;
  void tell_bugs();
  void tell_determinism();
  void tell_never_seen();

  const Invocation& invocation_;
  const CampaignStory& story_;
  const fuzz::Campaign& campaign_;
  Paint paint_;
};

}  // namespace

void tell_summary(const Invocation& invocation, const CampaignStory& story) {
  Summary(invocation, story).tell();
}

void tell_without_output(const Invocation& invocation, const CampaignStory& story) {
  const fuzz::Campaign& campaign = story.campaign;
  invocation.err << fmt::format(
      "orrery: {}  {}  {} failed  {} inconclusive\n", story.hunted.scenario->name(),
      reports::counted(campaign.runs, "run"), campaign.failed, campaign.inconclusive);
  for (const auto& [one, known] : story.failures) {
    const RunRow& row = known != nullptr ? known->row : one.first;
    invocation.err << fmt::format("orrery: {}  {}  ({})\n  replay:  {} {}\n",
                                  known != nullptr ? "FAILED" : "UNCONFIRMED", row.signature.view(),
                                  reports::counted(one.count, "run"), invocation.called,
                                  replay_words(story.hunted, row.seed));
  }
}

double per_second(uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

namespace {

void Summary::tell() {
  const double wall = std::max(campaign_.wall_s, 1e-6);
  // Inconclusive runs are told in a column of their own; nobody shall read "ok" beside them.
  const bool clean = campaign_.failed == 0 && campaign_.inconclusive == 0 &&
                     campaign_.defects.empty() && story_.nondeterminism.empty() &&
                     story_.harness_failures.empty();
  std::string verdict = clean ? paint_.green("ok") : "0 failed";
  if (campaign_.failed > 0) verdict = paint_.red(reports::grouped(campaign_.failed) + " failed");
  invocation_.out << fmt::format(
      "{}  {}  {}  {} inconclusive  {:.2f} s  {:.0f} runs/s  {:.1f} M points/s\n",
      story_.hunted.scenario->name(), reports::counted(campaign_.runs, "run"), verdict,
      campaign_.inconclusive, campaign_.wall_s, per_second(campaign_.runs, wall),
      per_second(campaign_.points, wall) / 1e6);
  for (const ToldFailure& failure : story_.failures) tell_failure(failure);
  tell_inconclusive();
  tell_bugs();
  tell_determinism();
  if (!story_.hunted.quiet) tell_never_seen();
}

void Summary::tell_failure(const ToldFailure& failure) {
  const fuzz::SignatureCount& one = failure.found;
  const Confirmed* const known = failure.confirmed;
  const RunRow& row = known != nullptr ? known->row : one.first;
  const std::string seed = reports::hex64(row.seed);
  invocation_.out << fmt::format(
      "\n{}  {}\n", known != nullptr ? paint_.red("FAILED") : paint_.yellow("UNCONFIRMED"),
      known != nullptr ? known->made.signature : std::string(row.signature.view()));
  invocation_.out << fmt::format("  first failing seed {}  (run {} of the campaign; {} of {})\n",
                                 seed, reports::grouped(row.index),
                                 reports::counted(one.count, "run"),
                                 reports::grouped(campaign_.runs));
  invocation_.out << fmt::format("  replay:  {} {}\n", invocation_.called,
                                 replay_words(story_.hunted, row.seed));
  if (known == nullptr) {
    invocation_.out << "  not yet reproduced in a fresh process; the replay does that\n";
    return;
  }
  if (!known->made.tape.empty()) {
    invocation_.out << fmt::format(
        "  shrink:  {} shrink {}{}  # {}\n", invocation_.called, shell_word(known->made.tape),
        oracles_of(story_.hunted.changes.oracles), reports::counted(row.deviations, "deviation"));
  }
  invocation_.out << "  reproduced in a fresh process\n";
  if (row.index != one.first.index) {
    invocation_.out << fmt::format("  seen before, in run {}, and not reproduced there\n",
                                   reports::grouped(one.first.index));
  }
  if (known->made.words.empty()) return;
  invocation_.out << fmt::format("  the process said last, in full in {}:\n", known->made.words);
  std::istringstream words(known->made.text);
  for (std::string line; std::getline(words, line);) {
    invocation_.out << fmt::format("    {}\n", line);
  }
}

// Each reason once, with the first run that it stopped.
void Summary::tell_inconclusive() {
  const auto& reasons = campaign_.reasons;
  for (size_t i = 0; i < std::min(reasons.size(), kReasonsShown); ++i) {
    const RunRow& row = reasons[i].first;
    const std::string seed = reports::hex64(row.seed);
    invocation_.out << fmt::format("\n{}  {}\n", paint_.yellow("INCONCLUSIVE"),
                                   row.signature.view());
    invocation_.out << fmt::format("  first in seed {}  (run {} of the campaign; {} of {})\n", seed,
                                   reports::grouped(row.index),
                                   reports::counted(reasons[i].count, "run"),
                                   reports::grouped(campaign_.runs));
    invocation_.out << fmt::format("  replay:  {} {}\n", invocation_.called,
                                   replay_words(story_.hunted, row.seed));
  }
  if (reasons.size() > kReasonsShown) {
    invocation_.out << fmt::format("\n  and {} more reasons\n", reasons.size() - kReasonsShown);
  }
}

// The first kind of failure in whose first run the bug was reached, or which took its worker along
// with the bug on; null if there is none.
const fuzz::SignatureCount* Summary::first_that_reached(size_t bug) const {
  for (const fuzz::SignatureCount& one : campaign_.signatures) {
    const bool unknown = one.first.on[bug] && reports::took_worker_along(one.first);
    if (one.first.reached[bug] > 0 || unknown) return &one;
  }
  return nullptr;
}

// Every planted bug is counted three ways: never reached, reached but not seen, seen.
void Summary::tell_bugs() {
  for (size_t i = 0; i < engine::kBugs.size(); ++i) {
    const std::string id(engine::kBugs[i].id);
    const auto& on = story_.hunted.changes.bugs;
    if (std::find(on.begin(), on.end(), id) == on.end()) continue;
    const uint64_t reached = campaign_.runs_that_reached[i];
    std::string seen = "never reached";
    if (reached > 0) seen = "reached, not seen";
    const fuzz::SignatureCount* const first = first_that_reached(i);
    if (first != nullptr && on.size() == 1) {
      seen = fmt::format("seen by {} after {}, {:.2f} s of CPU", first->first.oracle.view(),
                         reports::counted(first->first.index - story_.order.first + 1, "run"),
                         first->cpu_s);
    } else if (first != nullptr) {
      // Which of several it was, only a campaign with that one alone can tell.
      seen = fmt::format("reached in failing runs, with others on; first in run {}",
                         reports::grouped(first->first.index));
    }
    const bool died = first != nullptr && reports::took_worker_along(first->first);
    invocation_.out << fmt::format("\nbug {}: {} (reached in {} of {}{})\n", id, seen,
                                   reports::grouped(reached),
                                   reports::counted(campaign_.runs, "run"),
                                   died ? "; what took its worker along could not say" : "");
  }
}

// Runs are played twice by their number, so a short campaign may have none of these. Silence would
// pass for a check. Where no run was ok there was nothing to check.
void Summary::tell_determinism() {
  const bool any_ok = campaign_.runs > campaign_.failed + campaign_.inconclusive;
  if (campaign_.reruns > 0) {
    invocation_.out << fmt::format(
        "\ndeterminism: {} of {} re-runs identical; {} of {} elsewhere\n",
        reports::grouped(campaign_.reruns_identical), reports::grouped(campaign_.reruns),
        story_.elsewhere_identical, story_.elsewhere);
  } else if (any_ok && !story_.hunted.unchecked) {
    invocation_.out << "\ndeterminism: no run was played twice; --check-determinism all plays each "
                       "run twice\n";
  }
}

// What stands in a file of which nothing was seen belongs to other scenarios, as a rule: it would
// drown the gaps of this one, so it is only counted.
void Summary::tell_never_seen() {
  const auto file_of = [](const fuzz::SometimesCount& one) {
    return one.place.substr(0, one.place.find(':'));
  };
  std::set<std::string> entered;
  for (const fuzz::SometimesCount& one : campaign_.sometimes) {
    if (one.hits > 0) entered.insert(file_of(one));
  }
  size_t of_interest = 0;
  std::vector<const fuzz::SometimesCount*> never;
  for (const fuzz::SometimesCount& one : campaign_.sometimes) {
    if (!entered.contains(file_of(one))) continue;
    ++of_interest;
    if (one.hits == 0) never.push_back(&one);
  }
  const size_t elsewhere = campaign_.sometimes.size() - of_interest;
  if (of_interest == 0) return;
  invocation_.out << fmt::format(
      "\nsometimes  {} of {} seen{}\n", of_interest - never.size(), of_interest,
      elsewhere == 0 ? "" : fmt::format("; {} more in files of which none was", elsewhere));
  for (size_t i = 0; i < std::min(never.size(), kNeverSeenShown); ++i) {
    invocation_.out << fmt::format("  never: {}\n", never[i]->label);
  }
  if (never.size() > kNeverSeenShown) {
    invocation_.out << fmt::format("  and {} more\n", never.size() - kNeverSeenShown);
  }
}

}  // namespace
}  // namespace orrery::cli
