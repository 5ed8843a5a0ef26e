// SPDX-License-Identifier: Apache-2.0
// A file is shorter when the power comes back, or empty.
//
// File systems that mend themselves cut what they cannot place, and so does whoever copies a file
// back from where it was saved and stops half-way. What is left reads as it was written, and behind
// it there is nothing.
//
// Asked when the scenario cuts the power, once for each file that it lets decay
// (DiskLaws::may_decay), after pending writes have met their fate, at (at-rest, file): answers of
// Ask::cut are 0 for nothing, and n + 1 for "its first n sectors are left". Voids durability and
// integrity: what stood behind the cut may be lost. It may not be taken for what was never written.
#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

class CutFile final : public sim::Fault {
 public:
  const char* name() const override { return "cut-file"; }
  const char* sentence() const override {
    return "a file is shorter when the power comes back, or empty";
  }
  uint32_t voids() const override {
    return static_cast<uint32_t>(sim::Promise::durability) |
           static_cast<uint32_t>(sim::Promise::integrity);
  }
  sim::Leave leave() const override { return sim::Leave::decay; }

  sim::Decay on_rest(sim::Asker& asker, uint64_t sectors, uint32_t sector) override {
    const uint64_t answer = asker.choose(sim::Ask::cut, 1 + sectors);
    if (answer == 0) return {};
    return {sim::Decay::Kind::cut, (answer - 1) * sector};
  }
};

constinit CutFile cut_file_itself;

}  // namespace

sim::Fault* cut_file() { return &cut_file_itself; }

}  // namespace orrery::faults
