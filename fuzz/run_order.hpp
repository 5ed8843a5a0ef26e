// SPDX-License-Identifier: Apache-2.0
// Runs that are over, in the order of their index: workers end them in any order.
//
// What is missing in between is not known to be lost before it is known that nobody plays it and
// that nothing of it is under way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "fuzz/worker.hpp"
#include "reports/run_row.hpp"

namespace orrery::fuzz {

/// A run that is over, until those before it are: a row, or nothing for a defect.
struct Over {
  std::optional<reports::RunRow> row;
  std::string last_words;
};

class RunOrder {
 public:
  explicit RunOrder(uint64_t first) : next_(first) {}

  /// The run that is to be taken next.
  uint64_t next() const { return next_; }
  bool is_over(uint64_t index) const { return index < next_ || waiting_.contains(index); }

  /// The run is over. Requires: !is_over(index), or it is still waiting.
  Over& add(uint64_t index) { return waiting_[index]; }

  /// The next run, if it is over. `all`: nothing more will come, so what is missing is lost.
  std::optional<Over> take(bool all);

  /// Nobody plays a run below this index. Those are lost of which nothing has come at the next
  /// call: before that, whatever was sent is to be added.
  void lose_below(uint64_t index);

  /// Runs below this index of which nothing has come are lost.
  void lose_up_to(uint64_t index);
  uint64_t lost() const { return lost_; }
  uint64_t first_lost() const { return first_lost_; }  // kNoRun: none is

 private:
  std::map<uint64_t, Over> waiting_;  // by index
  uint64_t next_;
  uint64_t unplayed_ = 0;         // nobody played a run below this index when it was last asked
  uint64_t lost_ = 0;             // runs that were claimed, and of which nothing is known
  uint64_t first_lost_ = kNoRun;  // of these
};

}  // namespace orrery::fuzz
