// SPDX-License-Identifier: Apache-2.0
// A bit of a file is another one when the power comes back.
//
// Charge leaks out of cells and controllers garble sectors that nobody had asked them to touch
// (Zheng, FAST 2013: bit corruption after power faults). The sector's own checksum does not always
// tell, so a read succeeds, again and again, until the sector is written anew.
//
// Asked when the scenario cuts the power, once for each file that it lets decay
// (DiskLaws::may_decay), after pending writes have met their fate, at (at-rest, file): answers of
// Ask::rot are 0 for nothing, and n + 1 for "its n-th bit is another one". Files in which an engine
// cannot notice that are no scenario's to let decay. Voids durability and integrity: what the bit
// belongs to may be lost. It may not be believed.
#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

class BitRot final : public sim::Fault {
 public:
  const char* name() const override { return "bit-rot"; }
  const char* sentence() const override {
    return "a bit of a file is another one when the power comes back";
  }
  uint32_t voids() const override {
    return static_cast<uint32_t>(sim::Promise::durability) |
           static_cast<uint32_t>(sim::Promise::integrity);
  }
  sim::Leave leave() const override { return sim::Leave::decay; }

  sim::Decay on_rest(sim::Asker& asker, uint64_t sectors, uint32_t sector) override {
    const uint64_t answer = asker.choose(sim::Ask::rot, 1 + sectors * sector * 8);
    if (answer == 0) return {};
    return {sim::Decay::Kind::flip, answer - 1};
  }
};

constinit BitRot bit_rot_itself;

}  // namespace

sim::Fault* bit_rot() { return &bit_rot_itself; }

}  // namespace orrery::faults
