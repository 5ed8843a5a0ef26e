// SPDX-License-Identifier: Apache-2.0
#include "fuzz/schedule_mutator.hpp"

#include <algorithm>

#include "engine/base/check.hpp"
#include "fuzz/schedule.hpp"

namespace orrery::fuzz {
namespace {

using sim::Ask;
using sim::Selection;

using Draw = scenarios::Draw;

struct Weighted {
  Ask ask;
  uint64_t weight;
};
// Late and early requests first: what they hold open is what a switch then falls into. Faults end
// most plays early, so there are few of them.
constexpr Weighted kAsks[] = {
    {Ask::latency, 16},  {Ask::preempt, 10}, {Ask::next, 4},
    {Ask::transfer, 4},  {Ask::delivery, 2}, {Ask::error, 1},
    {Ask::shortfall, 1}, {Ask::allocate, 1}, {Ask::name, 1},
};

uint64_t pick(Draw& draw, uint64_t count);
Selection drawn(Draw& draw);
void change(ScheduleInput& input, Draw& draw);
void move(Selection& selection, Draw& draw);
void repeat(ScheduleInput& input, Draw& draw);
void change_head(ScheduleInput& input, Draw& draw);
std::vector<uint8_t> cut(ScheduleInput& input, size_t size_max, Draw& draw);

}  // namespace

std::vector<uint8_t> mutated(std::span<const uint8_t> bytes, size_t size_max, uint64_t seed) {
  ScheduleInput input = ScheduleInput::read(bytes);
  Draw draw(seed, 0x3175);
  const uint64_t changes = uint64_t{1} << pick(draw, 3);
  for (uint64_t i = 0; i < changes; ++i) change(input, draw);
  return cut(input, size_max, draw);
}

std::vector<uint8_t> crossed(std::span<const uint8_t> one, std::span<const uint8_t> other,
                             size_t size_max, uint64_t seed) {
  ScheduleInput input = ScheduleInput::read(one);
  ScheduleInput more = ScheduleInput::read(other);
  Draw draw(seed, 0xC2055);
  std::vector<Selection> kept;
  for (auto* const selections : {&input.selections, &more.selections}) {
    for (const Selection& selection : *selections) {
      if (draw.odds(2, 3)) kept.push_back(selection);
    }
  }
  input.selections = std::move(kept);
  return cut(input, size_max, draw);
}

namespace {

uint64_t pick(Draw& draw, uint64_t count) { return sim::below(draw.word(), count); }

Selection drawn(Draw& draw) {
  uint64_t all = 0;
  for (const Weighted& one : kAsks) all += one.weight;
  uint64_t left = pick(draw, all);
  Selection selection;
  for (const Weighted& one : kAsks) {
    if (left < one.weight) {
      selection.ask = static_cast<uint8_t>(one.ask);
      break;
    }
    left -= one.weight;
  }
  // Now and then any kind at all, those too that the table has no opinion of.
  if (draw.odds(1, 16)) selection.ask = static_cast<uint8_t>(pick(draw, sim::kAskCount));
  selection.value = static_cast<uint8_t>(draw.word());
  selection.place = static_cast<uint32_t>(draw.word());
  return selection;
}

void change(ScheduleInput& input, Draw& draw) {
  auto& all = input.selections;
  const uint64_t what = pick(draw, 16);
  if (what == 0) return change_head(input, draw);
  if (all.empty() || what <= 5) {
    all.push_back(drawn(draw));
    return;
  }
  const size_t index = pick(draw, all.size());
  if (what <= 7) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
  } else if (what <= 10) {
    move(all[index], draw);
  } else if (what <= 12) {
    all[index].value = static_cast<uint8_t>(
        draw.odds(1, 2) ? draw.word()
                        : all[index].value + static_cast<uint64_t>(1 - 2 * draw.between(0, 1)));
  } else if (what == 13) {
    all[index] = drawn(draw);
  } else {
    repeat(input, draw);
  }
}

// To a neighbour, or a few of them on.
void move(Selection& selection, Draw& draw) {
  const auto by = static_cast<uint32_t>(draw.log_uniform(0, 8));
  if (draw.odds(1, 2)) {
    selection.place += by;
  } else {
    selection.place -= by;
  }
}

// The same answer a few places on: several late requests in a row.
void repeat(ScheduleInput& input, Draw& draw) {
  Selection more = input.selections[pick(draw, input.selections.size())];
  const uint64_t count = 1 + pick(draw, 4);
  const auto stride = static_cast<uint32_t>(1 + pick(draw, 2));
  for (uint64_t i = 0; i < count; ++i) {
    more.place += stride;
    input.selections.push_back(more);
  }
}

void change_head(ScheduleInput& input, Draw& draw) {
  if (draw.odds(1, 2)) {
    input.effort = static_cast<uint8_t>(pick(draw, kEfforts));
  } else {
    input.seed = draw.word();
  }
}

// Any selection may have to go, or a full input would never change again.
std::vector<uint8_t> cut(ScheduleInput& input, size_t size_max, Draw& draw) {
  CHECK(size_max >= ScheduleInput::kHeadSize, "an input of {} bytes has no head", size_max);
  const size_t room = (size_max - ScheduleInput::kHeadSize) / Selection::kSize;
  const size_t most = std::min(room, sim::kSelectionsMax);
  auto& all = input.selections;
  while (all.size() > most) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(pick(draw, all.size())));
  }
  return input.bytes();
}

}  // namespace
}  // namespace orrery::fuzz
