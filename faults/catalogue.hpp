// SPDX-License-Identifier: Apache-2.0
// Every way in which the world can go wrong, in a fixed order.
//
// A fault is one file in this folder and a row in catalogue.cpp. It keeps no state: what it does in
// a run is decided by choices alone, so one object serves every world, and a tape names a fault by
// its name, never by its place here. A run enables some of them; what a device may always do (late,
// inline, out of order) is no fault and not listed.
#pragma once

#include <span>
#include <string_view>

#include "sim/fault.hpp"

namespace orrery::faults {

/// All faults, in catalogue order.
std::span<sim::Fault* const> all_faults();

/// The fault of that name, or null.
sim::Fault* find_fault(std::string_view name);

}  // namespace orrery::faults
