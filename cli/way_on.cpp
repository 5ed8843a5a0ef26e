// SPDX-License-Identifier: Apache-2.0
#include "cli/way_on.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/plan_options.hpp"
#include "fuzz/interrupts.hpp"
#include "reports/words.hpp"

namespace orrery::cli {

std::string_view why_early(const fuzz::Campaign& campaign, const fuzz::CampaignOrder& order) {
  if (campaign.next - order.first == order.runs_max) return {};  // it came when all was over
  if (campaign.interrupted) return "interrupted";
  if (campaign.broke_off) return "harness";
  return campaign.given_up ? "output" : "";
}

std::string way_on(const Invocation& invocation, const Hunted& hunted,
                   const fuzz::CampaignOrder& order, uint64_t next, double seconds) {
  const uint64_t played = next - order.first;
  if (played == order.runs_max) return {};
  std::string rest = fmt::format("-n {}", order.runs_max - played);
  if (order.time_max_ms != INT64_MAX) {
    const auto spent_ms = static_cast<int64_t>(seconds * 1000);
    rest = fmt::format("--time {}ms", std::max<int64_t>(order.time_max_ms - spent_ms, 1));
  }
  return fmt::format("{} run {} -s {} --from {} {}{}{}", invocation.called, hunted.scenario->name(),
                     reports::hex64(hunted.seed), next, rest, words_of(hunted.changes),
                     hunted.options);
}

std::string replay_words(const Hunted& hunted, uint64_t seed) {
  return fmt::format("replay {} {}{}{}", hunted.scenario->name(), reports::hex64(seed),
                     words_of(hunted.changes), hunted.hang_after);
}

std::string run_again_words(const Hunted& hunted, uint64_t index) {
  return fmt::format("run {} -s {} --from {} -n 1 --check-determinism all{}{}{}",
                     hunted.scenario->name(), reports::hex64(hunted.seed), index,
                     hunted.guarded ? " --guarded" : "", words_of(hunted.changes),
                     hunted.hang_after);
}

void say_on_interrupt(const std::string& command) {
  fuzz::Interrupts::say(fmt::format(
      "\norrery: stopping when the runs that are playing are over; Ctrl-C again ends at once\n"
      "{}{}\n",
      command.empty() ? "" : "  then go on with:  ", command));
}

}  // namespace orrery::cli
