// SPDX-License-Identifier: Apache-2.0
#include "sim/run_queue.hpp"

#include <deque>

#include "sim/hash.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;

namespace {

struct Runner {
  uint64_t key;
};

}  // namespace

TEST_CASE("a run queue keeps its order and its keys, whoever is taken", "[run-queue]") {
  Runner runners[12];
  for (uint64_t i = 0; i < 12; ++i) runners[i].key = 100 + i;
  sim::RunQueue<Runner> queue;
  std::deque<Runner*> model;
  uint64_t next = 0;
  // Long enough that the spent front is dropped several times.
  for (uint64_t i = 0; i < 5'000; ++i) {
    const uint64_t drawn = sim::mix(1, i);
    if (model.empty() || (model.size() < 12 && drawn % 2 == 0)) {
      Runner* const runner = &runners[next++ % 12];
      queue.push_back(runner);
      model.push_back(runner);
    } else {
      const size_t at = sim::below(sim::scramble(drawn), model.size());
      REQUIRE(queue.take(at) == model[at]);
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
    }
    REQUIRE(queue.size() == model.size());
    REQUIRE(queue.empty() == model.empty());
    REQUIRE(queue.keys().size() == model.size());
    for (size_t k = 0; k < model.size(); ++k) {
      REQUIRE(queue[k] == model[k]);
      REQUIRE(queue.keys()[k] == model[k]->key);
    }
  }
  queue.clear();
  REQUIRE(queue.empty());
  REQUIRE(queue.keys().empty());
}
