// SPDX-License-Identifier: Apache-2.0
// A name cannot be opened, made or removed, or the names cannot be listed or made durable.
//
// On a file system these are open, unlink, readdir and fsync of a directory: they fail for want of
// space, descriptors or rights, and with EIO where the directory itself lies on what is bad. Like
// any request that failed they may have had their effect all the same: a journal that takes the
// change and loses the answer. A list that fails has visited nothing.
//
// Asked per call, at the actor that calls and its point. Answers of Ask::name: 0 no error, 1
// refused without effect, 2 done, and an error all the same. The next call is asked anew. How often
// is the temper's. Voids availability: a name that was synced *successfully* stays.
#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

class NameError final : public sim::Fault {
 public:
  const char* name() const override { return "name-error"; }
  const char* sentence() const override {
    return "a name cannot be opened or removed, or the names cannot be listed or synced";
  }
  uint32_t voids() const override { return static_cast<uint32_t>(sim::Promise::availability); }

  sim::NameFate on_name(sim::Asker& asker) override {
    return static_cast<sim::NameFate>(asker.choose(sim::Ask::name, 3));
  }
};

constinit NameError name_error_itself;

}  // namespace

sim::Fault* name_error() { return &name_error_itself; }

}  // namespace orrery::faults
