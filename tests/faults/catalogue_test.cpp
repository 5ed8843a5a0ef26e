// SPDX-License-Identifier: Apache-2.0
#include "faults/catalogue.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "tests/catch.hpp"

using namespace orrery;

TEST_CASE("each fault has a name and a sentence of its own, and is found by its name", "[faults]") {
  std::set<std::string> names;
  std::set<std::string> sentences;
  for (sim::Fault* fault : faults::all_faults()) {
    const std::string name = fault->name();
    REQUIRE_FALSE(name.empty());
    for (const char c : name) {
      const bool is_word = (c >= 'a' && c <= 'z') || c == '-';
      REQUIRE(is_word);
    }
    REQUIRE(std::strlen(fault->sentence()) > 20);
    REQUIRE(faults::find_fault(name) == fault);
    names.insert(name);
    sentences.insert(fault->sentence());
    REQUIRE((fault->voids() & ~7U) == 0);
  }
  REQUIRE(names.size() == faults::all_faults().size());
  REQUIRE(sentences.size() == names.size());
  for (const char* name : {"io-error", "short-transfer", "alloc-failure", "name-error",
                           "power-loss", "torn-write", "bit-rot", "cut-file", "lost-directory"}) {
    REQUIRE(names.count(name) == 1);
  }
}

TEST_CASE("an unknown name is no fault", "[faults]") {
  REQUIRE(faults::find_fault("") == nullptr);
  REQUIRE(faults::find_fault("io_error") == nullptr);
  REQUIRE(faults::find_fault("io-errors") == nullptr);
}
