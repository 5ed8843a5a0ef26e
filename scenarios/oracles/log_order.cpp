// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/log_order.hpp"

#include <algorithm>

namespace orrery::scenarios {
namespace {

bool has_changed(const Operation& operation);
uint64_t behind(const std::vector<Placed>& counted, const Operation& doubtful);

}  // namespace

bool changes(const Operation& operation) { return operation.kind != OpKind::read; }

bool is_logged_until(const Operation& operation, int64_t end) {
  const bool logged = operation.outcome == Outcome::ok && operation.log_end != 0;
  return logged && operation.log_end <= end;
}

std::optional<size_t> find_unlogged(std::span<const Operation> all) {
  const auto found = std::find_if(all.begin(), all.end(), [](const Operation& one) {
    return has_changed(one) && one.log_end == 0;
  });
  if (found == all.end()) return std::nullopt;
  return static_cast<size_t>(found - all.begin());
}

std::optional<Misplaced> find_misplaced(std::span<const Operation> all) {
  std::vector<size_t> begun;
  for (size_t i = 0; i < all.size(); ++i) {
    if (has_changed(all[i])) begun.push_back(i);
  }
  std::vector<size_t> ended = begun;
  std::sort(begun.begin(), begun.end(),
            [&](size_t a, size_t b) { return all[a].invoked < all[b].invoked; });
  std::sort(ended.begin(), ended.end(),
            [&](size_t a, size_t b) { return all[a].returned < all[b].returned; });
  size_t past = 0;
  size_t last = SIZE_MAX;  // that ended before, with the highest entry, of the same life
  for (const size_t i : begun) {
    for (; past < ended.size() && before(all[ended[past]], all[i]); ++past) {
      const size_t one = ended[past];
      const bool higher = last == SIZE_MAX || all[last].life != all[one].life ||
                          all[last].log_end < all[one].log_end;
      if (higher) last = one;
    }
    if (last == SIZE_MAX || all[last].life != all[i].life) continue;
    if (all[last].log_end >= all[i].log_end) return Misplaced{last, i};
  }
  return std::nullopt;
}

std::vector<Placed> place_by_log(std::span<const Operation> all, const Logged& logged,
                                 std::span<const Found> begin, uint64_t version) {
  std::vector<Placed> placed;
  for (const size_t i : logged.counted) placed.push_back({i, all[i]});
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return a.operation.log_end < b.operation.log_end;
  });
  const std::vector<Placed> in_order = placed;
  for (size_t i = 0; i < placed.size(); ++i) {
    placed[i].operation.invoked = placed[i].operation.returned = 2 * (i + 1);
    placed[i].operation.version = version;
  }
  for (const size_t i : logged.doubtful) {
    placed.push_back({i, all[i]});
    placed.back().operation.invoked = behind(in_order, all[i]);
  }
  for (const Found& found : begin) {
    if (const auto write = write_of(found, version)) placed.push_back({SIZE_MAX, *write});
  }
  return placed;
}

std::optional<Operation> write_of(const Found& found, uint64_t version) {
  if (!found.present) return std::nullopt;
  Operation write;
  write.kind = OpKind::upsert;
  write.outcome = Outcome::ok;
  write.key = found.key;
  write.argument = found.value;
  write.version = version;
  write.returned = 0;
  return write;
}

namespace {

bool has_changed(const Operation& operation) {
  return changes(operation) && operation.outcome == Outcome::ok;
}

// The first place that it may have: behind all that had ended before it began.
uint64_t behind(const std::vector<Placed>& counted, const Operation& doubtful) {
  uint64_t place = 1;
  for (size_t i = 0; i < counted.size(); ++i) {
    const Operation& operation = counted[i].operation;
    const bool earlier = operation.life < doubtful.life || before(operation, doubtful);
    if (operation.key == doubtful.key && earlier) place = 2 * (i + 1) + 1;
  }
  return place;
}

}  // namespace
}  // namespace orrery::scenarios
