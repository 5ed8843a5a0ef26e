// SPDX-License-Identifier: Apache-2.0
#include "sim/labels.hpp"

#include <string>

#include "tests/catch.hpp"

using namespace orrery;

TEST_CASE("a label has one copy, for the life of the world", "[labels]") {
  sim::Labels labels;
  std::string text = "read:store/hlog";
  const char* const first = labels.intern(text);
  text[0] = 'x';
  REQUIRE(std::string(first) == "read:store/hlog");
  REQUIRE(labels.intern("read:store/hlog") == first);
  REQUIRE(labels.intern("write:store/hlog") != first);
}

TEST_CASE("a hash is of the characters, wherever they are", "[labels]") {
  sim::Labels labels;
  const std::string copy = "session";
  REQUIRE(labels.hash("session") == labels.hash(copy.c_str()));
  REQUIRE(labels.hash("session") == sim::hash_of("session"));
  REQUIRE(labels.hash("sessions") != labels.hash("session"));
}

TEST_CASE("each use of a name in a run has its own key, also the ten-thousandth", "[labels]") {
  sim::Labels labels;
  for (int run = 0; run < 3; ++run) {
    labels.begin();
    uint64_t wrong = 0;
    for (uint32_t round = 0; round < 4; ++round) {
      for (uint64_t number = 0; number < 10'000; ++number) {
        uint64_t key = 0;
        const sim::ActorId id = labels.identify({"op", number}, 2, key);
        wrong += id.repeat != round || id.incarnation != 2;
        wrong += key != sim::key_of(sim::hash_of("op"), number, 2, round);
      }
    }
    REQUIRE(wrong == 0);
  }
}
