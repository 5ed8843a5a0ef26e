// SPDX-License-Identifier: Apache-2.0
#include "engine/store/session_points.hpp"

#include <algorithm>

namespace orrery::engine {

KnownSession* SessionPoints::find(uint64_t id) {
  const auto known = all();
  const auto place = std::find_if(known.begin(), known.end(),
                                  [&](const KnownSession& one) { return one.id == id; });
  return place == known.end() ? nullptr : &*place;
}

Result<KnownSession*> SessionPoints::find_or_add(uint64_t id) {
  if (KnownSession* const known = find(id)) return known;
  if (count_ == known_.size()) {
    const size_t larger = std::max<size_t>(8, 2 * known_.size());
    TRY_ASSIGN(auto grown, Array<KnownSession>::make(memory_, larger, "sessions"));
    std::copy(known_.begin(), known_.end(), grown.begin());
    known_ = std::move(grown);
  }
  known_[count_] = {};
  known_[count_].id = id;
  return &known_[count_++];
}

void SessionPoints::forget(uint64_t id) {
  KnownSession* const known = find(id);
  CHECK(known != nullptr && known->open == nullptr, "session {} cannot be forgotten", id);
  std::copy(known + 1, known_.data() + count_, known);
  --count_;
}

}  // namespace orrery::engine
