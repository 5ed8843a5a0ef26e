// SPDX-License-Identifier: Apache-2.0
// The boundaries of the log stay in order and never go back:
//   closed <= safe_head <= head <= flushed <= safe_ro <= ro <= tail,
// at every move of one of them (engine-spec 1.12, I1), from where they all stood when the log was
// opened. The tail is what somebody has seen of it: nobody may raise ro on a guess. `begin` runs
// ahead of them only while pages are being closed: in a run that has come to its end it is not
// above head, and in a cache, whose evicted pages are gone, it is where closed is (I2). A log of
// operations is judged by itself, in the same way.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "engine/store/boundaries.hpp"
#include "engine/store/events.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

using engine::Boundary;
namespace events = engine::events;

constexpr std::array<const char*, engine::kBoundaries> kNames{
    "begin", "head", "safe_head", "closed", "flushed", "safe_ro", "ro"};

// From the lowest to the highest.
constexpr std::array kChain{Boundary::closed,  Boundary::safe_head, Boundary::head,
                            Boundary::flushed, Boundary::safe_ro,   Boundary::ro};

constexpr int64_t kUnset = std::numeric_limits<int64_t>::min();

using Boundaries = std::array<int64_t, engine::kBoundaries>;

// One log of the run: that of the store, or its log of operations.
class Chain {
 public:
  explicit Chain(const Run& run, bool cache) : run_(run), cache_(cache) { now_.fill(kUnset); }

  /// `kind`: as it would be of the main log.
  std::optional<Finding> take(size_t index, uint16_t kind);
  std::optional<Finding> at_rest() const;

 private:
  void take_log(const sim::Event& event, uint16_t kind);
  std::optional<Finding> move(size_t index);

  const Run& run_;
  bool cache_;
  Boundaries now_;
  int64_t tail_ = kUnset;
  bool failed_ = false;  // nothing moves any more but begin
  size_t last_move_ = 0;
};

}  // namespace

Judgement judge_address_chain(const Run& run, OracleScratch&) {
  std::array<Chain, 2> logs{Chain(run, run.plan->scenario->is_cache(run.plan->sizes)),
                            Chain(run, false)};
  const auto& events = run.trace->events;
  for (size_t i = 0; i < events.size(); ++i) {
    const uint16_t kind = events[i].kind;
    const size_t log = events::is_of_operation_log(kind) ? 1 : 0;
    auto found = logs[log].take(i, events::of_main(kind));
    // The end of a life is that of both.
    if (!found && kind >= 1000) found = logs[1].take(i, kind);
    if (found) return std::move(*found);
  }
  if (!run.completed) return {};
  for (const Chain& log : logs) {
    if (auto found = log.at_rest()) return std::move(*found);
  }
  return {};
}

namespace {

std::optional<Finding> Chain::take(size_t index, uint16_t kind) {
  const sim::Event& event = run_.trace->events[index];
  take_log(event, kind);
  if (kind == events::kTailSeen) tail_ = std::max(tail_, event.a);
  if (kind == events::kPageOpened) tail_ = std::max(tail_, event.b);
  return kind == events::kBoundary ? move(index) : std::nullopt;
}

std::optional<Finding> Chain::move(size_t index) {
  const sim::Event& event = run_.trace->events[index];
  last_move_ = index;
  const auto which = static_cast<size_t>(event.a);
  Finding finding = finding_at(run_, "address-chain", index);
  if (tail_ == kUnset) {
    finding.label = "a boundary moves in a log that was never opened";
    finding.text = fmt::format("{} moves to {}", kNames[which], event.b);
    return finding;
  }
  if (event.b < now_[which]) {
    finding.label = fmt::format("{} went back", kNames[which]);
    finding.text = fmt::format("{} went back from {} to {}", kNames[which], now_[which], event.b);
    return finding;
  }
  now_[which] = event.b;
  for (size_t k = 0; k + 1 < kChain.size(); ++k) {
    const int64_t low = now_[static_cast<size_t>(kChain[k])];
    const int64_t high = now_[static_cast<size_t>(kChain[k + 1])];
    if (low <= high) continue;
    const char* const low_name = kNames[static_cast<size_t>(kChain[k])];
    const char* const high_name = kNames[static_cast<size_t>(kChain[k + 1])];
    finding.label = fmt::format("{} passed {}", low_name, high_name);
    finding.text = fmt::format("{} is {} and {} only {}", low_name, low, high_name, high);
    return finding;
  }
  const int64_t ro = now_[static_cast<size_t>(Boundary::ro)];
  if (ro <= tail_) return std::nullopt;
  finding.label = "ro passed the tail";
  finding.text = fmt::format("ro is {} while nobody has seen the tail above {}", ro, tail_);
  return finding;
}

// Where a log begins, and where one ends.
void Chain::take_log(const sim::Event& event, uint16_t kind) {
  if (kind == static_cast<uint16_t>(sim::Kind::crashed)) {
    // What a life left unfinished is forgotten with it; the next one may never open a log.
    now_.fill(kUnset);
    tail_ = kUnset;
    failed_ = false;
  }
  if (kind == events::kLogFailed) failed_ = true;
  if (kind == events::kLogOpened) {
    now_.fill(event.a);
    tail_ = event.a;
  }
  if (kind == events::kLogRecovered) {
    now_.fill(event.b);
    now_[static_cast<size_t>(Boundary::begin)] = event.a;
    for (const Boundary high : {Boundary::flushed, Boundary::safe_ro, Boundary::ro}) {
      now_[static_cast<size_t>(high)] = event.c;
    }
  }
}

std::optional<Finding> Chain::at_rest() const {
  const int64_t begin = now_[static_cast<size_t>(Boundary::begin)];
  if (begin == kUnset || failed_) return std::nullopt;
  const Boundary limit = cache_ ? Boundary::closed : Boundary::head;
  const int64_t most = now_[static_cast<size_t>(limit)];
  if (cache_ ? begin == most : begin <= most) return std::nullopt;
  Finding finding = finding_at(run_, "address-chain", last_move_);
  const char* const name = kNames[static_cast<size_t>(limit)];
  finding.label = fmt::format("begin and {} do not agree at rest", name);
  finding.text = fmt::format("at the end begin is {} and {} is {}", begin, name, most);
  return finding;
}

}  // namespace
}  // namespace orrery::scenarios
