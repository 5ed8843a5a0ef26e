// SPDX-License-Identifier: Apache-2.0
#include "engine/store/holes.hpp"

#include <algorithm>

namespace orrery::engine {

bool Holes::add(Hole hole) {
  CHECK(hole.from < hole.until, "a hole [{}, {})", hole.from, hole.until);
  for (size_t place = 0; place < size_; ++place) {
    Hole& other = all_[place];
    CHECK(other.until <= hole.from || hole.until <= other.from, "two holes overlap at {}",
          hole.from);
    if (other.until != hole.from && hole.until != other.from) continue;
    // It may close the gap to the next one as well.
    const Hole joined{std::min(other.from, hole.from), std::max(other.until, hole.until)};
    std::copy(all_.begin() + place + 1, all_.begin() + size_, all_.begin() + place);
    all_[--size_] = {};
    return add(joined);
  }
  if (size_ == kMax) return false;
  size_t place = size_++;
  for (; place > 0 && all_[place - 1].from > hole.from; --place) all_[place] = all_[place - 1];
  all_[place] = hole;
  return true;
}

void Holes::drop_below(LogAddr address) {
  size_t gone = 0;
  while (gone < size_ && all_[gone].until <= address) ++gone;
  std::copy(all_.begin() + gone, all_.begin() + size_, all_.begin());
  while (gone-- > 0) all_[--size_] = {};
}

void Holes::drop_above(LogAddr address) {
  while (size_ > 0 && all_[size_ - 1].from >= address) all_[--size_] = {};
  if (size_ > 0) all_[size_ - 1].until = std::min(all_[size_ - 1].until, address);
}

const Hole* Holes::first_in(LogAddr from, LogAddr until) const {
  for (size_t place = 0; place < size_; ++place) {
    const Hole& hole = all_[place];
    if (hole.from < until && from < hole.until) return &hole;
  }
  return nullptr;
}

}  // namespace orrery::engine
