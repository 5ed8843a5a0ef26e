// SPDX-License-Identifier: Apache-2.0
// When power is lost, writes that were accepted but not yet synced may be lost with it, in any
// combination.
//
// A device with a volatile cache answers a write long before it is on the media, and drains its
// cache in an order of its own: what survives is no prefix. All of it may survive (the cache had
// drained), none (it never began), or any subset, also a later write without an earlier one to the
// same range. Whatever a sync covered stays. Real devices do worse (Zheng, FAST 2013: 13 of 15 lost
// synced writes, garbled neighbours or shorn sectors); those are faults of their own.
//
// Asked once when the scenario cuts the power, at (pending-writes): answers of Ask::image are 0 for
// "each write has its own fate", and n + 1 for "the first n survive, in the order in which the disk
// accepted them": none, a prefix, or all. Where each has its own, asked per pending write, oldest
// first, at (device, offset, n-th pending there). Answers of Ask::power: 0 it survives, 1 it is
// lost. A third of the tempers lose everything, a few nothing, the others a random share. A name
// always has its own. Without this fault a loss of power spares every accepted write. Voids no
// promise: durability was promised only to what was synced, and that is kept.
#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

class PowerLoss final : public sim::Fault {
 public:
  const char* name() const override { return "power-loss"; }
  const char* sentence() const override {
    return "when power is lost, writes that no sync covers may be lost with it";
  }
  uint32_t voids() const override { return 0; }
  sim::Leave leave() const override { return sim::Leave::power; }

  std::optional<uint64_t> on_image(sim::Asker& asker, uint64_t pending) override {
    const uint64_t answer = asker.choose(sim::Ask::image, pending + 2);
    if (answer == 0) return std::nullopt;
    return answer - 1;
  }
  bool on_power_loss(sim::Asker& asker) override { return asker.choose(sim::Ask::power, 2) != 0; }
};

constinit PowerLoss power_loss_itself;

}  // namespace

sim::Fault* power_loss() { return &power_loss_itself; }

}  // namespace orrery::faults
