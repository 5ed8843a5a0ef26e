// SPDX-License-Identifier: Apache-2.0
#include "cli/confirmations.hpp"

#include <fmt/format.h>

#include "cli/files.hpp"
#include "engine/base/check.hpp"
#include "fuzz/last_words.hpp"
#include "reports/words.hpp"

namespace orrery::cli {
namespace {

constexpr size_t kNamesMax = 20;  // different failures that are reproduced and saved
constexpr unsigned kAskedMax = 3;
constexpr size_t kLastWordsShown = 8;

}  // namespace

bool Confirmations::wants(const reports::RunRow& row) const {
  const Confirmed* const known = find(row.signature.view());
  if (known == nullptr) return known_.size() < kNamesMax;
  return !known->reproduced() && known->asked < kAskedMax;
}

std::string Confirmations::ask(const reports::RunRow& row, const std::string& last_words) {
  CHECK(wants(row), "asked about \"{}\" for nothing", row.signature.view());
  Confirmed& one = known_[std::string(row.signature.view())];
  one.row = row;
  ++one.asked;
  one.made =
      confirm(invocation_, *hunted_.scenario, row, hunted_.changes, hunted_.folder, hang_after_ms_);
  const std::string seed = reports::hex64(row.seed);
  std::string wrong;
  if (one.made.outcome == Outcome::harness) {
    wrong = fmt::format("seed {}: {}", seed, one.made.text);
  } else if (one.reproduced() && one.made.tape.empty() && !one.made.died) {
    const std::string& why = one.made.unsaved;
    wrong = fmt::format("no tape of seed {} could be saved{}", seed, why.empty() ? "" : ": " + why);
  }
  if (last_words.empty()) return wrong;
  const std::string unsaved = save_last_words(one, last_words);
  return wrong.empty() ? unsaved : wrong;
}

const Confirmed* Confirmations::find(std::string_view signature) const {
  const auto found = known_.find(signature);
  return found != known_.end() ? &found->second : nullptr;
}

std::string Confirmations::save_last_words(Confirmed& one, const std::string& last_words) const {
  const std::string path = fmt::format("{}/{}-{}.stderr", hunted_.folder, hunted_.scenario->name(),
                                       reports::hex64(one.row.seed));
  std::string failed = write_file(path, last_words);
  if (failed.empty()) one.made.words = path;
  // Of a failure that is not told, the reason why not says more.
  if (one.reproduced()) one.made.text = fuzz::heart_of(last_words, kLastWordsShown);
  return failed;
}

}  // namespace orrery::cli
