// SPDX-License-Identifier: Apache-2.0
// The boundaries of the log stay in order and never go back:
//   closed <= safe_head <= head <= flushed <= safe_ro <= ro <= end of the page being opened,
// at every move of one of them (engine-spec 1.12, I1). `begin` follows `closed` in a cache by at
// most the page that is being closed (I2).
#include <fmt/format.h>

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

}  // namespace

std::optional<Finding> judge_address_chain(const Run& run, OracleScratch&) {
  const std::optional<int64_t> page_bits = run.plan->sizes.find("page_bits");
  std::array<int64_t, engine::kBoundaries> now;
  now.fill(kUnset);
  int64_t opened = 0;
  const auto& events = run.trace->events;
  for (size_t i = 0; i < events.size(); ++i) {
    const sim::Event& event = events[i];
    if (event.kind == events::kPageOpened) opened = event.a;
    if (event.kind != events::kBoundary) continue;
    const auto which = static_cast<size_t>(event.a);
    if (now[which] != kUnset && event.b < now[which]) {
      Finding finding = finding_at(run, "address-chain", i);
      finding.label = fmt::format("{} went back", kNames[which]);
      finding.text = fmt::format("{} went back from {} to {}", kNames[which], now[which], event.b);
      return finding;
    }
    now[which] = event.b;
    for (size_t k = 0; k + 1 < kChain.size(); ++k) {
      const int64_t low = now[static_cast<size_t>(kChain[k])];
      const int64_t high = now[static_cast<size_t>(kChain[k + 1])];
      if (low == kUnset || high == kUnset || low <= high) continue;
      Finding finding = finding_at(run, "address-chain", i);
      const char* const low_name = kNames[static_cast<size_t>(kChain[k])];
      const char* const high_name = kNames[static_cast<size_t>(kChain[k + 1])];
      finding.label = fmt::format("{} passed {}", low_name, high_name);
      finding.text = fmt::format("{} is {} and {} only {}", low_name, low, high_name, high);
      return finding;
    }
    const int64_t ro = now[static_cast<size_t>(Boundary::ro)];
    if (page_bits && ro != kUnset && ro > (opened + 1) << *page_bits) {
      Finding finding = finding_at(run, "address-chain", i);
      finding.label = "ro passed the tail";
      finding.text = fmt::format("ro is {} while page {} is the last one opened", ro, opened);
      return finding;
    }
  }
  return std::nullopt;
}

}  // namespace orrery::scenarios
