// SPDX-License-Identifier: Apache-2.0
#include "cli/hunt.hpp"

#include <fmt/ostream.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "cli/build.hpp"
#include "cli/confirm.hpp"
#include "cli/plan_options.hpp"
#include "cli/terminal.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using fuzz::Campaign;
using reports::RunRow;
using scenarios::Verdict;

constexpr size_t kConfirmationsMax = 20;  // different failures that are reproduced and saved
constexpr size_t kNeverSeenShown = 12;

class Hunter final : public fuzz::Watcher {
 public:
  Hunter(const Invocation& invocation, const Hunted& hunted, const fuzz::CampaignOrder& order)
      : invocation_(invocation),
        hunted_(hunted),
        order_(order),
        paint_(wants_colour(hunted.colour, STDOUT_FILENO)),
        progress_(invocation.err, hunted.quiet) {}

  int run();

 private:
  void on_row(const RunRow& row) override;
  void on_tick(const Campaign& so_far, double seconds) override;

  using Confirmed = std::map<std::string, Confirmation, std::less<>>;
  Confirmed::iterator reproduce(const RunRow& row);
  void summary(const Campaign& campaign);
  void tell_failure(const Campaign& campaign, const fuzz::SignatureCount& one);
  void tell_bugs(const Campaign& campaign);
  void tell_never_seen(const Campaign& campaign);
  void tell_trouble(const Campaign& campaign);
  void totals(const Campaign& campaign);
  int exit_code(const Campaign& campaign) const;

  const Invocation& invocation_;
  const Hunted& hunted_;
  const fuzz::CampaignOrder& order_;
  Paint paint_;
  ProgressLine progress_;
  Confirmed confirmed_;  // by the worker's signature
  std::vector<std::string> trouble_;
  bool nondeterminism_ = false;
  bool harness_failed_ = false;
};

double per_second(uint64_t count, double seconds);

}  // namespace

int hunt(const Invocation& invocation, const Hunted& hunted, const fuzz::CampaignOrder& order) {
  return Hunter(invocation, hunted, order).run();
}

namespace {

int Hunter::run() {
  if (!hunted_.quiet) {
    fmt::print(invocation_.err, "{}\n{}  campaign seed {}  {}\n", version_text(),
               hunted_.scenario->name(), reports::hex64(hunted_.seed),
               reports::counted(order_.workers, "worker"));
    invocation_.err.flush();
  }
  const Campaign campaign = fuzz::run_campaign(order_, *this);
  progress_.clear();
  if (hunted_.json) {
    totals(campaign);
  } else {
    summary(campaign);
  }
  tell_trouble(campaign);
  invocation_.out.flush();
  return exit_code(campaign);
}

void Hunter::on_row(const RunRow& row) {
  RunRow told = row;
  if (row.verdict == Verdict::failed) {
    auto known = confirmed_.find(row.signature.view());
    if (known == confirmed_.end() && confirmed_.size() < kConfirmationsMax) {
      known = reproduce(row);
    }
    if (known != confirmed_.end()) {
      // What no fresh process has seen is not announced.
      if (known->second.outcome != Outcome::reproduced) return;
      told.signature.assign(known->second.signature);
    }
  }
  if (!hunted_.json) return;
  invocation_.out << reports::json_line(told, hunted_.scenario->name()) << '\n';
  if (!invocation_.out.good()) harness_failed_ = true;  // a full disk
}

Hunter::Confirmed::iterator Hunter::reproduce(const RunRow& row) {
  progress_.clear();
  invocation_.out.flush();
  Confirmation made = confirm(invocation_, *hunted_.scenario, row, hunted_.changes, hunted_.folder);
  const std::string seed = reports::hex64(row.seed);
  if (made.outcome == Outcome::differs) {
    nondeterminism_ = true;
    trouble_.push_back(fmt::format("NONDETERMINISM  seed {}: {}", seed, made.text));
  } else if (made.outcome == Outcome::harness) {
    harness_failed_ = true;
    trouble_.push_back(fmt::format("HARNESS FAILURE  seed {}: {}", seed, made.text));
  } else if (made.tape.empty() && !made.died) {
    harness_failed_ = true;
    trouble_.push_back(fmt::format("no tape of seed {} could be saved", seed));
  }
  return confirmed_.emplace(row.signature.view(), std::move(made)).first;
}

void Hunter::on_tick(const Campaign& so_far, double seconds) {
  if (!progress_.is_due(seconds)) return;
  invocation_.out.flush();
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

void Hunter::summary(const Campaign& campaign) {
  const double wall = std::max(campaign.wall_s, 1e-6);
  std::string verdict = paint_.green("ok");
  if (campaign.failed > 0) verdict = paint_.red(reports::grouped(campaign.failed) + " failed");
  fmt::print(invocation_.out,
             "{}  {}  {}  {} inconclusive  {:.2f} s  {:.0f} runs/s  {:.1f} M points/s\n",
             hunted_.scenario->name(), reports::counted(campaign.runs, "run"), verdict,
             campaign.inconclusive, campaign.wall_s, per_second(campaign.runs, wall),
             per_second(campaign.points, wall) / 1e6);
  for (const fuzz::SignatureCount& one : campaign.signatures) tell_failure(campaign, one);
  tell_bugs(campaign);
  if (!hunted_.quiet) tell_never_seen(campaign);
}

void Hunter::tell_failure(const Campaign& campaign, const fuzz::SignatureCount& one) {
  const auto known = confirmed_.find(one.first.signature.view());
  if (known != confirmed_.end() && known->second.outcome != Outcome::reproduced) return;
  const bool confirmed = known != confirmed_.end();
  const std::string seed = reports::hex64(one.first.seed);
  fmt::print(invocation_.out, "\n{}  {}\n", paint_.red("FAILED"),
             confirmed ? known->second.signature : std::string(one.first.signature.view()));
  fmt::print(invocation_.out, "  first failing seed {}  (run {} of the campaign; {} of {})\n", seed,
             reports::grouped(one.first.index), reports::counted(one.count, "run"),
             reports::grouped(campaign.runs));
  fmt::print(invocation_.out, "  replay:  orrery replay {} {}{}\n", hunted_.scenario->name(), seed,
             words_of(hunted_.changes));
  if (!confirmed) {
    fmt::print(invocation_.out, "  not yet reproduced in a fresh process; the replay does that\n");
    return;
  }
  if (!known->second.tape.empty()) {
    fmt::print(invocation_.out, "  shrink:  orrery shrink {}  ({})\n", known->second.tape,
               reports::counted(one.first.deviations, "deviation"));
  }
  fmt::print(invocation_.out, "  reproduced in a fresh process\n");
}

// Every planted bug is counted three ways: never reached, reached but not seen, seen.
void Hunter::tell_bugs(const Campaign& campaign) {
  for (size_t i = 0; i < engine::kBugs.size(); ++i) {
    const std::string id(engine::kBugs[i].id);
    const auto& on = hunted_.changes.bugs;
    if (std::find(on.begin(), on.end(), id) == on.end()) continue;
    const uint64_t reached = campaign.runs_that_reached[i];
    std::string seen = "never reached";
    if (reached > 0) seen = "reached, not seen";
    if (reached > 0 && !campaign.signatures.empty()) {
      const RunRow& first = campaign.signatures.front().first;
      seen = fmt::format("seen by {} after {}, {:.2f} s of CPU", first.oracle.view(),
                         reports::counted(first.index + 1, "run"), campaign.cpu_s);
    }
    fmt::print(invocation_.out, "\nbug {}: {} (reached in {} of {})\n", id, seen,
               reports::grouped(reached), reports::counted(campaign.runs, "run"));
  }
}

void Hunter::tell_never_seen(const Campaign& campaign) {
  size_t seen = 0;
  std::vector<const fuzz::SometimesCount*> never;
  for (const fuzz::SometimesCount& one : campaign.sometimes) {
    if (one.hits > 0) {
      ++seen;
    } else {
      never.push_back(&one);
    }
  }
  if (campaign.sometimes.empty()) return;
  fmt::print(invocation_.out, "\nsometimes  {} of {} seen\n", seen, campaign.sometimes.size());
  for (size_t i = 0; i < std::min(never.size(), kNeverSeenShown); ++i) {
    fmt::print(invocation_.out, "  never: {}\n", never[i]->label);
  }
  if (never.size() > kNeverSeenShown) {
    fmt::print(invocation_.out, "  and {} more\n", never.size() - kNeverSeenShown);
  }
}

void Hunter::tell_trouble(const Campaign& campaign) {
  for (const std::string& text : trouble_) fmt::print(invocation_.err, "orrery: {}\n", text);
  for (const fuzz::Defect& defect : campaign.defects) {
    std::string where;
    if (defect.index != fuzz::kNoRun) {
      const uint64_t seed = order_.seed_of(defect.index);
      where = fmt::format("run {}, seed {}: ", defect.index, reports::hex64(seed));
    }
    fmt::print(invocation_.err, "orrery: HARNESS FAILURE  {}{}\n", where, defect.text);
  }
  if (campaign.interrupted) fmt::print(invocation_.err, "orrery: stopped early\n");
  if (campaign.failed == 0 && hunted_.scenario->must_fail()) {
    fmt::print(invocation_.err, "orrery: a canary was not found in {}\n",
               reports::counted(campaign.runs, "run"));
  }
}

void Hunter::totals(const Campaign& campaign) {
  reports::CampaignTotals totals;
  totals.scenario = hunted_.scenario->name();
  totals.campaign_seed = hunted_.seed;
  totals.runs = campaign.runs;
  totals.failed = campaign.failed;
  totals.inconclusive = campaign.inconclusive;
  totals.defects = campaign.defects.size();
  totals.steps = campaign.steps;
  totals.points = campaign.points;
  totals.interrupted = campaign.interrupted;
  totals.wall_s = campaign.wall_s;
  totals.cpu_s = campaign.cpu_s;
  for (const fuzz::SignatureCount& one : campaign.signatures) {
    const auto known = confirmed_.find(one.first.signature.view());
    if (known == confirmed_.end() || known->second.outcome != Outcome::reproduced) continue;
    totals.found = true;
    totals.first_failing_seed = one.first.seed;
    break;
  }
  invocation_.out << reports::json_line(totals) << '\n';
}

int Hunter::exit_code(const Campaign& campaign) const {
  if (nondeterminism_) return kNondeterminism;
  if (harness_failed_ || !campaign.defects.empty()) return kHarness;
  if (campaign.interrupted) return kInterrupted;
  if (campaign.failed > 0) return kFound;
  return hunted_.scenario->must_fail() ? kGoalNotMet : kOk;
}

double per_second(uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace
}  // namespace orrery::cli
