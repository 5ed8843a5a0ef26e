// SPDX-License-Identifier: Apache-2.0
#include "fuzz/run_order.hpp"

#include <algorithm>
#include <utility>

namespace orrery::fuzz {

std::optional<Over> RunOrder::take(bool all) {
  if (waiting_.empty()) return std::nullopt;
  const auto first = waiting_.begin();
  if (first->first != next_ && !all) return std::nullopt;
  lose_up_to(first->first);
  next_ = first->first + 1;
  std::optional<Over> over = std::move(first->second);
  waiting_.erase(first);
  return over;
}

void RunOrder::lose_below(uint64_t index) {
  const uint64_t first = waiting_.empty() ? kNoRun : waiting_.begin()->first;
  lose_up_to(std::min(std::exchange(unplayed_, index), first));
}

// A worker that dies leaves behind which run it was in, so there should be none.
void RunOrder::lose_up_to(uint64_t index) {
  if (next_ >= index) return;
  first_lost_ = std::min(first_lost_, next_);
  lost_ += index - next_;
  next_ = index;
}

}  // namespace orrery::fuzz
