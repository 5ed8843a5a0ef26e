// SPDX-License-Identifier: Apache-2.0
// One sentence for each kind of event and each kind of deviation.
//
// In come a run and one record of its trace; out comes what a person would say of it, with logical
// values only. A sentence about an event leaves out who and when: lanes and lists say that. A kind
// that is not known here is told by its number and values, never left out.
#pragma once

#include <string>

#include "scenarios/run.hpp"

namespace orrery::reports {

/// What happened: "moves head from 4,096 to 4,608 (page 9)".
std::string sentence_of(const scenarios::Run& run, const sim::Event& event);

/// What was not calm: "session/2 ran instead of session/0 at the 17th point of upsert/12".
std::string sentence_of(const scenarios::Run& run, const sim::Taken& taken);

/// An address of the log, with its page where the page size is known: "4,700 (page 9 + 92)".
std::string address_text(const scenarios::Run& run, int64_t address);

/// "the write of 512 bytes at 4,096 of store/hlog".
std::string request_text(const scenarios::Run& run, uint64_t request);

/// The name of a word of engine/store/boundaries.hpp, of a phase of checkpoint.hpp, of an Errc.
const char* boundary_name(int64_t which);
std::string phase_text(int64_t phase, int64_t version);
std::string errc_text(int64_t code);

/// True for the end of a request that moved fewer bytes than it should, and says that it is well.
bool is_short(const scenarios::Run& run, const sim::Event& event);

/// A transfer happens while some task runs, but it is not that task's doing.
bool is_by_device(const sim::Event& event);

inline constexpr size_t kNoEvent = SIZE_MAX;

/// The event at which a deviation took effect: the switch, or the request that it changed. kNoEvent
/// if the trace holds none.
size_t event_of(const scenarios::Run& run, const sim::Taken& taken);

/// The call at which a deviation took effect, as far as the trace knows it: in a detailed run the
/// point at which a task was stopped, else the call that submitted a request or asked for memory.
sim::Site site_of(const scenarios::Run& run, const sim::Taken& taken);

/// The request that an I/O choice was about; UINT64_MAX if there is none.
uint64_t request_of(const scenarios::Run& run, const sim::Taken& taken);

}  // namespace orrery::reports
