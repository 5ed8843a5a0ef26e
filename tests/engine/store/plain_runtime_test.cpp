// SPDX-License-Identifier: Apache-2.0
// The runtime that stores are tested in keeps those contracts of the boundary that one thread can
// ask for: or a test would hold an engine to what no device promises.
#include "tests/engine/store/plain_runtime.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "tests/engine/runtime/contract.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;

TEST_CASE("the plain runtime keeps the contracts of its devices", "[contract]") {
  constexpr std::array<std::string_view, 3> kAsked{
      "what was written is read", "what was never written reads as zeros",
      "what is removed is gone, and its name is free again"};
  size_t played = 0;
  for (const tests::Contract& contract : tests::all_contracts()) {
    if (std::find(kAsked.begin(), kAsked.end(), contract.name) == kAsked.end()) continue;
    INFO(contract.name);
    engine::testing::PlainRuntime plain;
    tests::Expect expect;
    contract.body(plain.runtime(), expect);
    CHECK(std::string(expect.broken() == nullptr ? "ok" : expect.broken()) == "ok");
    ++played;
  }
  CHECK(played == kAsked.size());
}
