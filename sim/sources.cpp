// SPDX-License-Identifier: Apache-2.0
#include "sim/sources.hpp"

#include <algorithm>
#include <tuple>

namespace orrery::sim {
namespace {

constexpr uint64_t kOdds = Temper::kAlways;

auto order_of(const Deviated& d) { return std::tuple(d.key, d.ask, d.occurrence); }

}  // namespace

const char* name_of(Ask ask) {
  constexpr const char* kNames[kAskCount] = {
      "preempt",   "next",     "latency", "transfer", "delivery", "error",
      "shortfall", "allocate", "power",   "wake",     "spurious", "tear",
      "image",     "edge",     "name",    "rot",      "cut",      "directory"};
  return kNames[static_cast<size_t>(ask)];
}

Temper Temper::drawn_from(uint64_t seed) {
  Temper temper;
  uint64_t n = 0;
  const auto draw = [&](uint64_t bound) { return below(mix(seed, 0x7E39E2, ++n), bound); };
  const auto log_uniform = [&](uint64_t low_bits, uint64_t high_bits) {
    const uint64_t low = uint64_t{1} << (low_bits + draw(high_bits - low_bits));
    return low + draw(low);
  };
  const auto odds_of = [&](Ask ask) -> uint32_t& { return temper.odds[static_cast<size_t>(ask)]; };

  // Preempting more finds less: a bug that is held open by I/O wants few, well-placed switches.
  temper.preempt_gap = draw(8) == 0 ? 0 : log_uniform(5, 10);
  odds_of(Ask::next) = static_cast<uint32_t>(draw(4) == 0 ? 0 : log_uniform(10, 15));
  odds_of(Ask::latency) = static_cast<uint32_t>(draw(6) == 0 ? 0 : log_uniform(12, 15));
  temper.tail_max = 2 + draw(9);
  temper.slow_share = static_cast<uint32_t>(16384 + draw(49152));
  odds_of(Ask::transfer) = static_cast<uint32_t>(draw(3) == 0 ? 0 : log_uniform(10, 15));
  odds_of(Ask::delivery) = static_cast<uint32_t>(draw(3) != 0 ? 0 : log_uniform(10, 16));
  odds_of(Ask::error) = static_cast<uint32_t>(draw(2) == 0 ? 0 : log_uniform(8, 13));
  odds_of(Ask::shortfall) = static_cast<uint32_t>(draw(2) == 0 ? 0 : log_uniform(8, 12));
  odds_of(Ask::allocate) = static_cast<uint32_t>(draw(2) == 0 ? 0 : log_uniform(6, 12));
  // All of what power loss may take, none of it, or a random share.
  const uint64_t power = draw(6);
  odds_of(Ask::power) = static_cast<uint32_t>(power < 2 ? kOdds : power == 2 ? 0 : draw(kOdds));
  odds_of(Ask::tear) = static_cast<uint32_t>(draw(2) == 0 ? 0 : draw(kOdds));
  odds_of(Ask::wake) = static_cast<uint32_t>(draw(3) == 0 ? 0 : log_uniform(11, 15));
  odds_of(Ask::spurious) = static_cast<uint32_t>(draw(3) != 0 ? 0 : log_uniform(8, 13));
  // The share of the losses of power that spare nothing, all, or a prefix; at the others each write
  // has its own fate, by the odds above.
  odds_of(Ask::image) = static_cast<uint32_t>(draw(4) == 0 ? 0 : draw(kOdds));
  odds_of(Ask::edge) = static_cast<uint32_t>(draw(2) == 0 ? 0 : draw(kOdds));
  odds_of(Ask::name) = static_cast<uint32_t>(draw(2) == 0 ? 0 : log_uniform(8, 14));
  odds_of(Ask::rot) = static_cast<uint32_t>(draw(2) == 0 ? 0 : log_uniform(11, 16));
  odds_of(Ask::cut) = static_cast<uint32_t>(draw(2) == 0 ? 0 : log_uniform(11, 15));
  odds_of(Ask::directory) = static_cast<uint32_t>(draw(2) == 0 ? 0 : log_uniform(11, 14));
  return temper;
}

uint64_t Seeded::next_preemption(uint64_t actor_key, uint64_t from) {
  if (temper_.preempt_gap == 0) return kNowhere;
  return from + below(mix(seed_, actor_key, from), 2 * temper_.preempt_gap);
}

int Seeded::pick(const Address& at, std::span<const uint64_t> candidates) {
  const uint64_t drawn = mix(seed_, at.key, at.occurrence, static_cast<uint64_t>(at.ask) + 0x100);
  // Where to preempt was drawn by next_preemption().
  if (at.ask != Ask::preempt && drawn % kOdds >= temper_.odds[static_cast<size_t>(at.ask)]) {
    return -1;
  }
  return static_cast<int>(below(scramble(drawn), candidates.size()));
}

uint64_t Seeded::choose(const Address& at, uint64_t bound) {
  const uint64_t drawn = mix(seed_, at.key, at.occurrence, static_cast<uint64_t>(at.ask) + 0x200);
  if (drawn % kOdds >= temper_.odds[static_cast<size_t>(at.ask)]) return 0;
  const uint64_t more = scramble(drawn);
  if (at.ask == Ask::latency) {
    const bool slow = more % kOdds < temper_.slow_share;
    const uint64_t value =
        slow ? 9 + below(scramble(more), temper_.tail_max) : 1 + below(scramble(more), 8);
    return std::min(value, bound - 1);
  }
  if (at.ask == Ask::image) {  // none, all, or a prefix
    const uint64_t way = below(more, 4);
    if (way < 2) return way == 0 ? 1 : bound - 1;
    return 1 + below(scramble(more), bound - 1);
  }
  if (at.ask == Ask::rot) {  // what a file says of itself stands at its beginning
    constexpr uint64_t kHead = 128 * 8;
    const bool head = below(more, 2) == 0;
    return 1 + below(scramble(more), head ? std::min(kHead, bound - 1) : bound - 1);
  }
  return 1 + below(more, bound - 1);
}

Replayed::Replayed(std::span<const Deviated> deviations) : used_(deviations.size(), false) {
  for (size_t i = 0; i < deviations.size(); ++i) entries_.push_back({deviations[i], i});
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return order_of(a.deviated) < order_of(b.deviated);
  });
}

const Replayed::Entry* Replayed::find(const Address& at) const {
  const auto wanted = std::tuple(at.key, at.ask, at.occurrence);
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), wanted,
      [](const Entry& entry, const auto& key) { return order_of(entry.deviated) < key; });
  if (found == entries_.end() || order_of(found->deviated) != wanted) return nullptr;
  return &*found;
}

uint64_t Replayed::next_preemption(uint64_t actor_key, uint64_t from) {
  const auto wanted = std::tuple(actor_key, Ask::preempt, from);
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), wanted,
      [](const Entry& entry, const auto& key) { return order_of(entry.deviated) < key; });
  if (found == entries_.end() || found->deviated.key != actor_key ||
      found->deviated.ask != Ask::preempt) {
    return kNowhere;
  }
  return found->deviated.occurrence;
}

int Replayed::pick(const Address& at, std::span<const uint64_t> candidates) {
  const Entry* const entry = find(at);
  if (entry == nullptr) return -1;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i] != entry->deviated.value) continue;
    used_[entry->index] = true;
    return static_cast<int>(i);
  }
  return -1;  // a task that cannot run means calm
}

uint64_t Replayed::choose(const Address& at, uint64_t bound) {
  const Entry* const entry = find(at);
  if (entry == nullptr || entry->deviated.value >= bound) return 0;
  used_[entry->index] = true;
  return entry->deviated.value;
}

}  // namespace orrery::sim
