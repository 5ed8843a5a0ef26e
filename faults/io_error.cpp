// SPDX-License-Identifier: Apache-2.0
// A request to a device fails, and what it did before is anybody's guess.
//
// Real devices fail at every stage. A full queue or a detached device refuses at submit, in the
// caller's stack. A medium error or a timeout in the driver fails the command before anything
// reached the media, in the middle of it, or after all of it was done and only the answer got lost
// (FoundationDB models the last, RocksDB the first, nobody the middle). So a failed request is
// indeterminate for everyone: the bytes may be the old ones, the new ones, or half of each, and a
// failed sync may have made everything durable or nothing. An error is transient: the next request
// to the same range is asked anew. Latent bad ranges, which stay bad until they are rewritten, are
// another fault.
//
// Asked per request, at (device, kind, offset, n-th). Answers of Ask::error: 0 no error, 1 at
// submit, 2 before the effect, 3 after half of it (rounded down to whole sectors), 4 after all of
// it. How often is the temper's. Voids availability. Durability and integrity stand: what a request
// *succeeded* in stays true.
#include <iterator>

#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

using sim::IoFate;

constexpr IoFate kFates[] = {IoFate::normal, IoFate::error_at_submit, IoFate::error_before_effect,
                             IoFate::error_half_effect, IoFate::error_after_effect};

class IoError final : public sim::Fault {
 public:
  const char* name() const override { return "io-error"; }
  const char* sentence() const override {
    return "a device request fails: refused, before its effect, half-way, or after all of it";
  }
  uint32_t voids() const override { return static_cast<uint32_t>(sim::Promise::availability); }

  IoFate on_submit(const engine::Io&, sim::Asker& asker) override {
    return kFates[asker.choose(sim::Ask::error, std::size(kFates))];
  }
};

constinit IoError io_error_itself;

}  // namespace

sim::Fault* io_error() { return &io_error_itself; }

}  // namespace orrery::faults
