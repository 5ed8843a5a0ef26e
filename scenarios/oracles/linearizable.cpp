// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/linearizable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "engine/base/check.hpp"
#include "scenarios/oracles/linearizer.hpp"
#include "scenarios/oracles/register.hpp"

namespace orrery::scenarios {
namespace {

// Enough to keep the order that is right, where one must guess, in most of the worst histories.
constexpr size_t kHurriedWidth = 64;

// Numbers keys in the order of their first appearance.
class KeyTable {
 public:
  void clear();
  uint32_t id_of(uint64_t key);
  std::span<const uint64_t> keys() const { return keys_; }

 private:
  struct Place {
    uint64_t key;
    uint32_t id;
    uint32_t round;  // the place is empty unless this is the current round
  };

  void grow();
  Place& place_of(uint64_t key);

  std::vector<Place> places_;
  std::vector<uint64_t> keys_;
  uint32_t round_ = 0;
};

struct Group {
  uint32_t begin = 0;  // in Scratch::calls
  uint32_t count = 0;
  const Found* found = nullptr;
};

bool takes_part(const Operation& operation, const Cut* cut);
Call call_of(const Operation& operation, uint32_t index, const Cut* cut);
Call final_call(std::span<const Call> calls, const Cut& cut);
std::string what_happened(const Operation& operation);
std::string what_was_found(const Found& found, const Cut& cut);

}  // namespace

struct LinearizabilityChecker::Scratch {
  KeyTable keys;
  std::vector<uint32_t> ids;  // of the key of each operation
  std::vector<Group> groups;  // by id
  std::vector<Call> calls;    // group by group
  std::vector<Call> hurried;  // one group with hints
  Register model;
  Linearizer<Register> linearizer;

  void group(std::span<const Operation> operations, const Cut* cut, std::span<const Found> found);
  Linearizer<Register>::Result judge_one(std::span<const Call> own, uint64_t& budget);
  LinearizabilityReport judge_all(std::span<const Operation> operations, uint64_t budget);
  std::string describe(uint64_t key, uint32_t operation, std::vector<uint64_t>& allowed) const;
};

LinearizabilityChecker::LinearizabilityChecker(uint64_t budget)
    : budget_(budget), scratch_(std::make_unique<Scratch>()) {}

LinearizabilityChecker::~LinearizabilityChecker() = default;

LinearizabilityReport LinearizabilityChecker::check(std::span<const Operation> operations,
                                                    const Eviction& eviction) {
  scratch_->model.eviction = eviction;
  scratch_->group(operations, nullptr, {});
  return scratch_->judge_all(operations, budget_);
}

LinearizabilityReport LinearizabilityChecker::check_final(std::span<const Operation> operations,
                                                          const Eviction& eviction, const Cut& cut,
                                                          std::span<const Found> found) {
  scratch_->model.eviction = eviction;
  scratch_->group(operations, &cut, found);
  return scratch_->judge_all(operations, budget_);
}

bool LinearizabilityChecker::allowed_final(std::span<const Operation> operations,
                                           const Eviction& eviction, const Cut& cut,
                                           const Found& found) {
  const auto report = check_final(operations, eviction, cut, {&found, 1});
  return report.verdict != Linearizability::violated;
}

// Sorts the operations that take part by key: counts, then places, so that their order stays.
void LinearizabilityChecker::Scratch::group(std::span<const Operation> operations, const Cut* cut,
                                            std::span<const Found> found) {
  CHECK(operations.size() < Register::kFinalRead, "{} operations", operations.size());
  model.operations = operations;
  model.cut = cut;
  keys.clear();
  groups.clear();
  ids.resize(operations.size());
  const auto group_of = [&](uint64_t key) -> uint32_t {
    const uint32_t id = keys.id_of(key);
    if (id == groups.size()) groups.emplace_back();
    return id;
  };
  for (size_t i = 0; i < operations.size(); ++i) {
    ids[i] = group_of(operations[i].key);
    if (takes_part(operations[i], cut)) ++groups[ids[i]].count;
  }
  for (const Found& one : found) {
    Group& group = groups[group_of(one.key)];
    CHECK(group.found == nullptr, "key {} was found twice", one.key);
    group.found = &one;
  }
  uint32_t begin = 0;
  for (Group& group : groups) {
    group.begin = begin;
    begin += group.count + (cut != nullptr ? 1 : 0);  // room for the final read
    group.count = 0;
  }
  calls.resize(begin);
  for (size_t i = 0; i < operations.size(); ++i) {
    if (!takes_part(operations[i], cut)) continue;
    Group& group = groups[ids[i]];
    calls[group.begin + group.count++] = call_of(operations[i], static_cast<uint32_t>(i), cut);
  }
}

// Most keys see little overlap, and the exact search is done in no time. For the others it may help
// to take only the steps that the answers of later calls suggest: an order found so is an order. If
// there is none among these, the exact search has the last word.
Linearizer<Register>::Result LinearizabilityChecker::Scratch::judge_one(std::span<const Call> own,
                                                                        uint64_t& budget) {
  uint64_t little = 256 + 8 * own.size();  // not from the budget: a bad key must not hide a worse
  auto result = linearizer.run(model, own, little);
  if (result.placing != Placing::over_budget) return result;
  hurried.assign(own.begin(), own.end());
  model.hurry(hurried);
  result = linearizer.run(model, hurried, budget, kHurriedWidth);
  model.stop_hurrying();
  return result.placing == Placing::all ? result : linearizer.run(model, own, budget);
}

LinearizabilityReport LinearizabilityChecker::Scratch::judge_all(
    std::span<const Operation> operations, uint64_t budget) {
  LinearizabilityReport report;
  const auto earlier = [](const Call& a, const Call& b) {
    return a.invoked != b.invoked ? a.invoked < b.invoked : a.operation < b.operation;
  };
  for (uint32_t id = 0; id < groups.size(); ++id) {
    const Group& group = groups[id];
    const uint64_t key = keys.keys()[id];
    std::span<Call> own{calls.data() + group.begin, group.count};
    const Found absent{key, false, false, 0};
    if (model.cut != nullptr) {
      model.found = group.found != nullptr ? group.found : &absent;
      own = {calls.data() + group.begin, group.count + size_t{1}};
      own.back() = final_call(own.first(group.count), *model.cut);
    }
    if (!std::is_sorted(own.begin(), own.end(), earlier)) {
      std::sort(own.begin(), own.end(), earlier);
    }
    const auto result = judge_one(own, budget);
    if (result.placing == Placing::all) continue;
    const bool stuck = result.placing == Placing::stuck;
    if (stuck && report.verdict == Linearizability::violated && report.step <= result.step) {
      continue;
    }
    if (!stuck && report.verdict != Linearizability::ok) continue;
    report.verdict = stuck ? Linearizability::violated : Linearizability::inconclusive;
    report.key = key;
    report.operation =
        stuck && result.operation != Register::kFinalRead ? result.operation : kNoOperation;
    report.step = result.step;
    report.text = stuck ? describe(key, result.operation, report.allowed)
                        : fmt::format("key {}: too many possible orders to try them all", key);
  }
  CHECK(report.operation == kNoOperation || report.operation < operations.size(), "no operation");
  return report;
}

std::string LinearizabilityChecker::Scratch::describe(uint64_t key, uint32_t operation,
                                                      std::vector<uint64_t>& allowed) const {
  const std::string fact = operation == Register::kFinalRead
                               ? what_was_found(*model.found, *model.cut)
                               : what_happened(model.operations[operation]);
  bool absent = false;
  allowed.clear();
  linearizer.each_stuck_state([&](const Register::State& state) {
    if (state.presence == Presence::present) {
      allowed.push_back(state.number);
    } else {
      absent = true;
    }
  });
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  constexpr size_t kShown = 8;
  const bool more = allowed.size() > kShown;
  if (more) allowed.resize(kShown);
  std::string names = absent ? "absent" : "";
  for (const uint64_t number : allowed) {
    names += (names.empty() ? "" : ", ") + name_of_number(number);
  }
  return fmt::format("key {}: {}, but the last allowed values were {{{}{}}}", key, fact, names,
                     more ? ", ..." : "");
}

namespace {

void KeyTable::clear() {
  keys_.clear();
  if (++round_ == 0 || places_.empty()) {
    places_.assign(128, Place{0, 0, 0});
    round_ = 1;
  }
}

uint32_t KeyTable::id_of(uint64_t key) {
  Place& place = place_of(key);
  if (place.round == round_) return place.id;
  const auto id = static_cast<uint32_t>(keys_.size());
  place = {key, id, round_};
  keys_.push_back(key);
  if (keys_.size() * 2 > places_.size()) grow();
  return id;
}

KeyTable::Place& KeyTable::place_of(uint64_t key) {
  const size_t mask = places_.size() - 1;
  size_t at = static_cast<size_t>((key * 0x9E3779B97F4A7C15U) >> 32) & mask;
  while (places_[at].round == round_ && places_[at].key != key) at = (at + 1) & mask;
  return places_[at];
}

void KeyTable::grow() {
  places_.assign(places_.size() * 2, Place{0, 0, 0});
  round_ = 1;
  for (uint32_t id = 0; id < keys_.size(); ++id) place_of(keys_[id]) = {keys_[id], id, round_};
}

bool takes_part(const Operation& operation, const Cut* cut) {
  const bool read = operation.kind == OpKind::read;
  if (operation.outcome == Outcome::failed) return false;
  if (operation.outcome == Outcome::unknown && read) return false;
  if (cut == nullptr) return true;
  if (operation.version > cut->version) return false;
  const bool doubtful = operation.version == 0 || operation.outcome == Outcome::unknown;
  // A doubtful read says nothing; what began after the images were written is in none of them.
  return !doubtful || (!read && operation.invoked <= cut->written_by);
}

Call call_of(const Operation& operation, uint32_t index, const Cut* cut) {
  const bool ended = operation.outcome != Outcome::unknown;
  Call call;
  call.invoked = operation.invoked;
  call.returned = ended ? std::max(operation.invoked, operation.returned) : kNeverReturned;
  call.operation = index;
  call.must = ended && (cut == nullptr || operation.version != 0);
  call.pure = operation.kind == OpKind::read;
  return call;
}

// The read that stands for the checkpoint comes after all calls that returned.
Call final_call(std::span<const Call> calls, const Cut& cut) {
  uint64_t last = cut.written_by;
  for (const Call& call : calls) {
    if (call.returned != kNeverReturned) last = std::max(last, call.returned + 1);
  }
  return {last, last, Register::kFinalRead, true, false};
}

std::string what_happened(const Operation& operation) {
  const std::string who = fmt::format("by client {} (steps {}-{})", operation.client,
                                      operation.invoked, operation.returned);
  std::string saw = "saw " + name_of_number(operation.result);
  if (operation.outcome == Outcome::not_found) saw = "found nothing";
  if (operation.garbage) saw = "saw bytes that are no value";
  if (operation.kind == OpKind::read) return fmt::format("read {} {}", who, saw);
  if (operation.kind == OpKind::upsert)
    return fmt::format("write of {} {}", name_of_number(operation.argument), who);
  if (operation.kind == OpKind::erase) return fmt::format("erase {}", who);
  if (!operation.garbage && operation.outcome == Outcome::ok) {
    saw = "returned " + name_of_number(operation.result);
  }
  return fmt::format("add of {} {} {}", operation.argument, who, saw);
}

std::string what_was_found(const Found& found, const Cut& cut) {
  const std::string who = fmt::format("the checkpoint of version {}", cut.version);
  if (!found.present) return who + " lacks it";
  if (found.garbage) return who + " holds bytes that are no value";
  return fmt::format("{} holds {}", who, name_of_number(found.value));
}

}  // namespace
}  // namespace orrery::scenarios
