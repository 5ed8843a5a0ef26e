// SPDX-License-Identifier: Apache-2.0
// Which failures of a campaign a fresh process has reproduced, by the name that the worker gave
// them.
//
// A fresh process is asked about the first run of a name. If it cannot say (it was killed, it was
// not over in time) or sees something else, that is no answer about the next run of the same name:
// so that one is asked about, too, a few times at most. What was reproduced is not asked again.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "cli/confirm.hpp"
#include "cli/hunt.hpp"

namespace orrery::cli {

/// What is known of one name.
struct Confirmed {
  reports::RunRow row;  // the run that was asked about last
  Confirmation made;    // what came of it
  unsigned asked = 0;   // runs
  bool reproduced() const { return made.outcome == Outcome::reproduced; }
};

class Confirmations {
 public:
  Confirmations(const Invocation& invocation, const Hunted& hunted, int64_t hang_after_ms)
      : invocation_(invocation), hunted_(hunted), hang_after_ms_(hang_after_ms) {}

  /// Whether a fresh process is to be asked about this failing run.
  bool wants(const reports::RunRow& row) const;

  /// Asks it. `last_words` are the worker's, if the run took it along; they are saved beside the
  /// tapes. Returns what went wrong here, empty if nothing did. Requires: wants(row).
  std::string ask(const reports::RunRow& row, const std::string& last_words);

  /// Null: nobody was asked about a failure of that name.
  const Confirmed* find(std::string_view signature) const;

 private:
  std::string save_last_words(Confirmed& one, const std::string& last_words) const;

  const Invocation& invocation_;
  const Hunted& hunted_;
  int64_t hang_after_ms_;
  std::map<std::string, Confirmed, std::less<>> known_;
};

}  // namespace orrery::cli
