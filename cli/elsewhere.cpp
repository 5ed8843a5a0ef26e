// SPDX-License-Identifier: Apache-2.0
#include "cli/elsewhere.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/plan_options.hpp"
#include "engine/base/check.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

using Json = nlohmann::ordered_json;
using reports::RunRow;

// A longer trace of every point is more than a pipe should carry.
constexpr uint64_t kStepsMax = 200'000;
// Two processes may have their program at addresses that make no difference.
constexpr int kTriesMax = 4;

std::string differences(const RunRow& row, const Json& seen);
std::string first_difference(const std::string& one, const std::string& other);

}  // namespace

Confirmation play_elsewhere(const Invocation& invocation, const scenarios::Scenario& scenario,
                            RunRow& row, const fuzz::Changes& changes, int64_t hang_after_ms) {
  CHECK(row.verdict != scenarios::Verdict::failed, "after a broken promise nothing is promised");
  std::vector<std::string> words = replay_of(scenario, row, changes, hang_after_ms);
  words.insert(words.end(), {"--json"});
  const int64_t patience_ms = patience_of(hang_after_ms);
  const Output fresh = output_of(invocation.program, words, patience_ms);
  const Json seen = Json::parse(first_line(fresh.out), nullptr, false);
  const int code = code_of_answer(fresh);
  if (fresh.overdue || code < 0 || code == kHarness || !seen.is_object()) {
    return without_answer(row, fresh);
  }
  Confirmation result;
  if (becomes_failure(fresh, row)) {
    result.outcome = Outcome::reproduced;
    return result;
  }
  result.digest = seen.value("digest", "");
  result.text = differences(row, seen);
  if (result.text.empty() && code == kNondeterminism) {
    result.outcome = Outcome::differs;
    result.differs_alone = true;
    result.text = "in a process of its own the replay of its own tape differs\n" + fresh.err;
    return result;
  }
  result.outcome = result.text.empty() ? Outcome::reproduced : Outcome::differs;
  if (result.text.empty() || row.steps > kStepsMax) return result;

  words = replay_of(scenario, row, changes, hang_after_ms);
  words.insert(words.end(), {"--trace", "--until", std::to_string(row.steps)});
  const Output one = output_of(invocation.program, words, patience_ms);
  std::string where;
  for (int i = 0; i < kTriesMax && where.empty(); ++i) {
    where = first_difference(one.out, output_of(invocation.program, words, patience_ms).out);
  }
  result.text += "\n" + where;
  return result;
}

namespace {

std::string differences(const RunRow& row, const Json& seen) {
  const std::string verdict = seen.value("verdict", "");
  const std::string digest = seen.value("digest", "");
  if (verdict != scenarios::name_of(row.verdict)) {
    return fmt::format("{} in a worker, {} in a process of its own",
                       scenarios::name_of(row.verdict), verdict);
  }
  if (digest == reports::hex64(row.digest)) return {};
  return fmt::format("digest {} in a worker, {} in a process of its own",
                     reports::hex64(row.digest), digest);
}

// Of two traces with every point in them: a point's line has the digest of all before it.
std::string first_difference(const std::string& one, const std::string& other) {
  std::istringstream one_lines(one);
  std::istringstream other_lines(other);
  std::string before;
  std::string first;
  std::string second;
  for (uint64_t agreed = 0;; ++agreed) {
    std::getline(one_lines, first);
    std::getline(other_lines, second);
    if (!one_lines && !other_lines) return {};
    if (first != second) {
      return fmt::format(
          "  two processes agree for {} of the trace, then\n  {:<12}  {}\n  {:<12}  {}\n"
          "  {:<12}  {}\n"
          "  where the program itself lies differs: something depends on the address of a function "
          "or a constant\n",
          reports::counted(agreed, "line"), "one", one_lines ? first : "has ended", "another",
          other_lines ? second : "has ended", "before that", before);
    }
    before = first;
  }
}

}  // namespace
}  // namespace orrery::cli
