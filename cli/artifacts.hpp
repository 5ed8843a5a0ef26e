// SPDX-License-Identifier: Apache-2.0
// Artifacts of fuzz targets: inputs at which a target died. Each is looked at in fresh processes
// before a word is said about it, and counts under the signature that they give.
//
// An artifact of a target that plays runs becomes a tape: the input is played by this binary, which
// has the bytes source as well, and the deviations that the run took are saved. What only the
// target's own process sees (a sanitizer) is found by running the target on that one input.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/confirm.hpp"
#include "cli/known_failures.hpp"
#include "cli/verb.hpp"
#include "fuzz/catalogue.hpp"
#include "fuzz/changes.hpp"
#include "fuzz/interrupts.hpp"

namespace orrery::cli {

struct ArtifactOrder {
  const fuzz::TargetRow* target = nullptr;
  const scenarios::Scenario* scenario = nullptr;  // of a target that plays runs
  fuzz::Changes changes;
  std::string fuzzer;         // the target's binary
  std::string folder;         // where tapes go
  int64_t hang_after_ms = 0;  // how long a run may take; standing still, half of it
  const fuzz::Interrupts* interrupts = nullptr;
};

/// One failure, however many artifacts showed it.
struct ArtifactFinding {
  std::string signature;  // as the guarded replay gives it
  std::string artifact;   // the first one
  std::string tape;       // perhaps from before; empty if the run takes its process along, and for
                          // parsers
  uint64_t count = 1;
};

class Artifacts {
 public:
  /// `saved` learns of each failure that is kept as a tape.
  Artifacts(const Invocation& invocation, const ArtifactOrder& order, KnownFailures& saved)
      : invocation_(invocation), order_(order), saved_(saved) {}

  /// Looks at one more, unless Ctrl-C has come, or comes meanwhile.
  void add(const std::string& artifact);

  const std::vector<ArtifactFinding>& findings() const { return findings_; }
  /// The signatures by which a target knows what it need not stop for any more, beside those that
  /// are saved: a failure may be known and without a tape.
  const std::vector<std::string>& known() const { return known_; }
  /// What could not be reproduced, one line each.
  const std::vector<std::string>& differing() const { return differing_; }
  /// What went wrong here.
  const std::vector<std::string>& trouble() const { return trouble_; }
  /// The artifacts that nobody has looked at, because of Ctrl-C.
  const std::vector<std::string>& unseen() const { return unseen_; }

 private:
  void add_run(const std::string& artifact);
  void add_tape(const std::string& artifact, const std::string& tape, const Output& converted);
  Output ask(std::vector<std::string> words, const fuzz::Changes& changes) const;
  void add_death(const std::string& artifact);
  /// Returns the one tape that is kept of it.
  std::string count(const std::string& signature, const std::string& artifact,
                    const std::string& tape);

  const Invocation& invocation_;
  const ArtifactOrder& order_;
  KnownFailures& saved_;
  std::vector<ArtifactFinding> findings_;
  std::vector<std::string> known_;
  std::vector<std::string> differing_;
  std::vector<std::string> trouble_;
  std::vector<std::string> unseen_;
};

/// Plays an input and saves the tape of its run, if `tape` is not empty. A run that stands still
/// for half of `hang_after_ms` is ended. Returns the exit code.
int convert(const Invocation& invocation, const scenarios::Scenario& scenario,
            const fuzz::Changes& changes, const std::string& input, const std::string& tape,
            int64_t hang_after_ms);

}  // namespace orrery::cli
