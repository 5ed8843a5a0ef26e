// SPDX-License-Identifier: Apache-2.0
// How the world may go wrong: hooks that the media, the device and the memory consult at named
// moments.
//
// A fault is one file in faults/ and a row in its catalogue. It is asked at an address, so that its
// decisions are choices like all others, and it declares which promises of the world it may void;
// oracles judge by what remains. What a device may always do (late, inline, out of order) is not a
// fault but legal freedom, and is asked without one.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/runtime/device.hpp"
#include "sim/choices.hpp"
#include "sim/media.hpp"

namespace orrery::sim {

/// What a world otherwise promises to an engine.
enum class Promise : uint32_t {
  availability = 1,  // requests succeed, memory is there
  durability = 2,    // what was synced survives power loss
  integrity = 4,     // bytes read are the bytes written
};

/// What becomes of one request beyond legal freedom.
enum class IoFate : uint8_t {
  normal,
  error_at_submit,      // refused, inline, without any effect
  error_before_effect,  // fails at completion; nothing was transferred
  error_half_effect,    // fails at completion; the first half was transferred
  error_after_effect,   // fails at completion, though everything was transferred
  short_transfer,       // succeeds with fewer bytes than asked for
};

/// What becomes of a call that concerns names: open, remove, sync_names.
enum class NameFate : uint8_t {
  normal,
  refused,  // fails without any effect
  done,     // fails, though it had its effect
};

/// Asks the one who decides.
class Asker {
 public:
  virtual uint64_t choose(Ask ask, uint64_t bound) = 0;

 protected:
  ~Asker() = default;
};

/// What a scenario must do, or let happen, before a fault can show in it.
enum class Leave : uint8_t {
  none,    // nothing: it shows anywhere
  power,   // lose power
  decay,   // let files decay (DiskLaws::may_decay)
  vanish,  // let directories vanish (DiskLaws::may_vanish)
};

class Fault {
 public:
  virtual ~Fault() = default;
  virtual const char* name() const = 0;
  virtual const char* sentence() const = 0;
  /// A set of Promise bits.
  virtual uint32_t voids() const = 0;
  virtual Leave leave() const { return Leave::none; }

  /// A request was submitted. `ask` is bound to its address.
  virtual IoFate on_submit(const engine::Io&, Asker&) { return IoFate::normal; }
  /// Memory, Frames or spawn is asked for something. True: refused.
  virtual bool on_allocate(Asker&) { return false; }
  /// A name is opened or removed, or all are synced.
  virtual NameFate on_name(Asker&) { return NameFate::normal; }
  /// Power is lost while so many writes are pending. How many of them survive: the first, in the
  /// order in which they were accepted. Nothing: each is asked about on its own.
  virtual std::optional<uint64_t> on_image(Asker&, uint64_t /*pending*/) { return {}; }
  /// How much is there of the last write that survives, the only one then that is torn. Whole: each
  /// that is asked about on its own may be.
  virtual Landing on_edge(Asker&) { return Landing::whole; }
  /// Power is lost while a write is pending. True: it is lost. Asked for each, oldest first.
  virtual bool on_power_loss(Asker&) { return false; }
  /// Asked then for each write that is not: how much of it is there.
  virtual Landing on_landing(Asker&) { return Landing::whole; }
  /// Power is off, and a directory that may vanish (DiskLaws) holds a file. True: it is gone.
  virtual bool on_directory(Asker&) { return false; }
  /// Power is off, and a file that may decay (DiskLaws) holds so many sectors, at least one. What
  /// becomes of it.
  virtual Decay on_rest(Asker&, uint64_t /*sectors*/, uint32_t /*sector*/) { return {}; }
};

}  // namespace orrery::sim
