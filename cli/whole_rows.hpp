// SPDX-License-Identifier: Apache-2.0
// Rows of results on their way to the standard output, where nobody shall find half of one.
//
// Rows go in with the run that they tell of, and out in as few writes as can be. When the system
// takes no more (a full disk, a limit), a regular file is cut back to the end of the last row that
// is whole, and nothing more is written: what follows a gap is no result. Then it is known which
// run is the first whose rows are missing.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "fuzz/worker.hpp"

namespace orrery::cli {

class WholeRows {
 public:
  /// `out` writes to the standard output as well, and is bad once nothing more can be written.
  explicit WholeRows(std::ostream& out) : out_(out) {}

  /// All lines of one run, each with its end; of kNoRun: of no run, at the end of all.
  void add(uint64_t run, const std::string& lines);
  void flush();
  bool is_empty() const { return text_.empty(); }

  /// Why nothing more can be written; empty: it can.
  const std::string& wrong() const { return wrong_; }
  /// The first run whose rows are missing; kNoRun: there is none.
  uint64_t first_missing() const { return first_missing_; }

 private:
  struct Row {
    uint64_t run;
    size_t end;  // in the text
  };
  size_t write_all();
  void give_up(size_t written);

  std::ostream& out_;
  std::string text_;       // until it is written
  std::vector<Row> rows_;  // of the text
  std::string wrong_;
  uint64_t first_missing_ = fuzz::kNoRun;
};

}  // namespace orrery::cli
