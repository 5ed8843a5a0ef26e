// SPDX-License-Identifier: Apache-2.0
// Tasks that make entries of the hash index at the same time, while others are reclaimed, make one
// for each tag, whatever the order of their turns.
#include <set>
#include <vector>

#include "engine/store/hash_index.hpp"
#include "tests/catch.hpp"
#include "tests/sim/test_world.hpp"

using namespace orrery;
using namespace orrery::engine;

namespace {

constexpr uint64_t kRounds = 24;
constexpr uint64_t kTags = 5;

struct Seen {
  size_t entries = 0;
  std::set<uint64_t> tags;
};

// All hashes are of one chain. An entry leads to the address of its round, and what is older than a
// few rounds lies below begin.
void make_entries(HashIndex& index) {
  for (uint64_t round = 1; round <= kRounds; ++round) {
    const uint64_t tag = 1 + round % kTags;
    const auto begin = static_cast<LogAddr>(64 + 8 * (round > 3 ? round - 3 : 0));
    const auto found = index.find_or_create_tag(tag << 50, begin);
    if (!found) continue;
    uint64_t expected = found->word.word;
    const auto own = static_cast<LogAddr>(64 + 8 * round);
    found->entry->compare_exchange(expected, EntryWord::make(tag, own).word);
  }
}

Seen entries_of(HashIndex& index) {
  Seen seen;
  const auto visit = [](void* context, uint64_t, EntryWord word) {
    auto& into = *static_cast<Seen*>(context);
    ++into.entries;
    into.tags.insert(word.tag());
  };
  index.visit_entries(visit, &seen);
  return seen;
}

Seen race(tests::TestWorld& world, const auto& play) {
  Seen seen;
  play([&] {
    const Runtime runtime = world.runtime();
    HashIndex index(runtime.memory, runtime.tasks);
    if (!index.initialise(0)) return;
    const auto work = [&] { make_entries(index); };
    std::vector<TaskId> others;
    for (uint64_t i = 0; i < 4; ++i) {
      others.push_back(tests::start(runtime.tasks, {"maker", i}, work));
    }
    work();
    for (const TaskId other : others) runtime.tasks.join(other);
    seen = entries_of(index);
  });
  return seen;
}

}  // namespace

TEST_CASE("makers of one entry agree on one, in any order of turns") {
  tests::TestWorld world;
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    const Seen seen = race(world, [&](const auto& body) { world.play_seed(seed, body); });
    INFO("seed " << seed << ": " << world.verdict());
    REQUIRE(world.verdict() == "ok");
    REQUIRE(seen.tags.size() == seen.entries);
    REQUIRE(seen.entries >= 3);
  }
}

TEST_CASE("makers of one entry do not send each other away for ever, in step") {
  for (uint64_t length = 1; length < 30; ++length) {
    for (uint64_t late = 0; late < 30; ++late) {
      tests::TestWorld world;
      world.laws.pace.run_length_max = length;
      world.laws.pace.step_budget = world.laws.pace.fair_steps = 20'000;
      world.laws.pace.patience = 10'000;
      bool made = false;
      world.play_calmly([&] {
        const Runtime runtime = world.runtime();
        HashIndex index(runtime.memory, runtime.tasks);
        if (!index.initialise(0)) return;
        const auto work = [&] { made = index.find_or_create_tag(1, 64).has_value(); };
        const TaskId other = tests::start(runtime.tasks, {"maker", 1}, work);
        Atomic<uint64_t> delay{0};
        while (delay.load() < late) delay.fetch_add(1);
        work();
        runtime.tasks.join(other);
      });
      INFO("turns of " << length << " points, " << late << " late: " << world.text());
      REQUIRE(world.verdict() == "ok");
      REQUIRE(made);
    }
  }
}
