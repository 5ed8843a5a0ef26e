// SPDX-License-Identifier: Apache-2.0
#include "sim/labels.hpp"

namespace orrery::sim {

const char* Labels::intern(std::string_view text) {
  for (const auto& known : texts_) {
    if (*known == text) return known->c_str();
  }
  texts_.push_back(std::make_unique<std::string>(text));
  return texts_.back()->c_str();
}

uint32_t Labels::count(uint64_t key) {
  if (used_ * 2 >= counts_.size()) grow();
  for (size_t at = key % counts_.size();; at = (at + 1) % counts_.size()) {
    Counted& slot = counts_[at];
    if (slot.run != run_) {
      slot = {key, run_, 1};
      ++used_;
      return 0;
    }
    if (slot.key == key) return slot.count++;
  }
}

void Labels::grow() {
  std::vector<Counted> before(counts_.size() * 2);
  before.swap(counts_);
  for (const Counted& old : before) {
    if (old.run != run_) continue;
    size_t at = old.key % counts_.size();
    while (counts_[at].run == run_) at = (at + 1) % counts_.size();
    counts_[at] = old;
  }
}

}  // namespace orrery::sim
