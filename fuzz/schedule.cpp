// SPDX-License-Identifier: Apache-2.0
#include "fuzz/schedule.hpp"

#include <algorithm>

#include "engine/base/check.hpp"

namespace orrery::fuzz {
namespace {

// A survey takes some kilobytes; a corpus has a few hundred heads at most.
constexpr size_t kSurveysMax = 512;

// The longest a nominal request may take. A run of an input is short, and what a device holds takes
// thousands of times as long: while it does, somebody may spin.
constexpr int64_t kIoPointsMax = 128;

}  // namespace

ScheduleInput ScheduleInput::read(std::span<const uint8_t> bytes) {
  ScheduleInput input;
  const size_t head = std::min(bytes.size(), kHeadSize);
  for (size_t i = 0; i < head; ++i) {
    if (i < 8) {
      input.seed |= uint64_t{bytes[i]} << (8 * i);
    } else {
      input.effort = bytes[i];
    }
  }
  input.selections = sim::selections_of(bytes.subspan(head));
  return input;
}

std::vector<uint8_t> ScheduleInput::bytes() const {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < 8; ++i) bytes.push_back(static_cast<uint8_t>(seed >> (8 * i)));
  bytes.push_back(effort);
  for (const sim::Selection& one : selections) sim::append(one, bytes);
  return bytes;
}

int64_t operations_of(uint8_t effort) {
  constexpr int64_t kOperations[kEfforts] = {48, 96, 192, 384};
  return kOperations[effort % kEfforts];
}

SchedulePlayer::SchedulePlayer(const scenarios::Scenario& scenario, Changes changes)
    : scenario_(scenario), changes_(std::move(changes)) {
  scenarios::Plan plan;
  wrong_ = plan_for(scenario_, 0, changes_, plan);
}

SchedulePlayer::~SchedulePlayer() = default;

scenarios::Plan SchedulePlayer::plan_of(const ScheduleInput& input) const {
  scenarios::Plan plan;
  // Sizes that were given may not go together with any that this seed draws. Those of seed 0 do.
  if (!plan_for(scenario_, input.seed, changes_, plan).empty()) {
    const std::string wrong = plan_for(scenario_, 0, changes_, plan);
    CHECK(wrong.empty(), "an input was played though {}", wrong);
  }
  plan.seed.reset();  // nothing of the run can be had from the seed alone
  const int64_t sessions = std::max<int64_t>(1, plan.sizes.find("sessions").value_or(1));
  bound("operations", std::max<int64_t>(1, operations_of(input.effort) / sessions), plan);
  bound("io_points", kIoPointsMax, plan);
  return plan;
}

// A size that a scenario has not got, or that was given, stays.
void SchedulePlayer::bound(std::string_view name, int64_t most, scenarios::Plan& plan) const {
  const bool given = std::any_of(changes_.sizes.begin(), changes_.sizes.end(),
                                 [&](const sim::Size& size) { return size.name == name; });
  const auto value = plan.sizes.find(name);
  if (value && !given) plan.sizes.set(name, std::min(*value, most));
}

const SchedulePlayer::Surveyed& SchedulePlayer::survey(const ScheduleInput& input) {
  const Head head{input.seed, input.effort % kEfforts};
  const auto known = surveyed_.find(head);
  if (known != surveyed_.end()) return known->second;
  if (surveyed_.size() >= kSurveysMax) surveyed_.clear();
  Surveyed& made = surveyed_[head];
  made.plan = plan_of(input);
  sim::Survey source;
  runner_.play(made.plan, source);
  made.places = source.places();
  return made;
}

const scenarios::Run& SchedulePlayer::play(std::span<const uint8_t> bytes) {
  CHECK(wrong_.empty(), "an input was played though {}", wrong_);
  const ScheduleInput input = ScheduleInput::read(bytes);
  const Surveyed& known = survey(input);
  sim::FromBytes source(known.places, input.selections);
  return runner_.play(known.plan, source);
}

}  // namespace orrery::fuzz
