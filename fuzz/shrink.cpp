// SPDX-License-Identifier: Apache-2.0
#include "fuzz/shrink.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/check.hpp"

namespace orrery::fuzz {
namespace {

using scenarios::Plan;
using scenarios::Run;
using scenarios::Verdict;
using sim::Deviation;

// The last replays of the budget are for necessity and confirmation.
constexpr uint64_t kReserve = 40;
static_assert(kReplaysLeast > kReserve);
// More than a person wants to read: worth another way.
constexpr size_t kMany = 3;
// How many points of its actor a deviation is moved at most.
constexpr uint64_t kReach = 300;
// One in so many replays is kept for that, and not more than so many are spent on it.
constexpr uint64_t kShareOfMoves = 5;
// Of less nothing is kept, for that or for faults: the search may need it all.
constexpr uint64_t kBudgetToKeepOf = 500;

class Shrinker {
 public:
  Shrinker(const Play& play, const ShrinkOptions& options, bool lowers_guard)
      : play_(play), options_(options), lowers_guard_(lowers_guard) {}

  Shrunk run(const Plan& plan);

 private:
  bool begin(const Plan& plan);
  void search(bool sizes_first);
  void lower_guard();
  void shrink_sizes();
  bool shrink_size(const scenarios::SizeRow& row);
  void shrink_deviations();
  bool drop_stretch(size_t first, size_t count);
  bool fails_with_fewer(const Plan& plan);
  bool leave_one();
  bool leave_only(const Deviation& one);
  void shrink_values();
  bool try_value(size_t at, uint64_t value);
  void drop_faults();
  void find_needs();
  std::string leave_out(size_t at);
  void confirm();

  const Run& replay(const Plan& plan);
  bool still_fails(const Plan& plan);
  bool fails_calmly(Plan plan);
  /// For so many replays.
  bool has_budget(uint64_t count = 1) const {
    const uint64_t then = replays_ + count + kReserve + kept_;
    return then <= options_.replays_max && !(options_.stop && options_.stop());
  }
  /// The same; and if there is none the search is not complete.
  bool may_go_on(uint64_t count = 1) {
    if (has_budget(count)) return true;
    out_of_budget_ = true;
    return false;
  }
  void keep(uint64_t count) { kept_ = options_.replays_max < kBudgetToKeepOf ? 0 : count; }

  const Play& play_;
  const ShrinkOptions& options_;
  bool lowers_guard_;
  Plan best_;
  std::string signature_;
  uint64_t replays_ = 0;
  uint64_t kept_ = 0;  // for what comes behind
  bool out_of_budget_ = false;
  bool is_safe_ = false;  // the sizes given, at rest
  Shrunk result_;
};

std::optional<int64_t> size_of(const Plan& plan, const char* name) { return plan.sizes.find(name); }

}  // namespace

Shrunk shrink(const Plan& plan, const Play& play, const ShrinkOptions& options) {
  Shrunk shrunk = Shrinker(play, options, true).run(plan);
  if (!shrunk.failed || shrunk.confirmed || !plan.guarded) return shrunk;
  // What was found without guards is something else behind them.
  return Shrinker(play, options, false).run(plan);
}

namespace {

Shrunk Shrinker::run(const Plan& plan) {
  if (!begin(plan)) return result_;
  const Plan start = best_;
  keep(options_.replays_max / kShareOfMoves);
  search(true);
  if (best_.deviations.size() > kMany && has_budget()) {
    // Smaller sizes may have led into a corner. The other way round leads elsewhere.
    const Plan found = std::exchange(best_, start);
    const bool ended = !out_of_budget_;
    search(false);
    if (best_.deviations.size() >= found.deviations.size()) {
      best_ = found;
      if (ended) out_of_budget_ = false;  // of that one
    }
  }
  keep(best_.faults.size());
  const bool is_another = best_.deviations.size() > kMany && leave_one();
  if (is_another || out_of_budget_) {
    out_of_budget_ = false;
    search(true);  // with what is left of what was kept
  }
  keep(0);
  drop_faults();
  best_.guarded = plan.guarded;
  find_needs();
  result_.complete = !out_of_budget_;
  confirm();
  for (const sim::Size& before : plan.sizes.all()) {
    if (size_of(best_, before.name.c_str()) != before.value) result_.sizes_before.push_back(before);
  }
  result_.plan = best_;
  result_.replays = replays_;
  return result_;
}

void Shrinker::search(bool sizes_first) {
  if (sizes_first) shrink_sizes();
  shrink_deviations();
  shrink_values();
  // What a smaller set allows: other sizes, and then again fewer deviations.
  shrink_sizes();
  shrink_deviations();
}

bool Shrinker::begin(const Plan& plan) {
  ++replays_;
  const Run& first = play_(plan);
  if (first.verdict != Verdict::failed) return false;
  signature_ = first.finding->signature;
  result_.failed = true;
  result_.signature = signature_;
  result_.digest = first.digest;
  best_ = plan;
  best_.replays = true;
  best_.deviations = sim::deviations_of(first.taken());
  result_.deviations_before = best_.deviations.size();
  if (!best_.deviations.empty() && fails_calmly(best_)) best_.deviations.clear();
  scenarios::Sizes safe = best_.sizes;
  best_.scenario->keep_safe(safe);
  is_safe_ = safe.all() == best_.sizes.all();
  lower_guard();
  return true;
}

// Guards cost a multiple of the run. Without them the same deviations do the same; only if it takes
// a guard to see the failure do they stay up while we search.
void Shrinker::lower_guard() {
  if (!best_.guarded || !lowers_guard_) return;
  Plan plan = best_;
  plan.guarded = false;
  still_fails(plan);
}

const Run& Shrinker::replay(const Plan& plan) {
  ++replays_;
  return play_(plan);
}

// Replays leniently. If the failure is the same, what the run took becomes the best plan.
bool Shrinker::still_fails(const Plan& plan) {
  const Run& run = replay(plan);
  if (run.verdict != Verdict::failed || run.finding->signature != signature_) return false;
  std::vector<Deviation> taken = sim::deviations_of(run.taken());
  Plan better = plan;
  better.deviations = std::move(taken);
  best_ = std::move(better);
  result_.digest = run.digest;
  if (options_.progress) options_.progress(replays_, best_.deviations.size());
  return true;
}

bool Shrinker::fails_calmly(Plan plan) {
  plan.deviations.clear();
  const Run& run = replay(plan);
  return run.verdict == Verdict::failed && run.finding->signature == signature_;
}

// ---- sizes
// ---------------------------------------------------------------------------------------

void Shrinker::shrink_sizes() {
  bool changed = true;
  for (int round = 0; changed && round < 3; ++round) {
    changed = false;
    for (const scenarios::SizeRow& row : best_.scenario->sizes()) {
      if (shrink_size(row)) changed = true;
    }
  }
}

// Tries the calm value, then half of the way there, then half of that.
bool Shrinker::shrink_size(const scenarios::SizeRow& row) {
  bool changed = false;
  int64_t bad = row.calm;  // the failure is lost there
  bool first = true;
  for (;;) {
    const std::optional<int64_t> now = size_of(best_, row.name);
    if (!now || *now == row.calm) return changed;
    const int64_t tried = first ? row.calm : bad + (*now - bad) / 2;
    if (tried == *now || (!first && tried == bad)) return changed;
    if (!may_go_on(2)) return changed;
    first = false;
    Plan plan = best_;
    const bool in_bounds = scenarios::set_size(plan, row.name, tried).empty();
    const bool needs_deviations = !best_.deviations.empty() && !options_.leave_safe_sizes;
    if (is_safe_ && !options_.leave_safe_sizes) plan.scenario->keep_safe(plan.sizes);
    const bool fits = in_bounds && scenarios::unfit(plan).empty();
    if (!fits || (needs_deviations && fails_calmly(plan)) || !still_fails(plan)) {
      bad = tried;
    } else {
      changed = true;
    }
  }
}

// ---- deviations
// ----------------------------------------------------------------------------------

// Delta debugging: leave out stretches, long ones first, until no single one can be left out.
void Shrinker::shrink_deviations() {
  size_t length = best_.deviations.size();
  while (length > 0) {
    bool dropped = false;
    // From the end: what happened late leaves what happened before as it was.
    for (size_t end = best_.deviations.size(); end > 0;) {
      if (!may_go_on()) return;
      end = std::min(end, best_.deviations.size());
      const size_t first = end > length ? end - length : 0;
      if (drop_stretch(first, end - first)) dropped = true;
      end = first;
    }
    if (length > 1) {
      length = std::max<size_t>(1, std::min(length, best_.deviations.size()) / 2);
    } else if (!dropped) {
      return;
    }
    if (best_.deviations.empty()) return;
  }
}

bool Shrinker::drop_stretch(size_t first, size_t count) {
  if (count == 0) return false;
  Plan plan = best_;
  const auto from = plan.deviations.begin() + static_cast<std::ptrdiff_t>(first);
  plan.deviations.erase(from, from + static_cast<std::ptrdiff_t>(count));
  return fails_with_fewer(plan);
}

bool Shrinker::fails_with_fewer(const Plan& plan) {
  const Plan kept = best_;
  if (!still_fails(plan)) return false;
  if (best_.deviations.size() < kept.deviations.size()) return true;
  best_ = kept;  // what was left out came back under another address
  return false;
}

// What happens at a point of an actor is found by the number of that point, and the others may be
// there for nothing but that number: the actor goes another way without them. So each answer of the
// world is tried alone, at its own point and then further and further away, those that came last
// first. There is always more to try, so an end of it for lack of replays is none of the search.
bool Shrinker::leave_one() {
  std::vector<Deviation> answers = best_.deviations;
  std::erase_if(answers, [](const Deviation& one) { return one.names_task(); });
  const uint64_t until = replays_ + options_.replays_max / kShareOfMoves;
  for (uint64_t distance = 0; distance <= kReach; ++distance) {
    for (size_t i = answers.size(); i-- > 0;) {
      if (replays_ >= until || !has_budget(2)) return false;
      Deviation one = answers[i];
      one.occurrence += distance;
      if (leave_only(one)) return true;
      if (distance == 0 || distance > answers[i].occurrence) continue;
      one.occurrence = answers[i].occurrence - distance;
      if (leave_only(one)) return true;
    }
  }
  return false;
}

bool Shrinker::leave_only(const Deviation& one) {
  Plan plan = best_;
  plan.deviations = {one};
  return fails_with_fewer(plan);
}

// ---- values
// --------------------------------------------------------------------------------------

void Shrinker::shrink_values() {
  for (size_t i = 0; i < best_.deviations.size(); ++i) {
    if (best_.deviations[i].names_task()) continue;
    const bool latency = best_.deviations[i].ask == sim::Ask::latency;
    // 9 is the first latency above the nominal one, 7 the first below it.
    const uint64_t value = best_.deviations[i].value;
    if (latency && value < 8) {
      try_value(i, 7);
      continue;
    }
    uint64_t low = latency ? 9 : 1;
    while (i < best_.deviations.size() && low < best_.deviations[i].value) {
      const uint64_t middle = low + (best_.deviations[i].value - low) / 2;
      if (!try_value(i, middle)) low = middle + 1;
      if (out_of_budget_) return;
    }
  }
}

bool Shrinker::try_value(size_t at, uint64_t value) {
  if (!may_go_on()) return false;
  if (best_.deviations[at].value == value) return false;
  Plan plan = best_;
  plan.deviations[at].value = value;
  const Plan kept = best_;
  if (!still_fails(plan)) return false;
  // A smaller value that needs more deviations, or moves them about, is no gain.
  if (best_.deviations == plan.deviations) return true;
  best_ = kept;
  return false;
}

// A fault that no remaining deviation comes from does not belong on the tape. Where a small budget
// has ended, it stays.
void Shrinker::drop_faults() {
  for (size_t i = best_.faults.size(); i-- > 0;) {
    if (!may_go_on()) return;
    Plan plan = best_;
    plan.faults.erase(plan.faults.begin() + static_cast<std::ptrdiff_t>(i));
    still_fails(plan);
  }
}

// ---- what is needed, and whether it holds
// --------------------------------------------------------

// Where the budget ended early, some are not needed after all: they go as well. What those before
// them are needed for may be another thing then, and is asked again; the first answer stands until
// there is a second one.
void Shrinker::find_needs() {
  std::vector<reports::Need>& needs = result_.needs;
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < best_.deviations.size();) {
      if (replays_ + 2 >= options_.replays_max || (options_.stop && options_.stop())) {
        out_of_budget_ = true;
        return;
      }
      std::string without = leave_out(i);
      if (without.empty()) {
        if (i < needs.size()) needs.erase(needs.begin() + static_cast<std::ptrdiff_t>(i));
        again = again || i > 0;
        continue;
      }
      reports::Need need{best_.deviations[i], std::move(without)};
      if (i < needs.size()) {
        needs[i] = std::move(need);
      } else {
        needs.push_back(std::move(need));
      }
      ++i;
    }
  }
}

// What the run is without that deviation; nothing if it is not needed, and has gone for good.
std::string Shrinker::leave_out(size_t at) {
  Plan plan = best_;
  plan.deviations.erase(plan.deviations.begin() + static_cast<std::ptrdiff_t>(at));
  const Run& run = replay(plan);
  if (run.verdict == Verdict::ok) return "the run is ok";
  if (run.verdict == Verdict::inconclusive) return "the run is inconclusive";
  if (run.finding->signature != signature_) {
    return "it fails differently: " + run.finding->signature;
  }
  if (sim::deviations_of(run.taken()) != plan.deviations) return "it still fails in the same way";
  best_ = std::move(plan);
  return {};
}

void Shrinker::confirm() {
  uint64_t digest = 0;
  for (int time = 0; time < 2; ++time) {
    const Run& run = replay(best_);
    if (run.verdict != Verdict::failed || run.finding->signature != signature_) return;
    if (sim::deviations_of(run.taken()) != best_.deviations) return;
    if (time == 1 && run.digest != digest) return;
    digest = run.digest;
  }
  result_.digest = digest;
  result_.confirmed = true;
}

}  // namespace
}  // namespace orrery::fuzz
