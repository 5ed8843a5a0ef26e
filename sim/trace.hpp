// SPDX-License-Identifier: Apache-2.0
// What happened in a run, as plain records in order: the evidence that oracles point at and that
// stories are told from.
//
// Engine notes (boundary moves, page walks, checkpoint phases) and the world's own events (frames,
// I/O, tasks, crashes) stand in one list. Every event also enters the run's digest, by its logical
// content only: a Site never does.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/runtime/points.hpp"
#include "sim/choices.hpp"
#include "sim/media.hpp"

namespace orrery::sim {

using engine::Note;
using engine::Site;

/// Kinds of the world's own events. Engine kinds are below 1000.
enum class Kind : uint16_t {
  task_spawned = 1000,       // a: index of the task
  task_ended = 1001,         // a: index of the task
  task_switched = 1002,      // a: index of the task that runs now; b: of the one that ran
  frame_acquired = 1010,     // a: page; b: generation; c: size
  frame_retired = 1011,      // a: page; b: generation
  io_submitted = 1020,       // a: index of the request; b: offset; c: length
  io_transferred = 1021,     // a: index of the request; b: offset; c: bytes
  io_completed = 1022,       // a: index of the request; b: Errc; c: bytes
  io_synced = 1023,          // a: index of the request
  allocation_failed = 1030,  // a: size
  name_failed = 1031,        // a: 0 opened, 1 removed, 2 all synced, 3 listed; b: 1 with effect
  crashed = 1040,            // a: 0 process crash, 1 power loss
  decayed = 1041,  // a: a Decay::Kind; b: which bit, bytes left, or files lost; c: hash of the name
  point = 1050,    // only in detailed runs, never in the digest; a: of the actor; b: digest
};

inline constexpr uint32_t kNobody = UINT32_MAX;  // the world itself

struct Event {
  uint64_t step = 0;
  int64_t now_ns = 0;
  uint32_t task = kNobody;  // index into the run's tasks
  uint16_t kind = 0;
  int64_t a = 0;
  int64_t b = 0;
  int64_t c = 0;
  Site site;
  uint64_t own = 0;  // points of the task so far: what others did meanwhile does not count
};

/// A task that lived in a run, for lanes and names.
struct TaskRecord {
  ActorId name;
  uint64_t spawned = 0;  // step
  uint64_t points = 0;   // of its own, up to its end or that of the run
};

/// One lifetime of a frame: which page, and who gave and took it.
struct Lifetime {
  int64_t page = 0;
  uint64_t size = 0;
  uint64_t acquired_step = 0;
  uint64_t retired_step = UINT64_MAX;  // UINT64_MAX: still live
  int64_t acquired_ns = 0;
  int64_t retired_ns = 0;
  uint32_t acquired_by = kNobody;
  uint32_t retired_by = kNobody;
  Site acquired_at;
  Site retired_at;
};

/// One request to a device.
struct IoRecord {
  const char* device = "";
  uint8_t kind = 0;     // engine::IoKind
  uint32_t repeat = 0;  // the n-th of this device, kind and offset
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t generation = 0;  // of the frame that holds the buffer; 0 = none
  uint32_t submitted_by = kNobody;
  uint32_t finishes = 0;  // how often it was finished; must end at 1
  Site submitted_at;
};

struct Trace;

/// The file or directory that a choice of Ask::rot, Ask::cut or Ask::directory was made of.
std::string_view file_at_rest(const Taken& taken);
/// What a choice of that kind makes of a file or directory; none, if it makes nothing of one.
Decay::Kind decay_of(Ask ask);
/// Whether the choice is the one that this event, of Kind::decayed, tells of.
bool is_made_by(const Event& decay, const Taken& taken);
/// The file or directory that such an event tells of: it holds the name's hash, and the choice the
/// name.
std::string_view decayed_file(const Trace& trace, const Event& decay);

struct Trace {
  std::vector<Event> events;
  std::vector<TaskRecord> tasks;
  std::vector<Lifetime> lifetimes;  // generation g is lifetimes[g - 1]
  std::vector<IoRecord> requests;
  std::vector<Taken> taken;

  void clear();
};

}  // namespace orrery::sim
