// SPDX-License-Identifier: Apache-2.0
// How numbers, names and places are written in every report: "4,411", "88.200 us", "the 17th",
// "session/2", "engine/store/flush.cpp:112". Pure functions from a value to its text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/trace.hpp"

namespace orrery::reports {

/// With commas between thousands.
std::string grouped(int64_t value);
std::string grouped(uint64_t value);

/// Virtual time, always in microseconds so that two of them compare at a glance.
std::string virtual_time(int64_t ns);

/// 1st, 2nd, 3rd, 4th, ...
std::string ordinal(uint64_t number);

/// "1 byte", "2 bytes".
std::string counted(uint64_t count, const char* what);

/// A seed or a digest: 0x and 16 digits.
std::string hex64(uint64_t value);

/// label/number, and #repeat and @incarnation where they are not the first.
std::string name_of(const sim::ActorId& id);
/// Of a task by its index into the trace; "the world" for kNobody.
std::string name_of_task(const sim::Trace& trace, uint32_t task);
/// The same without the name of a device: "done-write/4096".
std::string short_name_of_task(const sim::Trace& trace, uint32_t task);
/// The last part of the device's name: "hlog"; empty if there is none in the name of the task.
std::string device_of_task(const sim::Trace& trace, uint32_t task);

/// A kind of event, of the engine or of the world: "head-moved", "io-submitted".
std::string_view kind_text(uint16_t kind);

/// False for the Site of an event that has none.
bool is_known(const sim::Site& site);
/// The file as it is called in this tree, without the way from the build folder.
std::string file_of(const sim::Site& site);
/// file:line
std::string place_of(const sim::Site& site);
/// The function without its namespace, return type and parameters.
std::string function_of(const sim::Site& site);
/// "file:line (function)"
std::string place_and_function(const sim::Site& site);
/// The text of the line in the tree that this binary was built from; empty if that is not there.
std::string source_line(const sim::Site& site);
/// The folder of that tree.
std::string_view source_root();

}  // namespace orrery::reports
