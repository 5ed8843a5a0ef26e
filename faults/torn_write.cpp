// SPDX-License-Identifier: Apache-2.0
// When power is lost, a write that no sync covers may be there in part: some of its sectors, and
// not the others.
//
// A device moves sectors, not requests: of a large write any subset may have reached the platter,
// in any order (Zheng, FAST 2013, saw shorn writes on several SSDs). A single sector is whole or is
// not there, which is what file systems and engines build on. Where the power-loss fault is enabled
// as well, a write is first lost or not, and torn if it is not.
//
// Asked once when the scenario cuts the power, at (pending-writes): answers of Ask::edge other than
// 0 tear exactly one write, the last one to survive in the order in which the disk accepted them.
// Where the answer is 0 and each write has its own fate (see power_loss.cpp), asked per pending
// write, oldest first, at (device, offset, n-th pending there). Answers of both Ask::edge and
// Ask::tear: 0 whole, 1 the first half of its sectors, 2 the other half, 3 every other sector.
// Voids no promise: what was synced is whole.
#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

class TornWrite final : public sim::Fault {
 public:
  const char* name() const override { return "torn-write"; }
  const char* sentence() const override {
    return "when power is lost, a write that no sync covers may be there in part";
  }
  uint32_t voids() const override { return 0; }
  sim::Leave leave() const override { return sim::Leave::power; }

  sim::Landing on_edge(sim::Asker& asker) override {
    return static_cast<sim::Landing>(asker.choose(sim::Ask::edge, 4));
  }
  sim::Landing on_landing(sim::Asker& asker) override {
    return static_cast<sim::Landing>(asker.choose(sim::Ask::tear, 4));
  }
};

constinit TornWrite torn_write_itself;

}  // namespace

sim::Fault* torn_write() { return &torn_write_itself; }

}  // namespace orrery::faults
