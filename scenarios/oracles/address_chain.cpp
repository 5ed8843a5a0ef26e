// SPDX-License-Identifier: Apache-2.0
// The boundaries of the log stay in order and never go back:
//   closed <= safe_head <= head <= flushed <= safe_ro <= ro <= tail,
// at every move of one of them (engine-spec 1.12, I1), from where they all stood when the log was
// opened. The tail is what somebody has seen of it: nobody may raise ro on a guess. `begin` runs
// ahead of them only while pages are being closed: in a run that has come to its end it is not
// above head, and in a cache, whose evicted pages are gone, it is where closed is (I2).
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
void take_log(const sim::Event& event, Boundaries& now, int64_t& tail);
std::optional<Finding> judge_begin(const Run& run, const Boundaries& now, size_t last_move);

}  // namespace

Judgement judge_address_chain(const Run& run, OracleScratch&) {
  Boundaries now;
  now.fill(kUnset);
  int64_t tail = kUnset;
  size_t last_move = 0;
  const auto& events = run.trace->events;
  for (size_t i = 0; i < events.size(); ++i) {
    const sim::Event& event = events[i];
    take_log(event, now, tail);
    if (event.kind == events::kTailSeen) tail = std::max(tail, event.a);
    if (event.kind == events::kPageOpened) tail = std::max(tail, event.b);
    if (event.kind != events::kBoundary) continue;
    last_move = i;
    const auto which = static_cast<size_t>(event.a);
    if (tail == kUnset) {
      Finding finding = finding_at(run, "address-chain", i);
      finding.label = "a boundary moves in a log that was never opened";
      finding.text = fmt::format("{} moves to {}", kNames[which], event.b);
      return finding;
    }
    if (event.b < now[which]) {
      Finding finding = finding_at(run, "address-chain", i);
      finding.label = fmt::format("{} went back", kNames[which]);
      finding.text = fmt::format("{} went back from {} to {}", kNames[which], now[which], event.b);
      return finding;
    }
    now[which] = event.b;
    for (size_t k = 0; k + 1 < kChain.size(); ++k) {
      const int64_t low = now[static_cast<size_t>(kChain[k])];
      const int64_t high = now[static_cast<size_t>(kChain[k + 1])];
      if (low <= high) continue;
      Finding finding = finding_at(run, "address-chain", i);
      const char* const low_name = kNames[static_cast<size_t>(kChain[k])];
      const char* const high_name = kNames[static_cast<size_t>(kChain[k + 1])];
      finding.label = fmt::format("{} passed {}", low_name, high_name);
      finding.text = fmt::format("{} is {} and {} only {}", low_name, low, high_name, high);
      return finding;
    }
    const int64_t ro = now[static_cast<size_t>(Boundary::ro)];
    if (ro > tail) {
      Finding finding = finding_at(run, "address-chain", i);
      finding.label = "ro passed the tail";
      finding.text = fmt::format("ro is {} while nobody has seen the tail above {}", ro, tail);
      return finding;
    }
  }
  if (!run.completed) return {};
  return judge_begin(run, now, last_move);
}

namespace {

// Where a log begins, and where one ends.
void take_log(const sim::Event& event, Boundaries& now, int64_t& tail) {
  if (event.kind == static_cast<uint16_t>(sim::Kind::crashed)) {
    // What a life left unfinished is forgotten with it; the next one may never open a log.
    now.fill(kUnset);
    tail = kUnset;
  }
  if (event.kind == events::kLogOpened) {
    now.fill(event.a);
    tail = event.a;
  }
  if (event.kind == events::kLogRecovered) {
    now.fill(event.b);
    now[static_cast<size_t>(Boundary::begin)] = event.a;
    for (const Boundary high : {Boundary::flushed, Boundary::safe_ro, Boundary::ro}) {
      now[static_cast<size_t>(high)] = event.c;
    }
  }
}

std::optional<Finding> judge_begin(const Run& run, const Boundaries& now, size_t last_move) {
  const int64_t begin = now[static_cast<size_t>(Boundary::begin)];
  if (begin == kUnset) return std::nullopt;
  const bool cache = run.plan->scenario->is_cache(run.plan->sizes);
  const Boundary limit = cache ? Boundary::closed : Boundary::head;
  const int64_t most = now[static_cast<size_t>(limit)];
  if (cache ? begin == most : begin <= most) return std::nullopt;
  Finding finding = finding_at(run, "address-chain", last_move);
  const char* const name = kNames[static_cast<size_t>(limit)];
  finding.label = fmt::format("begin and {} do not agree at rest", name);
  finding.text = fmt::format("at the end begin is {} and {} is {}", begin, name, most);
  return finding;
}

}  // namespace
}  // namespace orrery::scenarios
