// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the text of a tape. What parses prints, and what was printed parses to the same
// tape; what does not parse leaves the tape alone and names a line that exists.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/base/check.hpp"
#include "fuzz/targets/target.hpp"
#include "sim/tape.hpp"

using namespace orrery;

int LLVMFuzzerInitialize(int*, char***) { return 0; }

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  sim::Tape tape;
  if (const auto error = sim::parse_tape(text, tape)) {
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    CHECK(error->line <= lines, "line {} of {} is said to be wrong", error->line, lines);
    CHECK(!error->text.empty(), "nobody says what is wrong with line {}", error->line);
    CHECK(tape == sim::Tape{}, "a text that is no tape was half read");
    return 0;
  }
  const std::string printed = sim::print_tape(tape);
  sim::Tape again;
  const auto refused = sim::parse_tape(printed, again);
  CHECK(!refused, "a printed tape is refused in line {}: {}", refused->line, refused->text);
  CHECK(again == tape, "a printed tape is read as another one");
  CHECK(sim::print_tape(again) == printed, "a tape is printed in two ways");
  return 0;
}
