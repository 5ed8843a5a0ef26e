// SPDX-License-Identifier: Apache-2.0
#include "sim/from_bytes.hpp"

#include <algorithm>
#include <tuple>

namespace orrery::sim {

std::vector<Selection> selections_of(std::span<const uint8_t> bytes) {
  std::vector<Selection> selections;
  while (bytes.size() >= Selection::kSize && selections.size() < kSelectionsMax) {
    Selection one{bytes[0], bytes[1], 0};
    for (size_t i = 0; i < 4; ++i) one.place |= uint32_t{bytes[2 + i]} << (8 * i);
    selections.push_back(one);
    bytes = bytes.subspan(Selection::kSize);
  }
  return selections;
}

void append(const Selection& selection, std::vector<uint8_t>& bytes) {
  bytes.push_back(selection.ask);
  bytes.push_back(selection.value);
  for (size_t i = 0; i < 4; ++i) {
    bytes.push_back(static_cast<uint8_t>(selection.place >> (8 * i)));
  }
}

FromBytes::FromBytes(const Places& places, std::span<const Selection> selections) {
  entries_.reserve(selections.size());
  for (const Selection& one : selections) {
    const Ask ask = static_cast<Ask>(one.ask % kAskCount);
    const std::vector<Place>& all = places[ask];
    if (all.empty()) continue;  // the calm run asked nothing of the kind
    const bool is_point = ask == Ask::preempt;
    const uint64_t index = is_point ? one.place / Places::kStretch : one.place;
    const Place& place = all[index % all.size()];
    const uint64_t within = is_point ? one.place % Places::kStretch : 0;
    const Entry entry{place.key, ask, place.occurrence + within, one.value};
    if (find({entry.key, ask, entry.occurrence, {}}) != nullptr) continue;  // the first one counts
    entries_.insert(from(entry.key, ask, entry.occurrence), entry);
  }
}

FromBytes::Entries::const_iterator FromBytes::from(uint64_t key, Ask ask,
                                                   uint64_t occurrence) const {
  return std::lower_bound(entries_.begin(), entries_.end(), std::tuple(key, ask, occurrence),
                          [](const Entry& entry, const auto& wanted) {
                            return std::tuple(entry.key, entry.ask, entry.occurrence) < wanted;
                          });
}

const FromBytes::Entry* FromBytes::find(const Address& at) const {
  const auto found = from(at.key, at.ask, at.occurrence);
  const bool there = found != entries_.end() && found->key == at.key && found->ask == at.ask &&
                     found->occurrence == at.occurrence;
  return there ? &*found : nullptr;
}

uint64_t FromBytes::next_preemption(uint64_t actor_key, uint64_t point) {
  const auto found = from(actor_key, Ask::preempt, point);
  const bool there =
      found != entries_.end() && found->key == actor_key && found->ask == Ask::preempt;
  return there ? found->occurrence : kNowhere;
}

int FromBytes::pick(const Address& at, std::span<const uint64_t> candidates) {
  const Entry* const entry = find(at);
  return entry == nullptr ? -1 : static_cast<int>(entry->value % candidates.size());
}

uint64_t FromBytes::choose(const Address& at, uint64_t bound) {
  const Entry* const entry = find(at);
  return entry == nullptr ? 0 : 1 + entry->value % (bound - 1);
}

}  // namespace orrery::sim
