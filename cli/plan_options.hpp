// SPDX-License-Identifier: Apache-2.0
// The options that change what is run: bugs, faults, sizes, oracles. The same for every verb that
// runs something, and printed back in every replay command.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"
#include "fuzz/changes.hpp"

namespace orrery::cli {

class PlanOptions {
 public:
  void add_to(Options& options);

  /// What they ask for. Returns what is wrong in one line; names are checked, with the nearest one.
  /// Examples are taken from the scenario, if that is the name of one.
  std::string changes(fuzz::Changes& changes, std::string_view scenario) const;

  /// The name of an option that was given, for who can do nothing with any; empty if none was.
  std::string_view first_given() const;

 private:
  std::vector<std::string> bugs_;
  std::vector<std::string> faults_;
  bool no_faults_ = false;
  std::vector<std::string> sizes_;
  std::optional<std::string> oracles_;
};

/// The same changes as words of a command line, each with a blank before it.
std::string words_of(const fuzz::Changes& changes);
std::vector<std::string> arguments_of(const fuzz::Changes& changes);
/// Of these only the oracles, for a tape: it holds everything else.
std::string oracles_of(const std::vector<std::string>& oracles);

/// After what time a run of it is taken for hung, in milliseconds, unless --hang-after says so.
int64_t hang_after_of(const scenarios::Scenario& scenario);

/// The scenario of that name, or a message with the nearest one in `wrong`.
const scenarios::Scenario* scenario_named(std::string_view name, std::string& wrong);

}  // namespace orrery::cli
