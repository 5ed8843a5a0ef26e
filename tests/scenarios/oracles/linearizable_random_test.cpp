// SPDX-License-Identifier: Apache-2.0
// The judge never accuses a correct store, and agrees with a search of all orders on small cases.
#include "scenarios/oracles/linearizable.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/sanitizers.hpp"
#include "tests/catch.hpp"
#include "tests/scenarios/oracles/toy_store.hpp"

using namespace orrery::scenarios;

namespace {

// Both ways to search, and their verdicts, are the same under a sanitizer, and slow.
constexpr int kPart = ORRERY_ASAN ? 4 : 1;

// Tries all orders of a few operations on one key. Written to be obvious: it gives every operation
// an instant, the earliest that its interval and its predecessors leave, and lets the key vanish
// between any two of them. A checkpoint is looked at after all that must be in it.
class AllOrders {
 public:
  AllOrders(const std::vector<Operation>& operations, const Eviction& eviction)
      : eviction_(eviction) {
    for (const Operation& operation : operations) {
      const bool doubtful = operation.outcome == Outcome::unknown;
      if (operation.outcome == Outcome::failed) continue;
      if (operation.kind == OpKind::read && doubtful) continue;
      left_.push_back({operation, !doubtful});
    }
  }

  void look_at(const Cut& cut, const Found& found) {
    cut_ = cut;
    found_ = found;
    std::erase_if(left_, [&](const Candidate& one) { return one.operation.version > cut.version; });
    for (Candidate& one : left_) one.must = one.must && one.operation.version != 0;
    std::erase_if(left_, [&](const Candidate& one) {
      const bool late = one.operation.invoked > cut.written_by;
      return !one.must && (late || one.operation.kind == OpKind::read);
    });
    look_by_ = cut.written_by;
    for (const Candidate& one : left_) {
      if (one.operation.returned == kNeverReturned) continue;
      look_by_ = std::max(look_by_, one.operation.returned + 1);
    }
  }

  bool possible() { return search({}, 0); }

 private:
  struct Key {
    bool present = false;
    bool vanished = false;
    uint64_t number = 0;
    uint64_t evicted = UINT64_MAX;  // when its record may first have been evicted
    bool known = false;             // where its record was
  };

  struct Candidate {
    Operation operation;
    bool must;
  };

  Key written(const Operation& operation, uint64_t number) const {
    const bool known = operation.address >= 0 && operation.outcome != Outcome::unknown;
    for (const HeadMove& move : eviction_.moves) {
      if (known ? move.head > operation.address : move.step >= operation.invoked) {
        return {true, false, number, move.step, known};
      }
    }
    return {true, false, number, UINT64_MAX, known};
  }

  bool search(const Key& key, uint64_t now) {
    const bool over =
        std::none_of(left_.begin(), left_.end(), [](const Candidate& one) { return one.must; });
    if (over && (!found_.has_value() || (now <= look_by_ && shows(key)))) return true;
    if (key.present && eviction_.cache) {
      Key without = key;
      without.present = false;
      without.vanished = true;
      const uint64_t at = std::max(now, key.evicted);
      if (at != UINT64_MAX && search_from(without, at)) return true;
    }
    return search_from(key, now);
  }

  bool search_from(const Key& key, uint64_t now) {
    for (size_t i = 0; i < left_.size(); ++i) {
      const Candidate one = left_[i];
      const Operation& operation = one.operation;
      const uint64_t at = std::max(now, operation.invoked);
      if (at > operation.returned) continue;
      left_.erase(left_.begin() + static_cast<ptrdiff_t>(i));
      bool fits = false;
      for (const Key& next : after(key, operation)) fits = fits || search(next, at);
      left_.insert(left_.begin() + static_cast<ptrdiff_t>(i), one);
      if (fits) return true;
    }
    return false;
  }

  bool shows(const Key& key) const {
    if (!found_->present) {
      const bool absent = !key.present && !key.vanished;
      return absent || (eviction_.cache && key.evicted <= cut_.written_by);
    }
    return (key.present || key.vanished) && !found_->garbage && key.number == found_->value;
  }

  std::vector<Key> after(const Key& key, const Operation& operation) const {
    const bool sure = operation.outcome == Outcome::ok;
    std::vector<Key> keys;
    const auto read = [&] {
      if (operation.outcome == Outcome::not_found ? !key.present
                                                  : key.present && key.number == operation.result) {
        keys.push_back(key);
      }
    };
    if (operation.kind == OpKind::read) read();
    if (operation.kind == OpKind::upsert) keys.push_back(written(operation, operation.argument));
    if (operation.kind == OpKind::erase) {
      // An erase that found nothing may have written nothing.
      keys.push_back({});
      if (key.vanished && operation.outcome == Outcome::not_found) keys.push_back(key);
    }
    if (operation.kind == OpKind::add) {
      if (operation.outcome == Outcome::not_found) {
        read();
        return keys;
      }
      const uint64_t sum = key.number + operation.argument;
      const bool late = key.vanished && (!key.known || operation.invoked <= key.evicted);
      if ((key.present || late) && (!sure || operation.result == sum)) {
        keys.push_back(written(operation, sum));
      }
      if (!key.present && (!sure || operation.result == operation.argument)) {
        keys.push_back(written(operation, operation.argument));
      }
    }
    return keys;
  }

  Eviction eviction_;
  std::vector<Candidate> left_;
  Cut cut_;
  std::optional<Found> found_;
  uint64_t look_by_ = 0;
};

ToySizes drawn_sizes(ToyRandom& random) {
  ToySizes sizes;
  sizes.clients = static_cast<uint32_t>(1 + random.below(8));
  sizes.keys = 1 + random.below(6);
  sizes.operations = 20 + random.below(150);
  sizes.cache = random.once_in(2);
  sizes.window = static_cast<int64_t>(1 + random.below(12));
  sizes.abandon_odds = random.once_in(3) ? 40 + random.below(200) : 0;
  sizes.fail_odds = random.once_in(3) ? 10 : 0;
  sizes.hide_odds = random.once_in(3) ? 4 : 0;
  sizes.value_bound = random.once_in(4) ? 5 : 0;
  sizes.idle_odds = 1 + random.below(6);
  return sizes;
}

// Anything at all: small numbers, so that a good part of the histories can be explained.
Operation drawn_operation(ToyRandom& random) {
  Operation operation;
  operation.client = static_cast<uint32_t>(random.below(4));
  operation.kind = static_cast<OpKind>(random.below(4));
  operation.key = 7;
  operation.argument = random.below(3);
  operation.result = random.below(4);
  operation.invoked = random.below(30);
  operation.returned = operation.invoked + random.below(14);
  operation.version = random.below(4);
  operation.address = random.once_in(5) ? -1 : static_cast<int64_t>(random.below(20));
  if (random.once_in(operation.kind == OpKind::read ? 3 : 7)) {
    operation.outcome = Outcome::not_found;
  } else {
    operation.outcome = Outcome::ok;
  }
  if (random.once_in(6)) {
    operation.outcome = Outcome::unknown;
    operation.returned = kNeverReturned;
  }
  return operation;
}

std::string told(const std::vector<Operation>& operations, const Eviction& eviction) {
  std::string text = eviction.cache ? "cache:" : "tier:";
  for (const HeadMove& move : eviction.moves) {
    text += " " + std::to_string(move.head) + "@" + std::to_string(move.step);
  }
  for (const Operation& op : operations) {
    text += "\n" + std::string{"rual"}.substr(static_cast<size_t>(op.kind), 1) + " arg " +
            std::to_string(op.argument) + " result " + std::to_string(op.result) + " outcome " +
            std::to_string(static_cast<int>(op.outcome)) + " [" + std::to_string(op.invoked) + "," +
            std::to_string(op.returned) + "] at " + std::to_string(op.address) + " version " +
            std::to_string(op.version);
  }
  return text;
}

struct Tally {
  size_t ok = 0;
  size_t violated = 0;
};

void compare(LinearizabilityChecker& checker, const std::vector<Operation>& operations,
             const Eviction& eviction, Tally& tally) {
  const bool possible = AllOrders(operations, eviction).possible();
  const LinearizabilityReport report = checker.check(operations, eviction);
  INFO(told(operations, eviction) << "\n" << report.text);
  REQUIRE(report.verdict == (possible ? Linearizability::ok : Linearizability::violated));
  ++(possible ? tally.ok : tally.violated);
}

void compare_final(LinearizabilityChecker& checker, const std::vector<Operation>& operations,
                   const Eviction& eviction, const Cut& cut, const Found& found, Tally& tally) {
  AllOrders orders(operations, eviction);
  orders.look_at(cut, found);
  const bool possible = orders.possible();
  const auto report = checker.check_final(operations, eviction, cut, {&found, 1});
  INFO(told(operations, eviction) << "\nfound " << found.present << " " << found.value << " by "
                                  << cut.written_by << "\n"
                                  << report.text);
  REQUIRE(report.verdict == (possible ? Linearizability::ok : Linearizability::violated));
  REQUIRE(checker.allowed_final(operations, eviction, cut, found) == possible);
  ++(possible ? tally.ok : tally.violated);
}

std::vector<HeadMove> drawn_moves(ToyRandom& random) {
  std::vector<HeadMove> moves;
  for (uint64_t step = random.below(20); step < 45; step += 1 + random.below(20)) {
    const int64_t least = moves.empty() ? 0 : moves.back().head;
    moves.push_back({step, least + 1 + static_cast<int64_t>(random.below(12))});
  }
  return moves;
}

std::vector<Operation> drawn_operations(ToyRandom& random) {
  std::vector<Operation> operations(1 + random.below(7));
  for (Operation& operation : operations) operation = drawn_operation(random);
  std::sort(operations.begin(), operations.end(),
            [](const Operation& a, const Operation& b) { return a.invoked < b.invoked; });
  return operations;
}

}  // namespace

TEST_CASE("a correct store is never accused") {
  LinearizabilityChecker checker;
  ToyRandom random(385);
  size_t vanished = 0;
  size_t given_up = 0;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    const ToySizes sizes = drawn_sizes(random);
    ToyStore store(sizes, seed);
    store.run();
    const std::vector<Operation> operations = store.operations();
    const LinearizabilityReport report = checker.check(operations, store.eviction());
    INFO("seed " << seed << ": " << report.text);
    REQUIRE(report.verdict != Linearizability::violated);
    if (report.verdict == Linearizability::inconclusive) ++given_up;
    if (!sizes.cache) continue;
    // The same history under the rules of a store with a tier: usually keys have vanished.
    const LinearizabilityReport strict = checker.check(operations, {false, {}});
    if (strict.verdict == Linearizability::violated) ++vanished;
  }
  REQUIRE(vanished > 500);
  REQUIRE(given_up < 4);  // a hot key with a dozen operations in doubt
}

TEST_CASE("small histories that mean nothing get the verdict of all orders") {
  LinearizabilityChecker checker;
  ToyRandom random(2019);
  Tally tally;
  for (int round = 0; round < 40'000 / kPart; ++round) {
    const std::vector<Operation> operations = drawn_operations(random);
    const std::vector<HeadMove> moves = drawn_moves(random);
    compare(checker, operations, {random.once_in(2), moves}, tally);
  }
  REQUIRE(tally.ok > 4000 / kPart);
  REQUIRE(tally.violated > 4000 / kPart);
}

TEST_CASE("small histories of a store with one answer changed get the verdict of all orders") {
  LinearizabilityChecker checker;
  ToyRandom random(16);
  Tally tally;
  for (uint64_t seed = 0; seed < 20'000 / kPart; ++seed) {
    ToySizes sizes = drawn_sizes(random);
    sizes.keys = 1;
    sizes.operations = 7;
    ToyStore store(sizes, seed);
    store.run();
    std::vector<Operation> operations = store.operations();
    compare(checker, operations, store.eviction(), tally);
    Operation& changed = operations[random.below(operations.size())];
    const bool answered = changed.outcome == Outcome::ok || changed.outcome == Outcome::not_found;
    if (changed.kind == OpKind::read && answered && random.once_in(2)) {
      changed.outcome = changed.outcome == Outcome::ok ? Outcome::not_found : Outcome::ok;
    }
    changed.result = operations[random.below(operations.size())].argument + random.below(2);
    compare(checker, operations, store.eviction(), tally);
  }
  REQUIRE(tally.violated > 2000 / kPart);
}

TEST_CASE("the checkpoint of a correct store is never accused") {
  LinearizabilityChecker checker;
  ToyRandom random(407);
  size_t missing = 0;
  size_t given_up = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    ToySizes sizes = drawn_sizes(random);
    sizes.switch_at = 1 + random.below(sizes.operations);
    ToyStore store(sizes, seed);
    store.run();
    Cut cut;
    const std::vector<Found> found = store.checkpoint(cut);
    const std::vector<Operation> operations = store.operations();
    auto report = checker.check_final(operations, store.eviction(), cut, found);
    INFO("seed " << seed << ": " << report.text);
    REQUIRE(report.verdict != Linearizability::violated);
    if (report.verdict == Linearizability::inconclusive) ++given_up;
    if (!sizes.cache) continue;
    report = checker.check_final(operations, {false, {}}, cut, found);
    if (report.verdict == Linearizability::violated) ++missing;
  }
  REQUIRE(missing > 500);
  REQUIRE(given_up < 4);
}

TEST_CASE("checkpoints that mean nothing get the verdict of all orders") {
  LinearizabilityChecker checker;
  ToyRandom random(1413);
  Tally tally;
  for (int round = 0; round < 40'000 / kPart; ++round) {
    const std::vector<Operation> operations = drawn_operations(random);
    const std::vector<HeadMove> moves = drawn_moves(random);
    const Cut cut{1 + random.below(3), 20 + random.below(30)};
    const Found found{7, !random.once_in(3), random.once_in(50), random.below(4)};
    compare_final(checker, operations, {random.once_in(2), moves}, cut, found, tally);
  }
  REQUIRE(tally.ok > 4000 / kPart);
  REQUIRE(tally.violated > 4000 / kPart);
}

TEST_CASE("small checkpoints of a store with one value changed get the verdict of all orders") {
  LinearizabilityChecker checker;
  ToyRandom random(1679);
  Tally tally;
  for (uint64_t seed = 0; seed < 10'000 / kPart; ++seed) {
    ToySizes sizes = drawn_sizes(random);
    sizes.keys = 1;
    sizes.operations = 7;
    sizes.switch_at = 1 + random.below(7);
    ToyStore store(sizes, seed);
    store.run();
    Cut cut;
    const std::vector<Found> all = store.checkpoint(cut);
    Found found = all.empty() ? Found{0, false, false, 0} : all.front();
    const std::vector<Operation> operations = store.operations();
    compare_final(checker, operations, store.eviction(), cut, found, tally);
    if (random.once_in(3)) found.present = !found.present;
    found.value = operations[random.below(operations.size())].argument + random.below(2);
    compare_final(checker, operations, store.eviction(), cut, found, tally);
  }
  REQUIRE(tally.violated > 1000 / kPart);
}
