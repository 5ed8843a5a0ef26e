// SPDX-License-Identifier: Apache-2.0
#include "faults/catalogue.hpp"

#include <algorithm>

namespace orrery::faults {

// One per file. Each gives its only object, which is there before any code runs.
sim::Fault* io_error();
sim::Fault* short_transfer();
sim::Fault* alloc_failure();
sim::Fault* name_error();
sim::Fault* power_loss();
sim::Fault* torn_write();
sim::Fault* bit_rot();
sim::Fault* cut_file();
sim::Fault* lost_directory();

namespace {

// A row is one line. The order is that of listings and of asking; tapes do not depend on it.
sim::Fault* const kFaults[] = {
    io_error(),        // a request fails: refused, without effect, with half of it, or with all
    short_transfer(),  // a read or write reports success for fewer bytes than it was asked for
    alloc_failure(),   // Memory, Frames or the start of a task is refused
    name_error(),      // a name cannot be opened or removed, or the names be listed or synced
    power_loss(),      // when power is lost, writes that no sync covers may be lost with it
    torn_write(),      // or be there in part
    bit_rot(),         // a bit of a file is another one when the power comes back
    cut_file(),        // a file is shorter when the power comes back
    lost_directory(),  // a directory is gone when the power comes back, with all files in it
};

}  // namespace

std::span<sim::Fault* const> all_faults() { return kFaults; }

sim::Fault* find_fault(std::string_view name) {
  const auto found = std::find_if(std::begin(kFaults), std::end(kFaults),
                                  [&](const sim::Fault* fault) { return name == fault->name(); });
  return found == std::end(kFaults) ? nullptr : *found;
}

}  // namespace orrery::faults
