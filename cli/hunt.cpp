// SPDX-License-Identifier: Apache-2.0
#include "cli/hunt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/build.hpp"
#include "cli/campaign_junit.hpp"
#include "cli/confirmations.hpp"
#include "cli/elsewhere.hpp"
#include "cli/files.hpp"
#include "cli/plan_options.hpp"
#include "cli/summary.hpp"
#include "cli/terminal.hpp"
#include "cli/way_on.hpp"
#include "cli/whole_rows.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using fuzz::Campaign;
using reports::RunRow;
using scenarios::Verdict;

constexpr size_t kDivergencesShown = 20;
// Of the runs that are played twice, the first and one in so many are played elsewhere as well.
// Counted in the order of the runs: what a campaign says does not depend on the workers.
constexpr uint64_t kElsewhereEvery = 50;

class Hunter final : public fuzz::Watcher {
 public:
  Hunter(const Invocation& invocation, const Hunted& hunted, const fuzz::CampaignOrder& order)
      : invocation_(invocation),
        hunted_(hunted),
        order_(order),
        progress_(invocation.err, hunted.quiet, hunted.plain_every_s),
        rows_(invocation.out),
        confirmations_(invocation, hunted, order.hang_after_ms) {}

  int run();

 private:
  void settle(RunRow& row) override;
  void on_row(const RunRow& row) override;
  void on_last_words(const RunRow& row, const std::string& words) override;
  void on_tick(const Campaign& so_far, double seconds) override;
  bool has_found() const override { return found_elsewhere_; }
  bool gives_up() const override { return !rows_.wrong().empty(); }

  void renew_way_on(uint64_t next);
  void tell_run(const RunRow& row);
  void reproduce(const RunRow& row);
  void tell_at_once(const RunRow& row, const Confirmation& made);
  void look_into_divergence(RunRow& row);
  void look_elsewhere(RunRow& row);
  std::string again(const RunRow& row, bool in_replay) const;
  void pause_at(const RunRow& row);
  void harness_failed(std::string text);
  CampaignStory story_of(const Campaign& campaign) const;
  void save_junit(const CampaignStory& story);
  void tell_lost_output(const CampaignStory& story);
  void tell_trouble(const Campaign& campaign);
  void tell_way_on(const Campaign& campaign);
  void totals(const Campaign& campaign);
  const Confirmed* reproduced(const fuzz::SignatureCount& one) const;
  int exit_code(const Campaign& campaign) const;

  const Invocation& invocation_;
  const Hunted& hunted_;
  const fuzz::CampaignOrder& order_;
  ProgressLine progress_;
  WholeRows rows_;  // of --json
  Confirmations confirmations_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  uint64_t played_twice_ = 0;
  uint64_t elsewhere_ = 0;            // of these
  uint64_t elsewhere_identical_ = 0;  // of these
  bool found_elsewhere_ = false;
  std::string rerun_line_;  // of --json, behind that of the row to come
  std::string last_words_;  // of the row to come
  std::vector<Differing> nondeterminism_;
  std::vector<std::string> harness_failures_;
};

}  // namespace

int hunt(const Invocation& invocation, const Hunted& hunted, const fuzz::CampaignOrder& order) {
  return Hunter(invocation, hunted, order).run();
}

namespace {

int Hunter::run() {
  if (!hunted_.quiet) {
    invocation_.err << fmt::format("{}\n{}  campaign seed {}  {}\n", version_text(),
                                   hunted_.scenario->name(), reports::hex64(hunted_.seed),
                                   reports::counted(order_.workers, "worker"));
    invocation_.err.flush();
  }
  renew_way_on(order_.first);
  const Campaign campaign = fuzz::run_campaign(order_, *this);
  progress_.clear();
  const CampaignStory story = story_of(campaign);
  if (hunted_.json) {
    totals(campaign);
  } else {
    tell_summary(invocation_, story);
  }
  tell_lost_output(story);
  if (!hunted_.junit.empty()) save_junit(story);
  tell_trouble(campaign);
  return exit_code(campaign);
}

// Only now, in the order of the runs: which rows are looked into does not depend on the workers.
void Hunter::settle(RunRow& row) {
  rerun_line_.clear();
  if (row.rerun == reports::Rerun::differs) look_into_divergence(row);
  if (row.rerun == reports::Rerun::identical && played_twice_++ % kElsewhereEvery == 0) {
    look_elsewhere(row);
  }
}

void Hunter::on_row(const RunRow& row) {
  RunRow told = row;
  if (row.verdict == Verdict::failed) {
    if (confirmations_.wants(row)) reproduce(row);
    const Confirmed* const known = confirmations_.find(row.signature.view());
    // What no fresh process has seen is counted, and marked.
    told.unconfirmed = known == nullptr || !known->reproduced();
    if (!told.unconfirmed) told.signature.assign(known->made.signature);
  }
  last_words_.clear();
  if (hunted_.verbose) tell_run(told);
  if (!hunted_.json) return;
  std::string lines = reports::json_line(told, hunted_.scenario->name()) + '\n';
  if (!rerun_line_.empty()) lines += rerun_line_ + '\n';
  rows_.add(row.index, lines);
}

// To where progress goes: the result stays what it is.
void Hunter::tell_run(const RunRow& row) {
  progress_.clear();
  const std::string_view signature = row.signature.view();
  invocation_.err << fmt::format(
      "run {}  seed {}  {} points  {}{}\n", row.index, reports::hex64(row.seed), row.points,
      scenarios::name_of(row.verdict), signature.empty() ? "" : fmt::format("  {}", signature));
}

void Hunter::on_last_words(const RunRow&, const std::string& words) { last_words_ = words; }

void Hunter::reproduce(const RunRow& row) {
  pause_at(row);
  const std::string wrong = confirmations_.ask(row, last_words_);
  if (!wrong.empty()) harness_failed(wrong);
  const Confirmation& made = confirmations_.find(row.signature.view())->made;
  tell_at_once(row, made);
  if (made.outcome != Outcome::differs) return;
  rerun_line_ = reports::replay_line(row, hunted_.scenario->name(), made.digest, made.text);
  nondeterminism_.push_back({fmt::format("seed {}: {}", reports::hex64(row.seed), made.text),
                             again(row, made.differs_alone)});
}

// A campaign that keeps going may be ended before its summary, and rows of JSON are told anyway.
void Hunter::tell_at_once(const RunRow& row, const Confirmation& made) {
  if (hunted_.json || !order_.keep_going) return;
  const bool reproduced = made.outcome == Outcome::reproduced;
  invocation_.err << fmt::format("orrery: {}  {}  replay:  {} {}\n",
                                 reproduced ? "FAILED" : "UNCONFIRMED",
                                 reproduced ? made.signature : std::string(row.signature.view()),
                                 invocation_.called, replay_words(hunted_, row.seed));
  invocation_.err.flush();
}

// In words for the end, and as a line of JSON; or it is a failure that only guards make visible.
void Hunter::look_into_divergence(RunRow& row) {
  pause_at(row);
  const char* const name = hunted_.scenario->name();
  rerun_line_ = reports::rerun_line(row, name, {});
  if (nondeterminism_.size() >= kDivergencesShown) return;
  const ToldDivergence told =
      divergence_told(invocation_, *hunted_.scenario, row, hunted_.changes, order_.hang_after_ms);
  if (row.verdict == Verdict::failed) return rerun_line_.clear();
  nondeterminism_.push_back(
      {fmt::format("seed {}: the run and the same run with its memory laid out the other "
                   "way round differ{}",
                   reports::hex64(row.seed), told.text),
       again(row, told.shown)});
  rerun_line_ = reports::rerun_line(row, name, told.place);
}

void Hunter::look_elsewhere(RunRow& row) {
  pause_at(row);
  const std::string seed = reports::hex64(row.seed);
  const Confirmation seen =
      play_elsewhere(invocation_, *hunted_.scenario, row, hunted_.changes, order_.hang_after_ms);
  if (row.verdict == Verdict::failed) return;  // then it was not played twice either
  ++elsewhere_;
  if (seen.outcome == Outcome::reproduced) ++elsewhere_identical_;
  if (seen.outcome == Outcome::harness) harness_failed(fmt::format("seed {}: {}", seed, seen.text));
  if (seen.outcome != Outcome::differs) return;
  found_elsewhere_ = true;
  rerun_line_ = reports::elsewhere_line(row, hunted_.scenario->name(), seen.digest, seen.text);
  if (nondeterminism_.size() >= kDivergencesShown) return;
  nondeterminism_.push_back(
      {fmt::format("seed {}: {}", seed, seen.text), again(row, seen.differs_alone)});
}

// What shows a difference: the replay, if a fresh process has seen it there.
std::string Hunter::again(const RunRow& row, bool in_replay) const {
  return in_replay ? replay_words(hunted_, row.seed) : run_again_words(hunted_, row.index);
}

// It will take a while before this row is told: all before it are.
void Hunter::pause_at(const RunRow& row) {
  progress_.clear();
  rows_.flush();
  renew_way_on(row.index);
}

void Hunter::harness_failed(std::string text) { harness_failures_.push_back(std::move(text)); }

void Hunter::renew_way_on(uint64_t next) {
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begun_;
  next = std::min(next, rows_.first_missing());
  std::string command = way_on(invocation_, hunted_, order_, next, spent.count());
  // Whoever goes on from there has been told no result, in no file either.
  if (!command.empty() && !hunted_.junit.empty()) {
    command += fmt::format(" --junit {}", shell_word(hunted_.junit));
  }
  say_on_interrupt(command);
}

void Hunter::on_tick(const Campaign& so_far, double seconds) {
  if (!rows_.is_empty()) rows_.flush();
  renew_way_on(so_far.next);
  if (!progress_.is_due(seconds)) return;
  std::string text;
  if (order_.runs_max != UINT64_MAX) {
    const uint64_t left = order_.runs_max - so_far.runs;
    const double rate = per_second(so_far.runs, seconds);
    text = fmt::format("{} %  {}/{}  {:.0f}/s  ok {}  failed {}  inconclusive {}  eta {:.0f} s",
                       so_far.runs * 100 / order_.runs_max, reports::grouped(so_far.runs),
                       reports::grouped(order_.runs_max), rate,
                       reports::grouped(so_far.runs - so_far.failed - so_far.inconclusive),
                       so_far.failed, so_far.inconclusive,
                       rate > 0 ? static_cast<double>(left) / rate : 0.0);
  } else {
    text =
        fmt::format("{:.0f} s of {:.0f}  {} runs  {:.0f}/s  failed {}  inconclusive {}", seconds,
                    static_cast<double>(order_.time_max_ms) / 1000, reports::grouped(so_far.runs),
                    per_second(so_far.runs, seconds), so_far.failed, so_far.inconclusive);
  }
  progress_.show(seconds, text);
}

// The end of a result that could not be written, told where progress goes.
void Hunter::tell_lost_output(const CampaignStory& story) {
  rows_.flush();
  invocation_.out.flush();
  if (invocation_.out.good()) return;
  std::string text = "the results cannot be written";
  if (!rows_.wrong().empty()) text += ": " + rows_.wrong();
  if (rows_.first_missing() != fuzz::kNoRun) {
    text += fmt::format("; run {} is the first that is missing", rows_.first_missing());
  }
  harness_failed(text);
  tell_without_output(invocation_, story);
}

void Hunter::tell_trouble(const Campaign& campaign) {
  for (const Differing& one : nondeterminism_) {
    invocation_.err << fmt::format("orrery: NONDETERMINISM  {}{}", one.text,
                                   one.text.ends_with('\n') ? "" : "\n");
    invocation_.err << fmt::format("  again:   {} {}\n", invocation_.called, one.again);
  }
  for (const std::string& text : harness_failures_) {
    invocation_.err << fmt::format("orrery: HARNESS FAILURE  {}{}", text,
                                   text.ends_with('\n') ? "" : "\n");
  }
  for (const fuzz::Defect& defect : campaign.defects) {
    std::string where;
    if (defect.index != fuzz::kNoRun) {
      const uint64_t seed = order_.seed_of(defect.index);
      where = fmt::format("run {}, seed {}: ", defect.index, reports::hex64(seed));
    }
    invocation_.err << fmt::format("orrery: HARNESS FAILURE  {}{}\n", where, defect.text);
  }
  const bool missing = rows_.first_missing() != fuzz::kNoRun;
  if (!why_early(campaign, order_).empty() || missing) tell_way_on(campaign);
  if (campaign.failed == 0 && nondeterminism_.empty() && hunted_.scenario->must_fail()) {
    invocation_.err << fmt::format("orrery: a canary was not found in {}\n",
                                   reports::counted(campaign.runs, "run"));
  }
}

void Hunter::tell_way_on(const Campaign& campaign) {
  const uint64_t next = std::min(campaign.next, rows_.first_missing());
  invocation_.err << fmt::format("orrery: stopped early, after {}\n",
                                 reports::counted(next - order_.first, "run"));
  const std::string command = way_on(invocation_, hunted_, order_, next, campaign.wall_s);
  if (!command.empty()) invocation_.err << fmt::format("  go on:  {}\n", command);
}

CampaignStory Hunter::story_of(const Campaign& campaign) const {
  CampaignStory story{hunted_,         order_,
                      campaign,        {},
                      nondeterminism_, harness_failures_,
                      elsewhere_,      elsewhere_identical_};
  for (const fuzz::SignatureCount& one : campaign.signatures) {
    story.failures.push_back({one, reproduced(one)});
  }
  return story;
}

// The file is whole or not there at all.
void Hunter::save_junit(const CampaignStory& story) {
  const std::string failed = write_file(hunted_.junit, junit_of(story));
  if (!failed.empty()) harness_failed(failed);
}

void Hunter::totals(const Campaign& campaign) {
  reports::CampaignTotals totals;
  totals.scenario = hunted_.scenario->name();
  totals.campaign_seed = hunted_.seed;
  totals.runs = campaign.runs;
  totals.runs_asked = order_.runs_max;
  if (order_.time_max_ms != INT64_MAX) {
    totals.time_asked_s = static_cast<double>(order_.time_max_ms) / 1000;
  }
  totals.failed = campaign.failed;
  totals.inconclusive = campaign.inconclusive;
  totals.defects = campaign.defects.size() + harness_failures_.size();
  totals.steps = campaign.steps;
  totals.points = campaign.points;
  totals.interrupted = campaign.interrupted;
  totals.stopped_early = why_early(campaign, order_);
  totals.wall_s = campaign.wall_s;
  totals.cpu_s = campaign.cpu_s;
  totals.reruns = campaign.reruns;
  totals.reruns_identical = campaign.reruns_identical;
  totals.elsewhere = elsewhere_;
  totals.elsewhere_identical = elsewhere_identical_;
  totals.nondeterministic = !nondeterminism_.empty();
  for (const fuzz::SometimesCount& one : campaign.sometimes) {
    totals.sometimes.push_back({one.label, one.place, one.hits});
  }
  for (const fuzz::SignatureCount& one : campaign.signatures) {
    const Confirmed* const known = reproduced(one);
    if (known == nullptr || totals.found) continue;
    totals.found = true;
    totals.first_failing_seed = known->row.seed;
  }
  rows_.add(fuzz::kNoRun, reports::json_line(totals) + '\n');
}

// What a fresh process has seen of a failure; null if none has seen it.
const Confirmed* Hunter::reproduced(const fuzz::SignatureCount& one) const {
  const Confirmed* const known = confirmations_.find(one.first.signature.view());
  return known != nullptr && known->reproduced() ? known : nullptr;
}

int Hunter::exit_code(const Campaign& campaign) const {
  if (!nondeterminism_.empty()) return kNondeterminism;
  if (!harness_failures_.empty() || !campaign.defects.empty()) return kHarness;
  if (campaign.broke_off) return kHarness;
  if (why_early(campaign, order_) == "interrupted") return kInterrupted;
  if (campaign.failed > 0) return kFound;
  if (hunted_.scenario->must_fail()) return kGoalNotMet;
  return campaign.inconclusive > 0 ? kMisfit : kOk;
}

}  // namespace
}  // namespace orrery::cli
