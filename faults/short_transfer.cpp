// SPDX-License-Identifier: Apache-2.0
// A read or write succeeds, and reports fewer bytes than it was asked for.
//
// pread and pwrite may always do this: at a signal, at a quota, at the end of a file, at a device
// whose largest command is smaller than the request. It is rare enough that code which tests only
// for an error lives for years. What was transferred is whole sectors from the start of the range;
// the rest is as if it had never been asked for. A request of one sector transfers nothing at all
// and still succeeds, like a read at the end of a file.
//
// Asked per read and write, at (device, kind, offset, n-th); a sync has no length to fall short of.
// Answers of Ask::shortfall: 0 all of it, 1 the first half (rounded down to whole sectors). How
// often is the temper's. Voids availability: a request that is submitted again for the rest will
// succeed unless it is asked to fall short too.
#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

class ShortTransfer final : public sim::Fault {
 public:
  const char* name() const override { return "short-transfer"; }
  const char* sentence() const override {
    return "a read or write succeeds with fewer bytes than it was asked for";
  }
  uint32_t voids() const override { return static_cast<uint32_t>(sim::Promise::availability); }

  sim::IoFate on_submit(const engine::Io& io, sim::Asker& asker) override {
    if (io.kind == engine::IoKind::sync) return sim::IoFate::normal;
    const bool falls_short = asker.choose(sim::Ask::shortfall, 2) != 0;
    return falls_short ? sim::IoFate::short_transfer : sim::IoFate::normal;
  }
};

constinit ShortTransfer short_transfer_itself;

}  // namespace

sim::Fault* short_transfer() { return &short_transfer_itself; }

}  // namespace orrery::faults
