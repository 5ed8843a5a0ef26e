// SPDX-License-Identifier: Apache-2.0
// A campaign as JUnit XML, the form that CI services read.
//
// One test case a *property* (an oracle, the determinism of the runs, the soundness of the
// harness), never one a seed: a million seeds are no million test cases. What is written fits the
// strictest readers: only elements and attributes that Jenkins' xUnit schema knows, times with
// three decimals, everything that matters in the *text* of a failure because GitLab shows nothing
// else, and no character that XML forbids.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::reports {

enum class JunitOutcome {
  passed,
  failed,   // a promise was broken
  skipped,  // nobody knows: it was not judged, or not in all runs
  error,    // the harness is at fault
};

struct JunitCase {
  std::string name;
  JunitOutcome outcome = JunitOutcome::passed;
  std::string message;     // one line
  std::string text;        // the replay command first
  std::string attachment;  // a file; empty: none
};

struct JunitSuite {
  std::string name;
  double seconds = 0;
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<JunitCase> cases;
};

/// The whole document. The time of the suite is shared out evenly among its cases, which have none
/// of their own.
std::string junit_xml(const JunitSuite& suite);

/// Text for XML: what XML cannot hold becomes U+FFFD. In an attribute, blanks of other kinds than
/// the space are kept by their number.
std::string xml_escaped(std::string_view text, bool attribute);

}  // namespace orrery::reports
