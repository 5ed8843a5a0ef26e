// SPDX-License-Identifier: Apache-2.0
#include "cli/target.hpp"

#include <fmt/format.h>

#include "cli/files.hpp"
#include "cli/plan_options.hpp"
#include "cli/values.hpp"
#include "cli/verb.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

constexpr std::string_view kRemark = "without it: ";

std::string from_seed(const std::string& scenario, const std::string& seed,
                      const fuzz::Changes& changes, Target& target);
std::string from_file(const std::string& path, const fuzz::Changes& changes, Target& target);
bool asks_the_same(const scenarios::Plan& recorded, const scenarios::Plan& changed);
std::vector<reports::Need> needs_of(std::string_view text);
/// No scenario is named like that, and no seed.
bool looks_like_path(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".orry") || word == ".";
}

}  // namespace

std::string read_target(const std::string& first, const std::string& second,
                        const fuzz::Changes& changes, Target& target) {
  if (first.empty()) return "what? a scenario and a seed, or the file of a tape";
  std::string wrong;
  if (second.empty()) {
    if (scenarios::find_scenario(first) != nullptr) {
      return fmt::format("scenario {} wants a seed behind it", first);
    }
    if (file_exists(first) || looks_like_path(first)) return from_file(first, changes, target);
    scenario_named(first, wrong);
    return fmt::format("there is no tape file \"{}\", and {}", first, wrong);
  }
  if (scenario_named(first, wrong) == nullptr) {
    if (!file_exists(first)) {
      return looks_like_path(first) ? from_file(first, changes, target) : wrong;
    }
    return fmt::format("\"{}\" is one word too many: {} is a file, and a tape has its seed in it",
                       second, first);
  }
  uint64_t seed = 0;
  const bool is_seed = read_seed(second, seed).empty();
  const bool is_file = file_exists(second) || (looks_like_path(second) && second[0] != '@');
  if (is_seed || !is_file) return from_seed(first, second, changes, target);
  wrong = from_file(second, changes, target);
  if (wrong.empty() && target.plan.scenario->name() != first) {
    return fmt::format("{} is a tape of scenario {}, not of {}", second,
                       target.plan.scenario->name(), first);
  }
  return wrong;
}

std::string scenario_of(const std::string& first) {
  if (scenarios::find_scenario(first) != nullptr) return first;
  std::string text;
  sim::Tape tape;
  if (!file_exists(first) || !read_file(first, text).empty()) return {};
  return sim::parse_tape(text, tape) ? std::string() : tape.scenario;
}

std::string other_revision(const Target& target) {
  if (target.file.empty() || target.revision == scenarios::revision()) return {};
  if (target.revision.empty()) {
    return fmt::format("{} does not say at which revision it was recorded, this is {}", target.file,
                       scenarios::revision());
  }
  return fmt::format("{} was recorded at revision {}, this is {}", target.file, target.revision,
                     scenarios::revision());
}

std::string tape_text(const sim::Tape& tape, const std::vector<reports::Need>& needs) {
  return sim::print_tape(tape, [&](const sim::Deviation& deviation) {
    std::string remark;
    for (const reports::Need& need : needs) {
      if (need.deviation == deviation) remark = fmt::format("{}{}", kRemark, need.without);
    }
    return remark;
  });
}

namespace {

std::string from_seed(const std::string& scenario, const std::string& seed_text,
                      const fuzz::Changes& changes, Target& target) {
  uint64_t seed = 0;
  std::string wrong = read_seed(seed_text, seed);
  if (!wrong.empty()) return wrong;
  wrong = fuzz::plan_for(*scenarios::find_scenario(scenario), seed, changes, target.plan);
  target.plan.guarded = true;
  target.revision = scenarios::revision();
  target.command = fmt::format("{} {}{}", scenario, reports::hex64(seed), words_of(changes));
  return wrong;
}

std::string from_file(const std::string& path, const fuzz::Changes& changes, Target& target) {
  std::string text;
  std::string wrong = read_file(path, text);
  if (!wrong.empty()) return wrong;
  sim::Tape tape;
  if (const auto error = sim::parse_tape(text, tape)) {
    return fmt::format("{}:{}: {}", path, error->line, error->text);
  }
  wrong = scenarios::plan_of_tape(tape, target.plan);
  const scenarios::Plan recorded = target.plan;
  if (wrong.empty()) wrong = fuzz::change(changes, target.plan);
  if (!wrong.empty()) return fmt::format("{}: {}", path, wrong);
  target.plan.guarded = true;
  target.file = path;
  target.revision = tape.revision;
  target.command = shell_word(path) + words_of(changes);
  if (asks_the_same(recorded, target.plan)) target.needs = needs_of(text);
  return {};
}

// What became of the run without a deviation is known of this very run only.
bool asks_the_same(const scenarios::Plan& recorded, const scenarios::Plan& changed) {
  return recorded.bugs == changed.bugs && recorded.faults == changed.faults &&
         recorded.oracles == changed.oracles && recorded.sizes.all() == changed.sizes.all();
}

// A remark stands behind the deviation that it is about.
std::vector<reports::Need> needs_of(std::string_view text) {
  const std::string remark = fmt::format("# {}", kRemark);
  std::vector<reports::Need> needs;
  std::string before;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(remark) && before.starts_with("at ")) {
      sim::Tape one;
      const std::string small = "orrery-tape 1\nscenario any\n" + before + "\n";
      if (!sim::parse_tape(small, one) && one.deviations.size() == 1) {
        needs.push_back({one.deviations.front(), line.substr(remark.size())});
      }
    }
    before = line;
  }
  return needs;
}

}  // namespace
}  // namespace orrery::cli
