// SPDX-License-Identifier: Apache-2.0
// Ranges of a log that could not be written and were given up: what a tolerant log lives on with.
//
// They are disjoint, in order of address, and begin and end where entries do. There is room for a
// few; a log that loses more than that has failed.
#pragma once

#include <array>
#include <cstddef>

#include "engine/store/address.hpp"

namespace orrery::engine {

struct Hole {
  LogAddr from = 0;
  LogAddr until = 0;
  friend bool operator==(const Hole&, const Hole&) = default;
};

class Holes {
 public:
  static constexpr size_t kMax = 16;

  /// Two that touch become one. False if there is no room left.
  bool add(Hole hole);
  /// Forgets what lies wholly below.
  void drop_below(LogAddr address);
  /// Forgets what lies at or above the address: the end of the log.
  void drop_above(LogAddr address);

  /// The lowest hole that has a byte in [from, until); null if there is none.
  const Hole* first_in(LogAddr from, LogAddr until) const;

  size_t size() const { return size_; }
  const Hole& operator[](size_t place) const { return all_[place]; }
  friend bool operator==(const Holes&, const Holes&) = default;

 private:
  std::array<Hole, kMax> all_{};
  size_t size_ = 0;
};

}  // namespace orrery::engine
