// SPDX-License-Identifier: Apache-2.0
// A store that logs its operations loses none that a commit has covered: what is recovered is what
// the log holds up to one place, with or without a checkpoint below it; no commit had promised more
// than that; and what is not there is not there for any key (engine-spec 4.6, 7.7).
//
// Where a log ends is said by its recovery; what had been promised, by the clients. Up to there all
// operations whose entries end are counted, in the order of their entries, and no other, but for
// those whose client died before the answer: they may be in the log or not. So the order of each
// client, and of all who saw each other's work, is kept across keys. An operation that was answered
// before another began stands before it in the log, and a life begins in a version above all that
// its log holds.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/store/events.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/oracles/lives.hpp"
#include "scenarios/oracles/log_order.hpp"
#include "scenarios/oracles/oracle.hpp"
#include "scenarios/oracles/serials.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

constexpr int64_t kUnknown = -1;

// What a life made of the log of the lives before, and promised itself.
struct LogLife {
  int64_t end = kUnknown;  // where it found the log to end; 0: there was none
  size_t event = 0;        // by which this is known
  int64_t acknowledged = 0;
};

class Operations {
 public:
  explicit Operations(const Run& run);
  Judgement judge(OracleScratch& scratch);

 private:
  void take_events();
  std::optional<Finding> judge_order() const;
  std::optional<Finding> judge_end(size_t life) const;
  std::optional<Finding> judge_versions(size_t life) const;
  Judgement judge_contents(OracleScratch& scratch, size_t life) const;
  std::vector<Placed> placed_for(size_t life) const;
  bool is_counted(const Operation& operation, size_t life) const;
  Recovered recovered_by_log(size_t life) const;
  int64_t end_after(size_t life) const;
  Finding broken(size_t life, const char* label, std::string text) const;

  const Run& run_;
  std::span<const Operation> all_;
  std::vector<Life> lives_;
  std::vector<LogLife> logs_;
  bool durable_ = true;  // no enabled fault voids that
};

}  // namespace

Judgement judge_operations(const Run& run, OracleScratch& scratch) {
  if (!logs_operations(run)) return {};
  return Operations(run).judge(scratch);
}

namespace {

Operations::Operations(const Run& run)
    : run_(run),
      all_(run.history->operations()),
      lives_(lives_of(run)),
      logs_(lives_.size()),
      durable_(!is_voided(run, sim::Promise::durability)) {
  take_events();
}

Judgement Operations::judge(OracleScratch& scratch) {
  if (auto found = judge_order()) return std::move(*found);
  Judgement all;
  for (size_t life = 1; life < lives_.size(); ++life) {
    if (!lives_[life].recovery_ended) continue;
    const engine::Errc outcome = lives_[life].outcome;
    if (outcome != engine::Errc::ok && outcome != engine::Errc::not_found) continue;
    if (auto found = judge_end(life)) return std::move(*found);
    if (auto found = judge_versions(life)) return std::move(*found);
    const auto from = [this](size_t one) { return recovered_by_log(one); };
    if (auto found = judge_serials(run_, lives_, life, from, "operation-log")) {
      return std::move(*found);
    }
    if (!lives_[life].begin_known) continue;  // a fault kept somebody from reading all of it back
    Judgement one = judge_contents(scratch, life);
    if (one.finding) return one;
    if (!one.not_judged.empty()) all.not_judged = std::move(one.not_judged);
  }
  return all;
}

void Operations::take_events() {
  size_t life = 0;
  for (size_t i = 0; i < run_.trace->events.size(); ++i) {
    const sim::Event& event = run_.trace->events[i];
    LogLife& log = logs_[life];
    if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) ++life;
    if (event.kind == ledger::kOperationsAcknowledged) {
      log.acknowledged = std::max(log.acknowledged, event.a);
    }
    if (event.kind == events::kAppendLogRecovered) {
      log.end = event.b;
      log.event = i;
    }
    const bool none = event.kind == events::kRecoveryEnded &&
                      event.a == static_cast<int64_t>(engine::Errc::not_found);
    if (none) {
      log.end = 0;
      log.event = i;
    }
    if (event.kind == ledger::kGoesBack) log.end = kUnknown;
  }
}

// Who comes after an answer comes after it in the log; and who changes something is in it.
std::optional<Finding> Operations::judge_order() const {
  if (const auto unlogged = find_unlogged(all_)) {
    const Operation& one = all_[*unlogged];
    Finding finding = broken(one.life, "an operation changed something and was not logged",
                             fmt::format("client {} changed key {}", one.client, one.key));
    finding.step = one.returned;
    finding.operations.push_back(*unlogged);
    return finding;
  }
  const auto found = find_misplaced(all_);
  if (!found) return std::nullopt;
  const Operation& earlier = all_[found->earlier];
  const Operation& later = all_[found->later];
  Finding finding = broken(
      later.life, "the log holds operations in another order than they happened",
      fmt::format("an entry ends at {}, and one of an operation that had ended before it began at "
                  "{}",
                  later.log_end, earlier.log_end));
  finding.step = later.returned;
  finding.operations = {found->earlier, found->later};
  return finding;
}

// What was promised in lives before must be below the end that this one found.
std::optional<Finding> Operations::judge_end(size_t life) const {
  const LogLife& found = logs_[life];
  int64_t promised = 0;
  int64_t ended_before = 0;
  for (size_t i = 0; i < life; ++i) {
    promised = std::max(promised, logs_[i].acknowledged);
    ended_before = std::max(ended_before, logs_[i].end);
  }
  if (found.end == kUnknown) return broken(life, "a store was recovered without its log", "");
  if (!durable_) return std::nullopt;
  if (found.end < promised) {
    return broken(
        life, "an operation that a commit had covered was lost",
        fmt::format("a commit had promised all up to {}, and the recovered log ends at {}",
                    promised, found.end));
  }
  if (found.end >= ended_before) return std::nullopt;
  return broken(life, "a recovered log ends before what an earlier recovery had found",
                fmt::format("at {}, and it had been {}", found.end, ended_before));
}

// Or a checkpoint of this life might take an operation of an earlier one for one of its own.
std::optional<Finding> Operations::judge_versions(size_t life) const {
  uint64_t highest = 0;
  for (const Operation& operation : all_) {
    if (operation.life < life && is_counted(operation, life)) {
      highest = std::max(highest, operation.version);
    }
  }
  for (size_t i = 0; i < all_.size(); ++i) {
    if (all_[i].life != life || all_[i].version == 0 || all_[i].version > highest) continue;
    Finding finding = broken(life, "a life goes on in a version that its log has used",
                             fmt::format("version {}, and the log holds operations of version {}",
                                         all_[i].version, highest));
    finding.operations.push_back(i);
    return finding;
  }
  return std::nullopt;
}

Judgement Operations::judge_contents(OracleScratch& scratch, size_t life) const {
  const std::vector<Placed> placed = placed_for(life);
  std::vector<Operation> operations;
  operations.reserve(placed.size());
  for (const Placed& one : placed) operations.push_back(one.operation);
  const Cut cut{std::max<uint64_t>(lives_[life].version, 1), UINT64_MAX / 2};
  const LinearizabilityReport report =
      scratch.linearizability.check_final(operations, {}, cut, lives_[life].found);
  Judgement judgement;
  if (report.verdict == Linearizability::inconclusive) judgement.not_judged = report.text;
  if (report.verdict != Linearizability::violated) return judgement;
  Finding finding = broken(life, "a recovered store does not hold what its log says",
                           fmt::format("with the log up to {}: {}", logs_[life].end, report.text));
  for (const Placed& one : placed) {
    if (one.operation.key == report.key && one.index != SIZE_MAX) {
      finding.operations.push_back(one.index);
    }
  }
  constexpr size_t kShown = 6;  // the last ones made the difference
  if (finding.operations.size() > kShown) {
    finding.operations.erase(finding.operations.begin(),
                             finding.operations.end() - static_cast<std::ptrdiff_t>(kShown));
  }
  for (size_t i = 0; i < all_.size(); ++i) {  // who read it back
    if (all_[i].life == life && all_[i].client == kRecoveryReader && all_[i].key == report.key) {
      finding.operations.push_back(i);
    }
  }
  std::sort(finding.operations.begin(), finding.operations.end());
  judgement.finding = std::move(finding);
  return judgement;
}

// What was done since all was last read back, on the places that the log gives it: each operation
// ends before the next one begins.
std::vector<Placed> Operations::placed_for(size_t life) const {
  size_t base = life - 1;
  while (!lives_[base].begin_known) --base;
  Logged logged;
  for (size_t i = 0; i < all_.size(); ++i) {
    const Operation& operation = all_[i];
    if (operation.life < base || operation.life >= life || !changes(operation)) continue;
    if (operation.outcome == Outcome::unknown) logged.doubtful.push_back(i);
    if (is_counted(operation, life)) logged.counted.push_back(i);
  }
  const uint64_t version = std::max<uint64_t>(lives_[life].version, 1);
  return place_by_log(all_, logged, lives_[base].found, version);
}

// True if the log that the life has found holds it.
bool Operations::is_counted(const Operation& operation, size_t life) const {
  CHECK(operation.life < life, "an operation of a life that comes later");
  return is_logged_until(operation, end_after(operation.life));
}

// All that a session had done up to its last update in the log, and what a checkpoint may know of
// it besides.
Recovered Operations::recovered_by_log(size_t life) const {
  if (life == 0) return {};
  std::map<uint32_t, uint64_t> last;  // when the last counted update of a client began
  for (const Operation& operation : lives_[life - 1].operations) {
    if (!is_counted(operation, life)) continue;
    last[operation.client] = std::max(last[operation.client], operation.invoked);
  }
  return {life - 1,
          [last](const Operation& operation) {
            const auto until = last.find(operation.client);
            const bool below = until != last.end() && operation.invoked <= until->second;
            return below && is_answered(operation) ? Held::present : Held::unknown;
          },
          lives_[life].back_to != 0};
}

// Where the log of that life ended for all who came after: the first to look settles it.
int64_t Operations::end_after(size_t life) const {
  for (size_t next = life + 1; next < logs_.size(); ++next) {
    if (logs_[next].end != kUnknown) return logs_[next].end;
  }
  return 0;
}

Finding Operations::broken(size_t life, const char* label, std::string text) const {
  const size_t event =
      lives_[life].recovery_ended ? lives_[life].recovery_event : logs_[life].event;
  Finding finding = finding_at(run_, "operation-log", event);
  finding.label = label;
  finding.text = std::move(text);
  return finding;
}

}  // namespace
}  // namespace orrery::scenarios
